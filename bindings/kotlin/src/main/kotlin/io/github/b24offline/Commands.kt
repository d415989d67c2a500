package io.github.b24offline

import io.github.b24offline.core.Batch
import io.github.b24offline.core.Input
import io.github.b24offline.core.Redrive
import io.github.b24offline.core.Status
import io.github.b24offline.core.Verdicts
import io.github.b24offline.core.WriteId
import io.github.b24offline.core.WriteResult
import io.github.b24offline.core.Written
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.channels.Channel

/** What the drive loop works with. */
internal class Parts(
    val transport: Transport,
    val journal: Journal,
    val clock: Clock,
    val handler: Handler,
    val report: (Report) -> Unit,
    /** Called after each step. */
    val told: (Status) -> Unit,
    /** Where the handlers run. */
    val handlers: CoroutineContext,
)

/** What goes to the machine next. */
internal class Happened(val input: Input, val judged: Pair<Batch, Verdicts>? = null)

/** What the user asks of a queue. */
internal sealed interface Command {
    object Nudge : Command

    object Stop : Command

    /** The run ends at once, as by a crash. */
    object Close : Command

    class Drive(val which: Redrive) : Command

    class Write(val method: String, val params: String) : Command {
        val answer = CompletableDeferred<WriteResult>()
    }
}

/** What the user has asked, and the writes without a result. */
internal class Commands {
    val inbox = Channel<Command>(Channel.UNLIMITED)
    private val writes = mutableMapOf<WriteId, Command.Write>()
    private var next: WriteId = 0u

    /** False once the queue has ended. */
    fun give(command: Command): Boolean = inbox.trySend(command).isSuccess

    fun input(command: Command): Input =
        when (command) {
            Command.Nudge -> Input.Nudge
            Command.Stop -> Input.Stop
            Command.Close -> throw QueueException.Closed()
            is Command.Drive -> Input.Redrive(command.which)
            is Command.Write -> {
                next += 1u
                writes[next] = command
                Input.Write(next, command.method, command.params)
            }
        }

    fun written(written: Written) {
        writes.remove(written.write)?.answer?.complete(written.result)
    }

    fun refused(write: Input.Write) {
        writes.remove(write.write)?.answer?.completeExceptionally(QueueException.Params(write.method))
    }

    /** Nothing more is taken, and whoever waits is told. */
    fun end() {
        inbox.close()
        val unheard = generateSequence { inbox.tryReceive().getOrNull() }.filterIsInstance<Command.Write>()
        for (write in writes.values + unheard) {
            write.answer.completeExceptionally(QueueException.Ended(write.method))
        }
        writes.clear()
    }
}
