package io.github.b24offline

/** A token or a client secret: its text form is `…`, so that it can't slip into a log. */
public class Secret(private val text: String) {
    /** The text itself, for the place that sends or stores it. */
    public fun reveal(): String = text

    override fun equals(other: Any?): Boolean = other is Secret && other.text == text

    override fun hashCode(): Int = text.hashCode()

    override fun toString(): String = "…"
}
