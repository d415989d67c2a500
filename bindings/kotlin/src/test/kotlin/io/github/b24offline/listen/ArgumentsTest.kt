package io.github.b24offline.listen

import io.github.b24offline.core.Severity
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class ArgumentsTest {
    private fun arguments(vararg words: String) = Arguments.parse(words.toList())

    private fun options(vararg words: String) =
        Options(arguments("--endpoint=https://p.example/rest/", "--auth", "auth.json", "--event", "A", *words))

    private fun refusal(vararg words: String): String =
        assertThrows<Usage> { options(*words).check() }.message.orEmpty()

    @Test
    fun `seconds may have fractions`() {
        assertEquals(250uL, arguments("--poll", "0.25").seconds("--poll"))
        assertEquals(5_000uL, arguments("--poll=5").seconds("--poll"))
        assertEquals(null, arguments().seconds("--poll"))
        for (wrong in listOf("-1", "NaN", "Infinity", "5s", "", "1f", "0x1p3", "1e10", "5 ")) {
            assertThrows<Usage> { arguments("--poll=$wrong").seconds("--poll") }
        }
        assertThrows<Usage> { arguments("--attempts", "-1").count("--attempts") }
        assertThrows<Usage> { arguments("--attempts", "4294967296").count("--attempts") }
    }

    @Test
    fun `wrong usage is told in a sentence`() {
        assertEquals("--endpoint is missing; give it, or see --help", assertThrows<Usage> { Options(arguments()) }.message)
        assertEquals("'--journl' is no option of this program; see --help", refusal("--journl", "x"))
        assertEquals("--journal lacks its value; see --help", refusal("--journal", "--jsonl"))
        assertEquals("--journal is given twice; give it once", refusal("--journal", "x", "--journal", "y"))
        assertEquals("--jsonl takes no value; leave '=' out", refusal("--jsonl=yes"))
        assertEquals("--mode is 'fast'; give one of auto, reserve, delete", refusal("--mode", "fast"))
        assertTrue("leave one of them out" in refusal("--jsonl", "--exec", "cat"))
        assertTrue("nothing would receive the changes" in refusal())
        assertTrue("the command of --exec is empty" in refusal("--exec", " "))
        assertTrue("the field of --write-back is empty" in refusal("--jsonl", "--write-back", ""))
        assertTrue("reads nothing" in refusal("--jsonl", "--write-back", "TITLE", "--retrieve", "none"))
        assertEquals(
            "the path of --journal is empty; name a file, or leave the option out",
            refusal("--jsonl", "--journal", ""),
        )
        assertTrue("the path of --journal names no file" in refusal("--jsonl", "--journal", "a\u0000b"))
        options("--jsonl", "--event", "B").check()
        assertEquals(listOf("A", "B"), options("--jsonl", "--event", "B").events)
    }

    @Test
    fun `a notice is one line in both forms`() {
        assertEquals("b24-offline: warning: a b", Log.text(Severity.WARNING, "a\nb"))
        val line = Log.jsonLine(Severity.ERROR, "a\n\"b\"", """{"notice":"adopted","records":3}""")
        val end = ""","severity":"error","message":"a\u000a\"b\"","notice":"adopted","records":3}"""
        assertTrue(line.startsWith("{\"at\":1") && line.endsWith(end), line)
        assertTrue(Log.jsonLine(Severity.INFO, "я", "{}").endsWith(""","message":"я"}"""))
    }
}
