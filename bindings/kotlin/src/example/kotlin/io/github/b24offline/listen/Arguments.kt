package io.github.b24offline.listen

import kotlin.math.roundToLong

/** Wrong usage, in a sentence that says what to do. */
internal class Usage(message: String) : Exception(message)

/** The command line as names and values. */
internal class Arguments private constructor(private val given: Map<String, List<String>>) {
    fun has(name: String): Boolean = name in given

    fun all(name: String): List<String> = given[name].orEmpty()

    fun optional(name: String): String? = given[name]?.last()

    fun required(name: String): String =
        optional(name) ?: throw Usage("$name is missing; give it, or see --help")

    /** Milliseconds of a span in seconds. */
    fun seconds(name: String): ULong? {
        val text = optional(name) ?: return null
        val seconds = text.takeIf(NUMBER::matches)?.toDouble()?.takeIf { it in 0.0..LONGEST }
        seconds ?: throw Usage("$name is '$text'; give seconds from 0 on, fractions allowed")
        return (seconds * 1_000).roundToLong().toULong()
    }

    fun count(name: String): UInt? {
        val text = optional(name) ?: return null
        return text.toUIntOrNull() ?: throw Usage("$name is '$text'; give a whole number from 0 on")
    }

    /** One of the named values; the first is the default. */
    fun <T> choice(name: String, vararg values: Pair<String, T>): T {
        val text = optional(name) ?: return values.first().second
        val names = values.joinToString(", ") { it.first }
        return values.firstOrNull { it.first == text }?.second
            ?: throw Usage("$name is '$text'; give one of $names")
    }

    companion object {
        private val NUMBER = Regex("""[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?""")
        private const val LONGEST = 1e9
        private val FLAGS = setOf("--allow-http", "--jsonl", "--until-empty")
        private val VALUES =
            setOf(
                "--endpoint", "--auth", "--ca", "--connector", "--event", "--journal", "--exec", "--poll", "--sweep",
                "--retry-delay", "--attempts", "--limits", "--on-reject", "--mode", "--retrieve", "--batch-size",
                "--write-back", "--log",
            )
        private const val REPEATABLE = "--event"

        /** Reads `--name value` and `--name=value`. */
        fun parse(words: List<String>): Arguments {
            val given = mutableMapOf<String, MutableList<String>>()
            val left = ArrayDeque(words)
            while (left.isNotEmpty()) {
                val word = left.removeFirst()
                val name = word.substringBefore('=')
                val attached = if ('=' in word) word.substringAfter('=') else null
                val value =
                    when (name) {
                        in FLAGS -> if (attached == null) "" else throw Usage("$name takes no value; leave '=' out")
                        in VALUES -> attached ?: next(left, name)
                        else -> throw Usage("'$name' is no option of this program; see --help")
                    }
                if (name in given && name != REPEATABLE) throw Usage("$name is given twice; give it once")
                given.getOrPut(name, ::mutableListOf) += value
            }
            return Arguments(given)
        }

        private fun next(left: ArrayDeque<String>, name: String): String =
            left.firstOrNull()?.takeUnless { it.startsWith("--") }?.also { left.removeFirst() }
                ?: throw Usage("$name lacks its value; see --help")
    }
}
