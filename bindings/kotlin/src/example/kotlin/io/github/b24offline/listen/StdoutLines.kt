package io.github.b24offline.listen

import io.github.b24offline.Handler
import io.github.b24offline.core.Batch
import io.github.b24offline.core.Verdict
import io.github.b24offline.core.Verdicts
import io.github.b24offline.ffi.changeLine
import java.io.FileDescriptor
import java.io.FileOutputStream
import java.io.IOException
import java.util.concurrent.atomic.AtomicReference
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/** `--jsonl`: each change as one JSON line on standard output; a batch's lines stand together. */
internal class StdoutLines(private val stop: () -> Unit) : Handler {
    private val out = FileOutputStream(FileDescriptor.out)
    private val turn = Mutex()

    /** Set, and the queue stopped, when standard output takes no more. */
    val refused = AtomicReference<IOException>()

    override suspend fun handle(batch: Batch): Verdicts = turn.withLock {
        val verdict =
            try {
                // not buffered: what is written is flushed
                out.write(batch.changes.joinToString("") { changeLine(it) + "\n" }.toByteArray())
                Verdict.Done
            } catch (error: IOException) {
                // which lines still went through is not known; the first error is the cause
                refused.compareAndSet(null, error)
                stop()
                Verdict.Retry(null)
            }
        Verdicts.All(verdict, emptyList())
    }
}
