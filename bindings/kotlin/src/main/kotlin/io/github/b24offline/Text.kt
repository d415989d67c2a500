package io.github.b24offline

/** Whether it is text: half of a surrogate pair is none, and crosses no boundary. */
internal fun isText(words: String): Boolean = Charsets.UTF_8.newEncoder().canEncode(words)

/** The words as text: `?` in place of half of a surrogate pair. */
internal fun asText(words: String): String = if (isText(words)) words else words.toByteArray().decodeToString()
