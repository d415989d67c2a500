package io.github.b24offline

import java.io.IOException
import java.nio.ByteBuffer
import java.nio.CharBuffer
import java.nio.file.Files
import java.nio.file.Path

/** An auth file that is not used, in a sentence that says why and what to do. None repeats a secret. */
public sealed class AuthFileException(message: String) : Exception(message) {
    /** Missing or unreadable. */
    public class Unreadable(path: String, why: String) :
        AuthFileException("the auth file $path can't be read ($why); name the JSON file with the tokens")

    /** A folder, or something else that is no file. */
    public class NoFile(path: String) :
        AuthFileException("the auth file $path is no file; name the JSON file with the tokens")

    /** Every user of the machine may read the tokens. */
    public class Open(path: String) :
        AuthFileException(
            "the auth file $path is open to every user of this machine; close it with: chmod 600 '$path'",
        )

    /** Not a JSON object; the reader stopped at this line and column, from 1. */
    public class NotJson(path: String, public val line: Int, public val column: Int) :
        AuthFileException(
            "the auth file $path is not a JSON object (see line $line, column $column); it needs " +
                AuthFileStore.FIELDS.joinToString(", "),
        )

    /** A field is missing, empty or no text. */
    public class Field(path: String, field: String) :
        AuthFileException("the auth file $path lacks the field '$field', which must be a text; add it")

    /** The address of the token endpoint can't be used. */
    public class OAuthUrl(path: String, why: EndpointException) :
        AuthFileException("the auth file $path: ${why.message}")
}

/** The auth file on the disk. */
internal object AuthFileStore {
    val FIELDS = listOf("access_token", "refresh_token", "client_id", "client_secret", "oauth_url")

    private const val MOST = 1024 * 1024

    /** Reads and checks the file. No error repeats anything of its content. */
    fun read(path: Path): Map<String, Any?> {
        val document =
            try {
                if (!Files.isRegularFile(path)) throw AuthFileException.NoFile(path.toString())
                if (isOpenToAll(path)) throw AuthFileException.Open(path.toString())
                val bytes = Files.newInputStream(path).use { it.readNBytes(MOST) }
                Json.asObject(Json.read(decoded(bytes))) ?: throw NotJson(1, 1)
            } catch (error: IOException) {
                throw AuthFileException.Unreadable(path.toString(), words(error))
            } catch (error: NotJson) {
                throw AuthFileException.NotJson(path.toString(), error.line, error.column)
            }
        FIELDS.firstOrNull { document.text(it).isEmpty() }?.let {
            throw AuthFileException.Field(path.toString(), it)
        }
        return document
    }

    private fun decoded(bytes: ByteArray): String {
        val text = CharBuffer.allocate(bytes.size)
        val outcome = Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes), text, true)
        text.flip()
        val read = text.toString()
        if (outcome.isError) throw NotJson(read.count { it == '\n' } + 1, read.length - read.lastIndexOf('\n'))
        return read
    }

    /** Puts the document in the file's place: at each moment the file is the old one or the new one. */
    fun write(path: Path, document: Map<String, Any?>) {
        val fresh = beside(path, ".${ProcessHandle.current().pid()}.new")
        try {
            writePrivately(fresh, (Json.writePretty(document) + "\n").toByteArray())
            replace(fresh, path)
        } catch (error: IOException) {
            Files.deleteIfExists(fresh)
            throw error
        }
    }
}

internal fun Map<String, Any?>.text(field: String): String = this[field] as? String ?: ""
