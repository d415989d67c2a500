package io.github.b24offline.listen

import io.github.b24offline.Handler
import io.github.b24offline.Queue
import io.github.b24offline.QueueException
import io.github.b24offline.core.Batch
import io.github.b24offline.core.Change
import io.github.b24offline.core.Verdict
import io.github.b24offline.core.Verdicts
import io.github.b24offline.core.WriteBack
import io.github.b24offline.ffi.verdictOf
import io.github.b24offline.ffi.whyNotWrittenBack
import io.github.b24offline.ffi.writeBack
import io.github.b24offline.ffi.writeTrouble
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch

/** `--write-back`: after a change was judged done, a field of its object is written back, where one was named. */
internal class FollowUp(
    private val inner: Handler,
    private val field: String?,
    private val queue: Queue,
    private val log: Log,
) : Handler by inner {
    /** The kinds of whose objects nothing can be written back; each is told of once. */
    private val unwritten = mutableSetOf<String>()
    private val writes = Job()
    private val scope = CoroutineScope(Dispatchers.Default + writes)

    override fun judged(batch: Batch, verdicts: Verdicts) {
        inner.judged(batch, verdicts)
        if (field == null) return
        for (change in batch.changes.filter { verdictOf(verdicts, it.key) == Verdict.Done }) {
            val call = writeBack(change, field, emptyList())
            if (call == null) {
                news(change, field)?.let(log::warning)
            } else {
                // begun here, so that the writes are queued in this order
                scope.launch(start = CoroutineStart.UNDISPATCHED) { write(change, call) }
            }
        }
    }

    /** Waits until each write has its result, or its queue has ended. */
    suspend fun finish() = writes.children.toList().joinAll()

    /** Why a change has no write-back, if that is news. */
    private fun news(change: Change, field: String): String? =
        whyNotWrittenBack(change, field)?.takeIf { unwritten.add(change.`object`.kind) }

    private suspend fun write(change: Change, call: WriteBack) {
        val why =
            try {
                writeTrouble(queue.write(call.method, call.params))
            } catch (error: QueueException) {
                "has no result: ${error.message}"
            }
        val (kind, id) = change.`object`
        if (why != null) log.warning("the write-back of $kind $id $why")
    }
}
