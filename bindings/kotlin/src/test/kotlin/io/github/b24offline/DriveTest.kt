package io.github.b24offline

import io.github.b24offline.core.Batch
import io.github.b24offline.core.Call
import io.github.b24offline.core.Change
import io.github.b24offline.core.End
import io.github.b24offline.core.Failure
import io.github.b24offline.core.JournalContents
import io.github.b24offline.core.JournalCondition
import io.github.b24offline.core.Notice
import io.github.b24offline.core.ObjectId
import io.github.b24offline.core.Phase
import io.github.b24offline.core.Redrive
import io.github.b24offline.core.Reply
import io.github.b24offline.core.Save
import io.github.b24offline.core.SaveOutcome
import io.github.b24offline.core.Timestamp
import io.github.b24offline.core.Until
import io.github.b24offline.core.Verdict
import io.github.b24offline.core.Verdicts
import io.github.b24offline.core.WriteResult
import io.github.b24offline.ffi.defaultConfig
import io.github.b24offline.ffi.eventName
import kotlin.coroutines.ContinuationInterceptor
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.TestScope
import kotlinx.coroutines.test.currentTime
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.fail

private const val START = 1_795_000_000_000L
private val ALL_DONE = Verdicts.All(Verdict.Done, emptyList())

/** The drive loop against a scripted portal, in virtual time. */
@OptIn(ExperimentalCoroutinesApi::class)
class DriveTest {
    private val reports = mutableListOf<Report>()
    private val journal = MemoryJournal()

    private fun TestScope.queue(
        transport: Transport,
        until: Until = Until.EMPTY,
        journal: Journal = this@DriveTest.journal,
    ): Queue {
        val clock =
            object : Clock {
                override fun now(): Timestamp = (START + currentTime).toULong()

                override suspend fun sleepUntil(at: Timestamp) = delay(at.toLong() - now().toLong())
            }
        val config = defaultConfig("portal.example", listOf(eventName("ONCRMDEALADD"))).copy(until = until)
        val handlers = checkNotNull(coroutineContext[ContinuationInterceptor])
        return Queue.of(config, transport, journal, clock, { reports += it }, handlers)
    }

    private val notices: List<Notice> get() = reports.filterIsInstance<Report.Notice>().map { it.notice }

    @Test
    fun `a queue is drained, and what is delivered was in the journal before`() = runTest {
        val portal = ScriptedPortal("1", "2", "3")
        val queue = queue(portal)
        val seen = mutableListOf<String>()
        val handler = each { change: Change ->
            assertTrue(journal.contents().entries.any { it.key.startsWith("reservation/") })
            seen += change.`object`.id
            Verdict.Done
        }
        assertEquals(End.Empty, queue.run(handler))
        assertEquals(listOf("1", "2", "3"), seen.sorted())
        assertEquals(0, portal.left)
        assertEquals(Phase.Ended(End.Empty), queue.status.value.phase)
        assertEquals(3uL, queue.status.value.counters.done)
        assertEquals(Notice.Ready(1u, 0u), notices.first())
    }

    @Test
    fun `what a handler throws fails its change only, and that comes again later`() = runTest {
        val attempts = mutableMapOf<String, MutableList<Long>>()
        val handler = each { change: Change ->
            val mine = attempts.getOrPut(change.`object`.id, ::mutableListOf)
            mine += currentTime
            // a time limit of the handler's own is a failure like others
            if (change.`object`.id == "3" && mine.size == 1) withTimeout(10) { delay(20) }
            check(change.`object`.id != "2" || mine.size > 1) { "not now" }
            Verdict.Done
        }
        assertEquals(End.Empty, queue(ScriptedPortal("1", "2", "3")).run(handler))
        assertEquals(mapOf("1" to 1, "2" to 2, "3" to 2), attempts.mapValues { it.value.size })
        attempts.filterKeys { it != "1" }.values.forEach { (first, second) ->
            assertTrue(second - first in 4_000..20_000, "${second - first} ms")
        }
        val failures = reports.filterIsInstance<Report.HandlerFailed>().map { it.toString() }
        assertTrue(failures.any { it.endsWith(": it threw IllegalStateException: not now") }, "$failures")
    }

    @Test
    fun `a handler that names strangers has its batch given to it again`() = runTest {
        var first = true
        val handler = Handler { batch ->
            val wrong = io.github.b24offline.core.Judgement("stranger", Verdict.Done)
            if (first) Verdicts.Some(listOf(wrong)).also { first = false } else {
                assertEquals(1, batch.changes.size)
                ALL_DONE
            }
        }
        assertEquals(End.Empty, queue(ScriptedPortal("1")).run(handler))
        assertTrue(reports.any { it is Report.HandlerFailed && "stranger" in it.why }, "$reports")
    }

    @Test
    fun `the verdicts are taken before the handler hears of it`() = runTest {
        val judged = mutableListOf<Pair<Batch, Verdicts>>()
        val queue = queue(ScriptedPortal("1"))
        val handler =
            object : Handler {
                override suspend fun handle(batch: Batch): Verdicts = ALL_DONE

                override fun judged(batch: Batch, verdicts: Verdicts) {
                    judged += batch to verdicts
                }
            }
        queue.run(handler)
        assertEquals(listOf<Verdicts>(ALL_DONE), judged.map { it.second })
    }

    @Test
    fun `writes are answered, and one that is no object is told to its caller alone`() = runTest {
        val portal = ScriptedPortal("1")
        val queue = queue(portal)
        val handler = each { _: Change ->
            assertEquals(WriteResult.Done("true"), queue.write("crm.deal.update", """{"id":1}"""))
            // the last is JSON to a quick look, and too deep for the machine
            val deep = "{\"a\":" + "[".repeat(500) + "]".repeat(500) + "}"
            for (params in listOf("[1]", "{", "{\"a\":\"\uD800\"}", deep)) {
                val error = runCatching { queue.write("crm.deal.update", params) }.exceptionOrNull()
                assertTrue(error is QueueException.Params, "$params: $error")
            }
            Verdict.Done
        }
        assertEquals(End.Empty, queue.run(handler))
        assertEquals(1, portal.methods.count { it == "crm.deal.update" })
        val late = runCatching { queue.write("crm.deal.update", "{}") }.exceptionOrNull()
        assertTrue(late is QueueException.Ended, "$late")
        assertEquals("the queue ended before the result of crm.deal.update was known", late?.message)
    }

    @Test
    fun `a name that is no text is an error of its call alone`() = runTest {
        val queue = queue(ScriptedPortal("1"))
        val handler = each { _: Change ->
            for (wrong in listOf(ObjectId("crm.deal", "\uD800"), ObjectId("\uDC00", "1"))) {
                assertThrows<QueueException.NotText> { queue.redrive(Redrive.Objects(listOf(wrong))) }
            }
            val error = runCatching { queue.write("crm.deal.\uD800", "{}") }.exceptionOrNull()
            assertTrue(error is QueueException.NotText, "$error")
            Verdict.Done
        }
        assertEquals(End.Empty, queue.run(handler))
        assertEquals(1uL, queue.status.value.counters.done)
    }

    @Test
    fun `the end of a run lets the transport finish before it is closed`() = runTest {
        val portal = ScriptedPortal("1")
        val heard = mutableListOf<String>()
        val transport =
            object : Transport by portal {
                override suspend fun finish() {
                    delay(1_000)
                    heard += "finished"
                }

                override fun close() {
                    heard += "closed"
                }
            }
        assertEquals(End.Empty, queue(transport).run { ALL_DONE })
        assertEquals(listOf("finished", "closed"), heard)
    }

    @Test
    fun `a stop waits for the handler and settles what it judged`() = runTest {
        val portal = ScriptedPortal("1")
        val queue = queue(portal, Until.STOPPED)
        val handler = each { _: Change ->
            queue.stop()
            delay(10_000)
            Verdict.Done
        }
        assertEquals(End.Stopped, queue.run(handler))
        assertEquals(0, portal.left)
    }

    @Test
    fun `a handler that hangs is given up after 30 s and cancelled`() = runTest {
        val portal = ScriptedPortal("1")
        val queue = queue(portal, Until.STOPPED)
        val (began, ended) = CompletableDeferred<Long>() to CompletableDeferred<Long>()
        val handler = Handler {
            began.complete(currentTime)
            queue.stop()
            try {
                awaitCancellation()
            } finally {
                ended.complete(currentTime)
            }
        }
        assertEquals(End.Stopped, queue.run(handler))
        assertEquals(30_000, ended.await() - began.await())
        assertEquals(1, portal.left)
    }

    @Test
    fun `cancelling a run is a crash that loses nothing`() = runTest {
        val portal = ScriptedPortal("1", "2")
        val began = CompletableDeferred<Unit>()
        val run = launch {
            queue(portal).run {
                began.complete(Unit)
                awaitCancellation()
            }
        }
        began.await()
        run.cancelAndJoin()
        assertEquals(2, portal.left)
        val seen = mutableListOf<String>()
        queue(portal).run(each { seen += it.`object`.id; Verdict.Done })
        assertEquals(listOf("1", "2"), seen.sorted())
        assertEquals(0, portal.left)
    }

    @Test
    fun `a parked change is driven again on request`() = runTest {
        val queue = queue(ScriptedPortal("1"), Until.STOPPED)
        var attempts = 0
        val handler = each { _: Change ->
            attempts += 1
            if (attempts == 1) Verdict.Reject("not yet") else Verdict.Done.also { queue.stop() }
        }
        val run = async { queue.run(handler) }
        queue.status.first { it.parked > 0u }
        queue.redrive(Redrive.All)
        assertEquals(End.Stopped, run.await())
        assertEquals(2, attempts)
        assertTrue(notices.any { it is Notice.Parked && it.reason == "not yet" }, "$notices")
    }

    @Test
    fun `a nudge looks at once`() = runTest {
        val portal = ScriptedPortal()
        val queue = queue(portal, Until.STOPPED)
        val run = async { queue.run { ALL_DONE } }
        delay(60_000)
        val (before, at) = portal.methods.size to currentTime
        queue.nudge()
        while (portal.methods.size == before) delay(10)
        assertTrue(currentTime - at < 1_000, "${currentTime - at} ms")
        queue.stop()
        run.await()
    }

    @Test
    fun `a journal that can't be written stops before anything is delivered`() = runTest {
        val full =
            object : Journal {
                override fun contents() = JournalContents(emptyList(), JournalCondition.INTACT)

                override suspend fun save(save: Save): SaveOutcome = SaveOutcome.Failed("no room")
            }
        val queue = queue(ScriptedPortal("1"), journal = full)
        val error = runCatching { queue.run { fail("$it was delivered") } }.exceptionOrNull()
        assertTrue(error is QueueException.Failed && error.failure is Failure.Journal, "$error")
        assertTrue("no room" in error?.message.orEmpty(), error?.message)
    }

    @Test
    fun `what answers in HTML for a minute is no portal`() = runTest {
        val page =
            object : Transport {
                override suspend fun send(call: Call): Reply = Reply.Answer(200u, "<html>Welcome</html>")
            }
        val error = runCatching { queue(page).run { ALL_DONE } }.exceptionOrNull()
        assertTrue(error is QueueException.Failed && error.failure is Failure.NotAPortal, "$error")
        assertTrue(currentTime in 60_000..300_000, "$currentTime ms")
    }

    @Test
    fun `a mistake in a transport surfaces`() = runTest {
        for (mistake in listOf(IllegalArgumentException("boom"), kotlin.coroutines.cancellation.CancellationException())) {
            val broken =
                object : Transport {
                    override suspend fun send(call: Call): Reply = throw mistake
                }
            val error = runCatching { queue(broken).run { ALL_DONE } }.exceptionOrNull()
            assertTrue(generateSequence(error) { it.cause }.any { it === mistake || it.message == "boom" }, "$error")
            assertTrue(error !is kotlin.coroutines.cancellation.CancellationException, "$error")
        }
    }

    @Test
    fun `a queue is run once, and a closed one not at all`() = runTest {
        val queue = queue(ScriptedPortal("1"))
        val run = async { runCatching { queue.run { awaitCancellation() } } }
        delay(5_000)
        assertTrue(runCatching { queue.run { ALL_DONE } }.exceptionOrNull() is QueueException.RunTwice)
        val write = async { runCatching { queue.write("crm.deal.update", "{}") } }
        delay(1)
        queue.close()
        queue.close()
        assertTrue(run.await().exceptionOrNull() is QueueException.Closed)
        write.await()
        assertTrue(runCatching { queue.run { ALL_DONE } }.exceptionOrNull() is QueueException.Closed)
        val never = queue(ScriptedPortal("1"))
        never.close()
        assertTrue(runCatching { never.run { ALL_DONE } }.exceptionOrNull() is QueueException.Closed)
        assertTrue(runCatching { never.write("a", "{}") }.exceptionOrNull() is QueueException.Ended)
    }
}
