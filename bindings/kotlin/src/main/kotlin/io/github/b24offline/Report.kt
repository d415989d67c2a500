package io.github.b24offline

import io.github.b24offline.core.Severity
import io.github.b24offline.ffi.noticeJson
import io.github.b24offline.ffi.noticeSentence
import io.github.b24offline.ffi.noticeSeverity

/** Something a person may want to know; [toString] gives one sentence without secrets. */
public sealed class Report {
    /** How loud it is. */
    public abstract val severity: Severity

    /** The same as the text of a JSON object whose field `notice` names it. */
    public abstract fun json(): String

    /** From the machine. */
    public class Notice(
        /** What it said. */
        public val notice: io.github.b24offline.core.Notice,
    ) : Report() {
        override val severity: Severity get() = noticeSeverity(notice)

        override fun json(): String = noticeJson(notice)

        override fun toString(): String = noticeSentence(notice)
    }

    /** The handler threw, or answered what makes no sense; that was an attempt of its changes. */
    public class HandlerFailed(
        /** How many changes. */
        public val changes: Int,
        /** What was wrong. */
        public val why: String,
    ) : Report() {
        override val severity: Severity get() = Severity.WARNING

        override fun json(): String =
            Json.write(mapOf("notice" to "handler_failed", "changes" to changes, "why" to why))

        override fun toString(): String {
            val noun = if (changes == 1) "change" else "changes"
            return "the handler failed on $changes $noun: $why"
        }
    }
}

private val LOGGER: System.Logger by lazy { System.getLogger("io.github.b24offline") }

/** Where reports go that nobody asked for. */
internal fun logged(report: Report) {
    val level =
        when (report.severity) {
            Severity.INFO -> System.Logger.Level.INFO
            Severity.WARNING -> System.Logger.Level.WARNING
            Severity.ERROR -> System.Logger.Level.ERROR
        }
    LOGGER.log(level, report.toString())
}
