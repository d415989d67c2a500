package io.github.b24offline

import com.fasterxml.jackson.core.JsonFactory
import com.fasterxml.jackson.core.JsonGenerator
import com.fasterxml.jackson.core.JsonParser
import com.fasterxml.jackson.core.JsonProcessingException
import com.fasterxml.jackson.core.JsonToken
import com.fasterxml.jackson.core.util.DefaultIndenter
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter
import com.fasterxml.jackson.core.util.Separators
import java.io.StringWriter

/** Text that is not JSON, and where the reader stopped; it repeats nothing of the text. */
internal class NotJson(val line: Int, val column: Int) : Exception("not JSON at line $line, column $column")

/** A number as it was written: nothing is rounded on its way through. */
internal data class JsonNumber(val text: String)

/**
 * JSON as maps, lists, strings, [JsonNumber]s, booleans and nulls. Maps keep the order of the text; of a
 * name that comes twice the last one counts.
 */
internal object Json {
    private val factory = JsonFactory()

    /** @throws NotJson when the text is not exactly one JSON value */
    fun read(text: String): Any? =
        factory.createParser(text).use { parser ->
            try {
                val value = value(parser, parser.nextToken())
                if (parser.nextToken() != null) throw at(parser)
                value
            } catch (error: JsonProcessingException) {
                val location = error.location ?: throw at(parser)
                throw NotJson(location.lineNr, location.columnNr)
            }
        }

    /** The object in a text, or null where there is something else. */
    fun objectIn(text: String): Map<String, Any?>? =
        try {
            asObject(read(text))
        } catch (_: NotJson) {
            null
        }

    /** The value as an object, or null where it is something else. */
    fun asObject(value: Any?): Map<String, Any?>? {
        val map = value as? Map<*, *> ?: return null
        return buildMap { map.forEach { (name, value) -> put(name.toString(), value) } }
    }

    /** One line. */
    fun write(value: Any?): String = write(value) {}

    /** With two spaces a level, and each field on a line of its own. */
    fun writePretty(value: Any?): String {
        val separators =
            Separators.createDefaultInstance().withObjectFieldValueSpacing(Separators.Spacing.AFTER)
        val printer = DefaultPrettyPrinter(separators)
        printer.indentObjectsWith(DefaultIndenter("  ", "\n"))
        return write(value) { it.setPrettyPrinter(printer) }
    }

    private fun write(value: Any?, prepare: (JsonGenerator) -> Unit): String {
        val text = StringWriter()
        factory.createGenerator(text).use { generator ->
            prepare(generator)
            put(generator, value)
        }
        return text.toString()
    }

    private fun at(parser: JsonParser): NotJson {
        val location = parser.currentLocation()
        return NotJson(location.lineNr, location.columnNr)
    }

    private fun value(parser: JsonParser, token: JsonToken?): Any? =
        when (token) {
            JsonToken.START_OBJECT -> buildMap<String, Any?> {
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    val name = text(parser, parser.currentName())
                    put(name, value(parser, parser.nextToken()))
                }
            }
            JsonToken.START_ARRAY -> buildList<Any?> {
                while (true) {
                    val next = parser.nextToken()
                    if (next == JsonToken.END_ARRAY) break
                    add(value(parser, next))
                }
            }
            JsonToken.VALUE_STRING -> text(parser, parser.text)
            JsonToken.VALUE_NUMBER_INT, JsonToken.VALUE_NUMBER_FLOAT -> JsonNumber(parser.text)
            JsonToken.VALUE_TRUE -> true
            JsonToken.VALUE_FALSE -> false
            JsonToken.VALUE_NULL -> null
            else -> throw at(parser)
        }

    /** Escapes may make half of a surrogate pair, which is no text. */
    private fun text(parser: JsonParser, text: String): String = if (isText(text)) text else throw at(parser)

    private fun put(generator: JsonGenerator, value: Any?) {
        when (value) {
            null -> generator.writeNull()
            is Map<*, *> -> {
                generator.writeStartObject()
                for ((name, field) in value) {
                    generator.writeFieldName(name.toString())
                    put(generator, field)
                }
                generator.writeEndObject()
            }
            is List<*> -> {
                generator.writeStartArray()
                value.forEach { put(generator, it) }
                generator.writeEndArray()
            }
            is Boolean -> generator.writeBoolean(value)
            is JsonNumber -> generator.writeNumber(value.text)
            is Number -> generator.writeNumber(value.toString())
            else -> generator.writeString(value.toString())
        }
    }
}
