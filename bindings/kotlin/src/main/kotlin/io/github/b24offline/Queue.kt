package io.github.b24offline

import io.github.b24offline.core.Call
import io.github.b24offline.core.Config
import io.github.b24offline.core.Durability
import io.github.b24offline.core.End
import io.github.b24offline.core.JournalCondition
import io.github.b24offline.core.JournalContents
import io.github.b24offline.core.Redrive
import io.github.b24offline.core.Save
import io.github.b24offline.core.SaveOutcome
import io.github.b24offline.core.Status
import io.github.b24offline.core.Until
import io.github.b24offline.core.WriteResult
import io.github.b24offline.ffi.Machine
import io.github.b24offline.ffi.MachineException
import io.github.b24offline.ffi.TextException
import io.github.b24offline.ffi.defaultConfig
import io.github.b24offline.ffi.eventName
import io.github.b24offline.ffi.requestBody
import java.nio.charset.CharacterCodingException
import java.nio.file.Path
import java.security.SecureRandom
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import okhttp3.HttpUrl.Companion.toHttpUrl

/**
 * The offline-event queue of one application on one portal, ready to be run.
 *
 * [open] makes one over HTTP with a journal in a file; [of] one of any transport, journal and clock. Cancelling
 * [run] is the same as a crash: the next start on the same journal carries on without loss.
 */
public class Queue
private constructor(
    private val machine: Machine,
    private val transport: Transport,
    private val journal: Journal,
    private val clock: Clock,
    private val onNotice: (Report) -> Unit,
    private val handlers: CoroutineContext,
) : AutoCloseable {
    private enum class State { OPEN, RUNNING, RUN, CLOSED }

    private val state = AtomicReference(State.OPEN)
    private val commands = Commands()
    private val told = MutableStateFlow(machine.status())

    /** How the queue is doing; the last one stays when it has ended. */
    public val status: StateFlow<Status> = told.asStateFlow()

    /**
     * Drains the queue until [stop], or until it is empty where that was asked for. It can be called once.
     *
     * Handlers run on threads that may be blocked. When the run ends, handlers that were given up are cancelled
     * and not waited for; a renewal of the token that is under way is waited for, 10 s at most.
     *
     * @return [End.Empty] or [End.Stopped]
     * @throws QueueException when it can't go on without a person, or was closed, or has been run before
     */
    public suspend fun run(handler: Handler): End {
        if (!state.compareAndSet(State.OPEN, State.RUNNING)) {
            throw if (state.get() == State.CLOSED) QueueException.Closed() else QueueException.RunTwice()
        }
        val parts = Parts(transport, journal, clock, handler, onNotice, { told.value = it }, handlers)
        val end =
            try {
                Drive(machine, parts, commands).run()
            } finally {
                state.compareAndSet(State.RUNNING, State.RUN)
                try {
                    transport.finish()
                } finally {
                    release()
                }
            }
        return if (end is End.Failed) throw QueueException.Failed(end.v1) else end
    }

    /** Says that there may be new records: they are looked for at once. */
    public fun nudge() {
        commands.give(Command.Nudge)
    }

    /**
     * Ends the run: nothing new is reserved, the running handlers are waited for (30 s at most), what was judged
     * is settled.
     */
    public fun stop() {
        commands.give(Command.Stop)
    }

    /**
     * Drives parked objects again.
     *
     * @throws QueueException.NotText when one is named by what is no text
     */
    public fun redrive(which: Redrive = Redrive.All) {
        val named = (which as? Redrive.Objects)?.v1.orEmpty()
        if (!named.all { isText(it.kind) && isText(it.id) }) throw QueueException.NotText("an object to be redriven")
        commands.give(Command.Drive(which))
    }

    /**
     * Calls a modifying method with the queue's connector, so that the change does not come back, within the
     * queue's budget of requests. [params] is the JSON text of an object. The write is queued when this is called,
     * at the latest when the run begins; it is never repeated.
     *
     * @throws QueueException when it was not tried, or the queue ended first
     */
    public suspend fun write(method: String, params: String): WriteResult {
        val write = Command.Write(method, params)
        if (!isText(method)) throw QueueException.NotText("the method of a write")
        if (!isObject(params)) throw QueueException.Params(method)
        if (!commands.give(write)) throw QueueException.Ended(method)
        return write.answer.await()
    }

    /**
     * Frees the machine, the journal and the connections. A run that is still going ends at once, as by a crash,
     * with [QueueException.Closed]; use [stop] to end it in an orderly way. It may be called twice, and need not
     * be called after a run.
     */
    override fun close() {
        val before = state.getAndSet(State.CLOSED)
        if (before == State.RUNNING) commands.give(Command.Close)
        if (before == State.OPEN) release()
    }

    override fun toString(): String = "Queue(${state.get().name.lowercase()})"

    private fun release() {
        commands.end()
        journal.use {
            transport.use {
                try {
                    machine.free()
                } catch (_: MachineException.Broken) {
                    // the panic itself has been told
                }
            }
        }
    }

    public companion object {
        /**
         * A queue over HTTP: opens the journal and checks everything; nothing is sent yet. Every default is the
         * machine's own.
         *
         * @param auth the authorisation, which also names the portal
         * @param events what is recorded and delivered, such as `ONCRMDEALUPDATE`
         * @param connector the source key: a queue of its own that leaves out this program's own writes
         * @param journal the file of the journal, made where it is missing; without one a restart drives parked
         *   changes again
         * @param untilEmpty ends the run by itself when the queue is empty
         * @param http how HTTP is spoken
         * @param onNotice called with everything a person may want to know, from several threads; it should return
         *   at once. It goes to the [System.Logger] `io.github.b24offline` if left out
         * @param configure changes anything else of the configuration
         * @throws TextException when the name of an event or the connector is wrong
         * @throws MachineException when the configuration is wrong or the journal is
         *   another queue's
         * @throws JournalException when the journal is in use or unusable
         * @throws HttpException when HTTP can't be spoken
         */
        @JvmStatic
        public fun open(
            auth: AuthSource,
            events: List<String>,
            connector: String? = null,
            journal: Path? = null,
            untilEmpty: Boolean = false,
            http: HttpSettings = HttpSettings(),
            onNotice: (Report) -> Unit = ::logged,
            configure: (Config) -> Config = { it },
        ): Queue {
            val checked = connector?.let { io.github.b24offline.ffi.connector(it) }
            val portal = portalOf(auth.baseUrl.toString().toHttpUrl())
            val config =
                configure(
                    defaultConfig(portal, events.map(::eventName)).copy(
                        connector = checked,
                        journal = if (journal == null) Durability.NONE else Durability.DURABLE,
                        until = if (untilEmpty) Until.EMPTY else Until.STOPPED,
                    ),
                )
            // the journal last: what fails before it has no lock to free
            val transport = HttpTransport(auth, http)
            return of(config, transport, journal?.let { FileJournal.open(it) }, SystemClock, onNotice)
        }

        /**
         * A queue of one's own parts; without a journal `config.journal` must be [Durability.NONE]. Transport and
         * journal are closed with the queue, and when it can't be opened.
         *
         * @param handlers where the handlers run; calls and saves run where [run] was called
         * @throws MachineException when the configuration is wrong or the journal is
         *   another queue's
         */
        @JvmStatic
        public fun of(
            config: Config,
            transport: Transport,
            journal: Journal? = null,
            clock: Clock = SystemClock,
            onNotice: (Report) -> Unit = ::logged,
            handlers: CoroutineContext = Dispatchers.IO,
        ): Queue {
            val kept = journal ?: NoJournal
            try {
                val seed = SecureRandom().nextLong().toULong()
                val machine = Machine.open(config, kept.contents(), seed, clock.now())
                return Queue(machine, transport, kept, clock, onNotice, handlers)
            } catch (error: Exception) {
                transport.close()
                kept.close()
                throw error
            }
        }
    }
}

/** No journal: for [Durability.NONE], where none is needed. */
private object NoJournal : Journal {
    override fun contents(): JournalContents = JournalContents(emptyList(), JournalCondition.INTACT)

    override suspend fun save(save: Save): SaveOutcome = SaveOutcome.Failed("there is no journal")
}

private fun isObject(params: String): Boolean =
    try {
        requestBody(Call(0u, "write", params, null, 0u), "")
        true
    } catch (_: TextException) {
        false
    } catch (_: CharacterCodingException) {
        // half a surrogate pair is no text
        false
    }
