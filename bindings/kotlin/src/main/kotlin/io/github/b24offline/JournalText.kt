package io.github.b24offline

import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.util.TreeMap

/**
 * A journal as text: the line `{"b24_offline_journal":1}`, with `,"salvaged":true` until the first save after
 * a salvage, then one line `["key","value"]` for each entry, sorted by key.
 */
internal class JournalText(
    val entries: TreeMap<String, String>,
    val salvaged: Boolean,
    /** Something could not be read, and [entries] is the rest. */
    val damaged: Boolean = false,
) {
    fun bytes(): ByteArray {
        val text = StringBuilder(Json.write(mapOf(NAME to 1) + if (salvaged) mapOf(SALVAGED to true) else mapOf()))
        text.append('\n')
        entries.forEach { (key, value) -> text.append(Json.write(listOf(key, value))).append('\n') }
        return text.toString().toByteArray()
    }

    companion object {
        private const val NAME = "b24_offline_journal"
        private const val SALVAGED = "salvaged"
        private const val SQLITE = "SQLite format 3"

        /** Whether the file is a database of another program. */
        fun isForeign(bytes: ByteArray): Boolean =
            bytes.size >= SQLITE.length && String(bytes, 0, SQLITE.length, Charsets.ISO_8859_1) == SQLITE

        /** Reads all that can be read. */
        fun read(bytes: ByteArray): JournalText {
            val entries = TreeMap<String, String>()
            if (bytes.isEmpty()) return JournalText(entries, salvaged = false)
            val lines = lines(bytes)
            val header = lines.first()?.let(::header)
            // the text ends with a line's end, and behind that is nothing
            var damaged = header == null || lines.last() != ""
            val rest = if (header == null) lines else lines.drop(1)
            for (line in if (damaged) rest else rest.dropLast(1)) {
                val entry = line?.let(::entry)
                if (entry == null) damaged = true else entries[entry.first] = entry.second
            }
            return JournalText(entries, header == true, damaged)
        }

        /** The lines; null is one that is no UTF-8. */
        private fun lines(bytes: ByteArray): List<String?> {
            val ends = bytes.indices.filter { bytes[it] == '\n'.code.toByte() } + bytes.size
            var start = 0
            return ends.map { end -> decoded(bytes, start, end).also { start = end + 1 } }
        }

        private fun decoded(bytes: ByteArray, start: Int, end: Int): String? =
            try {
                Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, start, end - start)).toString()
            } catch (_: CharacterCodingException) {
                null
            }

        /** Whether the journal was salvaged; null when the line is no header. */
        private fun header(line: String): Boolean? {
            val fields = Json.objectIn(line) ?: return null
            val salvaged = fields[SALVAGED] ?: false
            val known = fields.keys.all { it == NAME || it == SALVAGED }
            return if (known && fields[NAME] == JsonNumber("1")) salvaged as? Boolean else null
        }

        private fun entry(line: String): Pair<String, String>? {
            val pair =
                try {
                    Json.read(line) as? List<*>
                } catch (_: NotJson) {
                    null
                }
            val key = pair?.getOrNull(0) as? String
            val value = pair?.getOrNull(1) as? String
            return if (pair?.size == 2 && key != null && value != null) key to value else null
        }
    }
}
