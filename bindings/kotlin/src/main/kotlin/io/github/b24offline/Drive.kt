package io.github.b24offline

import io.github.b24offline.core.Effect
import io.github.b24offline.core.End
import io.github.b24offline.core.Input
import io.github.b24offline.core.Save
import io.github.b24offline.core.Step
import io.github.b24offline.core.Wake
import io.github.b24offline.ffi.Machine
import io.github.b24offline.ffi.MachineException
import io.github.b24offline.ffi.endOf
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancel
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.selects.select

/** The drive loop: carries out what the machine says and tells it what happened. */
internal class Drive(private val machine: Machine, private val parts: Parts, private val commands: Commands) {
    private val inbox = Channel<Happened>(Channel.UNLIMITED)
    private val saves = Channel<Save>(Channel.UNLIMITED)
    private lateinit var tasks: CoroutineScope

    /** Runs until the machine ends. Being cancelled drops everything that is open, as a crash does. */
    suspend fun run(): End {
        // no child of the caller: a handler that was given up is cancelled and not waited for
        tasks = CoroutineScope(currentCoroutineContext() + Job())
        try {
            begin { for (save in saves) inbox.send(Happened(Input.Saved(save.id, parts.journal.save(save)))) }
            return loop(Happened(Input.Tick), null)
        } finally {
            tasks.cancel()
        }
    }

    private tailrec suspend fun loop(happened: Happened, sleeping: Wake?): End {
        val step = give(happened.input)
        happened.judged?.let { (batch, verdicts) -> parts.handler.judged(batch, verdicts) }
        step?.effects?.forEach(::carryOut)
        val status = machine.status()
        parts.told(status)
        val wake = if (step == null) sleeping else step.wakeAt
        return endOf(status.phase) ?: loop(next(wake), wake)
    }

    /** A write that the machine can't take is told to its caller alone, and nothing has changed then. */
    private fun give(input: Input): Step? =
        try {
            machine.handle(input, parts.clock.now())
        } catch (misuse: MachineException.Misuse) {
            if (input !is Input.Write) throw misuse
            commands.refused(input)
            null
        }

    /** In this order, so that writes of a handler precede what its verdicts lead to. */
    private suspend fun next(wake: Wake?): Happened = coroutineScope {
        val timer = launch { if (wake == null) awaitCancellation() else parts.clock.sleepUntil(wake.at) }
        select {
            commands.inbox.onReceive { Happened(commands.input(it)) }
            inbox.onReceive { it }
            timer.onJoin { Happened(Input.Tick) }
        }.also { timer.cancel() }
    }

    private fun carryOut(effect: Effect) {
        when (effect) {
            is Effect.Call -> begin {
                inbox.send(Happened(Input.Replied(effect.v1.id, parts.transport.send(effect.v1))))
            }
            is Effect.Deliver -> begin(parts.handlers) {
                val verdicts = judge(parts.handler, effect.v1, parts.report)
                inbox.send(Happened(Input.Judged(effect.v1.id, verdicts), effect.v1 to verdicts))
            }
            is Effect.Save -> saves.trySend(effect.v1)
            is Effect.Written -> commands.written(effect.v1)
            is Effect.Notice -> parts.report(Report.Notice(effect.v1))
        }
    }

    /** What a transport or a journal throws is a mistake in it: it ends the run. */
    private fun begin(where: CoroutineContext = EmptyCoroutineContext, work: suspend () -> Unit) {
        tasks.launch(where) {
            try {
                work()
            } catch (mistake: Throwable) {
                ensureActive()
                val told = if (mistake is CancellationException) IllegalStateException(mistake) else mistake
                inbox.close(told)
            }
        }
    }
}
