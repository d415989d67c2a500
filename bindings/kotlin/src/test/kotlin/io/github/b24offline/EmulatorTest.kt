package io.github.b24offline

import io.github.b24offline.core.Change
import io.github.b24offline.core.End
import io.github.b24offline.core.Limits
import io.github.b24offline.core.Verdict
import io.github.b24offline.core.WriteResult
import io.github.b24offline.ffi.MachineException
import io.github.b24offline.ffi.TextException
import io.github.b24offline.ffi.changeLine
import java.nio.file.Path
import java.util.concurrent.ConcurrentLinkedQueue
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

private val EVENTS = listOf("ONCRMDEALADD", "ONCRMDEALUPDATE")

/** The library in this process against the emulated portal of the native program. */
class EmulatorTest {
    @TempDir lateinit var folder: Path

    private val journal: Path get() = folder.resolve("queue.journal")

    private fun open(auth: AuthSource, onNotice: (Report) -> Unit = {}): Queue =
        Queue.open(auth, EVENTS, "warehouse", journal, untilEmpty = true, onNotice = onNotice) {
            it.copy(limits = Limits.OFF, poll = 50u, sweep = 300u)
        }

    private fun auth(portal: Emulator) = OAuthFile.open(portal.auth, Endpoint.parse(portal.http, allowHttp = true))

    private fun assertDrained(portal: Emulator) {
        val audit = checkNotNull(Json.asObject(portal.get("audit")))
        assertEquals(emptyList<Any>(), audit["lost"], "$audit")
        assertEquals(emptyList<Any>(), audit["reservations"], "$audit")
        assertEquals(JsonNumber("0"), audit["free_records"], "$audit")
        assertEquals(JsonNumber("0"), audit["false_gone"], "$audit")
    }

    @ParameterizedTest
    @ValueSource(strings = ["documented", "source"])
    fun `a queue is drained in both personalities, while the token expires and an answer is lost`(personality: String) {
        Emulator(folder, "--personality", personality).use { portal ->
            val auth = auth(portal)
            val reports = ConcurrentLinkedQueue<String>()
            // binds, and finds nothing
            runBlocking { assertEquals(End.Empty, open(auth).run { error("$it") }) }
            portal.post("objects/create", """{"kind": "crm.deal", "count": 120, "fields": {"TITLE": "я"}}""")
            portal.post("token/expire", "")
            val fault = """{"method": "batch", "after": 1, "count": 1, "kind": {"answer_lost": {"hang_ms": 20}}}"""
            portal.post("faults", fault)
            val queue = open(auth) { reports += it.toString() }
            val writes = ConcurrentLinkedQueue<WriteResult>()
            val handler = each(atOnce = 4) { change: Change ->
                portal.post("delivered", changeLine(change))
                if (change.`object`.id == "7") {
                    writes += queue.write("crm.deal.update", """{"id": 7, "fields": {"COMMENTS": "seen"}}""")
                }
                Verdict.Done
            }
            assertEquals(End.Empty, runBlocking { queue.run(handler) })
            assertDrained(portal)
            assertTrue(writes.all { it == WriteResult.Done("true") } && writes.isNotEmpty(), "$writes")
            assertTrue(reports.any { "the answer broke off" in it }, "$reports")
        }
    }

    @Test
    fun `wrong names, configurations and journals are told when it is opened`() {
        Emulator(folder).use { portal ->
            val auth = auth(portal)
            val name = assertThrows<TextException.Value> { Queue.open(auth, listOf("not an event")) }
            assertTrue("not an event" in name.message.orEmpty(), "$name")
            assertThrows<TextException.Value> { Queue.open(auth, EVENTS, connector = "") }
            val none = assertThrows<MachineException.Config> { Queue.open(auth, emptyList()) }
            assertTrue("name at least one" in none.message.orEmpty(), "$none")
            open(auth).use { assertThrows<JournalException.InUse> { open(auth) } }
            runBlocking { open(auth).run { error("$it") } }
            val before = journal.toFile().readText()
            assertThrows<MachineException.Config> { Queue.open(auth, EVENTS, "another", journal) }
            assertEquals(before, journal.toFile().readText(), "another queue's journal is left untouched")
            open(auth).use { assertFalse("canary" in "$it $auth") }
        }
    }
}
