package io.github.b24offline

import io.github.b24offline.core.Batch
import io.github.b24offline.core.Change
import io.github.b24offline.core.Judgement
import io.github.b24offline.core.ObjectId
import io.github.b24offline.core.Origin
import io.github.b24offline.core.State
import io.github.b24offline.core.Verdict
import io.github.b24offline.core.Verdicts
import io.github.b24offline.ffi.verdictOf
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.runTest
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

private const val HALF = "no \uD83D"
private val RETRY = Verdict.Retry(null)

/** Whatever a handler does, each change gets one verdict, and the run goes on. */
class HandlerTest {
    private val reports = mutableListOf<String>()
    private val batch = Batch(1u, listOf("a", "b").map(::change))

    private fun change(key: String) =
        Change(key, ObjectId("crm.deal", key), emptyList(), State.PRESENT, "{}", "", 1u, Origin.FRESH)

    private suspend fun judged(handler: Handler): List<Verdict?> {
        reports.clear()
        val verdicts = judge(handler, batch) { reports += it.toString() }
        return listOf("a", "b").map { verdictOf(verdicts, it) }
    }

    @Test
    fun `a reason that is no text fails its change alone`() = runTest {
        val verdicts = judged(each { if (it.key == "a") Verdict.Reject(HALF) else Verdict.Done })
        assertEquals(listOf(RETRY, Verdict.Done), verdicts)
        assertTrue("failed on 1 change" in reports.single(), "$reports")
    }

    @Test
    fun `a reason that is no text is a failure, beside other failures too`() = runTest {
        val reject = Judgement("a", Verdict.Reject(HALF))
        assertEquals(listOf(RETRY, RETRY), judged { Verdicts.Some(listOf(reject)) })
        assertEquals(listOf(RETRY, RETRY), judged { throw SomeFailed(listOf(reject), 1, Exception()) })
        assertTrue("failed on 2 changes" in reports.single(), "$reports")
    }

    @Test
    fun `a message that is no text can be reported`() = runTest {
        judged { error(HALF) }
        assertEquals("the handler failed on 2 changes: it threw IllegalStateException: no ?", reports.single())
    }

    @Test
    fun `a handler that cancels itself has failed`() = runTest {
        val cancelling = Handler {
            currentCoroutineContext().cancel()
            awaitCancellation()
        }
        assertEquals(listOf(RETRY, RETRY), judged(cancelling))
        assertEquals(listOf(RETRY, RETRY), judged { throw CancellationException("mine") })
        assertTrue(reports.single().endsWith("CancellationException: mine"), "$reports")
        val verdicts = judged(each { if (it.key == "a") currentCoroutineContext().cancel(); Verdict.Done })
        assertEquals(listOf(RETRY, Verdict.Done), verdicts)
    }

    @Test
    fun `a handler whose child fails has failed`() = runTest {
        val parent = Handler {
            CoroutineScope(currentCoroutineContext()).launch { error("the child") }
            awaitCancellation()
        }
        assertEquals(listOf(RETRY, RETRY), judged(parent))
        assertTrue(reports.single().endsWith("IllegalStateException: the child"), "$reports")
    }

    @Test
    fun `a handler may change its list`() = runTest {
        val clearing = Handler {
            (it.changes as MutableList<Change>).clear()
            Verdicts.All(Verdict.Done, emptyList())
        }
        assertEquals(listOf<Verdict>(Verdict.Done, Verdict.Done), judged(clearing))
        assertEquals(2, batch.changes.size)
        judged {
            (it.changes as MutableList<Change>).clear()
            error("none left")
        }
        assertTrue("failed on 2 changes" in reports.single(), "$reports")
    }
}
