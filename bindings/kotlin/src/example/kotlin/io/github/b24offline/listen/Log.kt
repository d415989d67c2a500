package io.github.b24offline.listen

import io.github.b24offline.OAuthFile
import io.github.b24offline.Report
import io.github.b24offline.core.Severity
import java.io.FileDescriptor
import java.io.FileOutputStream
import java.io.IOException

/** Notices on standard error, one line each, never a token in them. */
internal class Log(private val form: LogForm) {
    private val out = FileOutputStream(FileDescriptor.err)

    /** Tokens and secrets of this file are hidden, should a portal repeat them. */
    @Volatile
    var auth: OAuthFile? = null

    fun report(report: Report) = write(report.severity, report.toString(), report.json())

    fun info(sentence: String) = write(Severity.INFO, sentence, "{}")

    fun warning(sentence: String) = write(Severity.WARNING, sentence, "{}")

    fun error(sentence: String) = write(Severity.ERROR, sentence, "{}")

    private fun write(severity: Severity, sentence: String, fields: String) {
        val line =
            when (form) {
                LogForm.TEXT -> text(severity, sentence)
                LogForm.JSON -> jsonLine(severity, sentence, fields)
            }
        val bytes = ((auth?.redact(line) ?: line) + "\n").toByteArray()
        synchronized(out) {
            try {
                out.write(bytes)
            } catch (_: IOException) {
                // nobody is left to be told that standard error is closed
            }
        }
    }

    companion object {
        fun text(severity: Severity, sentence: String): String {
            val loud =
                when (severity) {
                    Severity.INFO -> ""
                    Severity.WARNING -> "warning: "
                    Severity.ERROR -> "error: "
                }
            return "b24-offline: $loud" + sentence.map { if (it.isISOControl()) ' ' else it }.joinToString("")
        }

        /** [fields] is the text of a JSON object; what is added stands before its own fields. */
        fun jsonLine(severity: Severity, sentence: String, fields: String): String {
            val at = System.currentTimeMillis()
            val own = """{"at":$at,"severity":"${severity.name.lowercase()}","message":${quoted(sentence)}"""
            return if (fields == "{}") "$own}" else "$own,${fields.removePrefix("{")}"
        }

        private fun quoted(text: String): String =
            text.asIterable().joinToString("", "\"", "\"") {
                when {
                    it == '"' || it == '\\' -> "\\$it"
                    it.isISOControl() || it.isSurrogate() -> "\\u%04x".format(it.code)
                    else -> it.toString()
                }
            }
    }
}
