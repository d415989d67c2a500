package io.github.b24offline.listen

import io.github.b24offline.AuthFileException
import io.github.b24offline.EndpointException
import io.github.b24offline.HttpException
import io.github.b24offline.HttpSettings
import io.github.b24offline.JournalException
import io.github.b24offline.OAuthFile
import io.github.b24offline.Queue
import io.github.b24offline.QueueException
import io.github.b24offline.core.End
import io.github.b24offline.ffi.MachineException
import io.github.b24offline.ffi.TextException
import io.github.b24offline.ffi.exitCode
import java.io.FileDescriptor
import java.io.FileOutputStream
import java.io.IOException
import java.nio.charset.CharacterCodingException
import java.nio.file.Files
import java.nio.file.Path
import kotlin.system.exitProcess
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.selects.select

/**
 * Signals closer than this to the first, in milliseconds, are the same request, sent twice: to the program and to
 * its group, as `timeout` does.
 */
private const val ONE_REQUEST = 1_000

/** Drains a queue and hands changes to a handler; `--help` says how. */
public fun main(words: Array<String>) {
    if (words.any { it == "--help" || it == "-h" }) {
        try {
            FileOutputStream(FileDescriptor.out).write((HELP + "\n").toByteArray())
        } catch (_: IOException) {
            // nobody reads it
        }
        exitProcess(0)
    }
    exitProcess(
        try {
            val arguments = Arguments.parse(words.toList())
            listen(Options(arguments), Log(form(arguments)))
        } catch (error: Usage) {
            Log(formIn(words.toList())).error(error.message.orEmpty())
            2
        },
    )
}

private fun form(arguments: Arguments): LogForm =
    arguments.choice("--log", "text" to LogForm.TEXT, "json" to LogForm.JSON)

/** The form that wrong usage is told in: the one asked for, whatever else is wrong. */
internal fun formIn(words: List<String>): LogForm {
    val json = "--log=json" in words || words.zipWithNext().any { it == "--log" to "json" }
    return if (json) LogForm.JSON else LogForm.TEXT
}

/** Runs to the end and gives the exit code. */
private fun listen(options: Options, log: Log): Int {
    val queue =
        try {
            open(options, log)
        } catch (error: Exception) {
            log.error(error.message ?: error.toString())
            return refusal(error)
        }
    // before the first reservation, so that no signal ends the program without settling; while the queue was
    // opened, one ended it
    val signals = signals()
    if (options.journal == null) {
        log.info(
            "there is no journal: nothing is lost, but a restart delivers again what was in hand and drives " +
                "parked changes again; give --journal PATH to avoid that",
        )
    }
    return runBlocking { drain(options, queue, signals, log) }
}

private fun open(options: Options, log: Log): Queue {
    options.check()
    val endpoint = options.endpoint()
    val http = HttpSettings(ca = options.ca?.let(::readCa))
    val auth = OAuthFile.open(options.auth, endpoint, http)
    log.auth = auth
    if (options.journal?.let { isSameFile(it, options.auth) } == true) {
        throw Usage("the journal and the auth file are one file; name another journal")
    }
    return Queue.open(
        auth,
        options.events,
        options.connector,
        options.journal,
        options.untilEmpty,
        http,
        log::report,
        options::configure,
    )
}

private fun isSameFile(one: Path, other: Path): Boolean =
    try {
        Files.isSameFile(one, other)
    } catch (_: IOException) {
        // a journal is made where there is none
        false
    }

private fun readCa(path: Path): String =
    try {
        Files.readString(path)
    } catch (_: CharacterCodingException) {
        throw Usage("the file of certificate authorities holds no certificate in PEM form; name another")
    } catch (error: IOException) {
        throw Usage("the certificate authorities in $path can't be read ($error); name a PEM file")
    }

/** The exit code for a queue that was not opened. */
private fun refusal(error: Exception): Int =
    when (error) {
        is JournalException.InUse -> 5
        is HttpException.Client -> 1
        is Usage, is EndpointException, is AuthFileException, is JournalException, is HttpException -> 2
        is TextException, is MachineException.Config -> 2
        else -> 1
    }

private suspend fun drain(options: Options, queue: Queue, signals: ReceiveChannel<Unit>, log: Log): Int {
    val lines = StdoutLines(queue::stop)
    val exec = options.exec?.let { Exec(it, log) }
    val handler = FollowUp(exec ?: lines, options.writeBack, queue, log)
    val code = coroutineScope {
        val run = async { ended(queue, handler, log) }
        untilSignalled(run, queue, signals, log)
    }
    handler.finish()
    for ((pid, process) in exec?.running.orEmpty()) {
        log.warning(
            "the handler that is process $pid ${exec?.giveUp(process)}; its changes will be delivered again",
        )
    }
    val refused = lines.refused.get() ?: return code
    val what =
        if (refused.message == "Broken pipe") "standard output was closed"
        else "standard output takes no more (${refused.message})"
    log.error("$what; the lines that were not taken come again at the next start")
    return 1
}

/** The first signal stops the queue in an orderly way, a later one at once. */
private suspend fun CoroutineScope.untilSignalled(
    run: Deferred<Int>,
    queue: Queue,
    signals: ReceiveChannel<Unit>,
    log: Log,
): Int {
    var asked: Long? = null
    while (true) {
        val code =
            select<Int?> {
                run.onAwait { it }
                signals.onReceive { null }
            }
        if (code != null) return code
        val first = asked
        if (first == null) {
            asked = System.nanoTime()
            log.info(
                "stopping: what was judged is settled; a second signal, a second or more from now, ends at once",
            )
            queue.stop()
        } else if ((System.nanoTime() - first) / 1_000_000 >= ONE_REQUEST) {
            log.warning("stopped at once; the next start carries on without loss")
            run.cancel()
            return 1
        }
    }
}

private suspend fun ended(queue: Queue, handler: FollowUp, log: Log): Int =
    try {
        queue.run(handler)
        0
    } catch (error: QueueException.Failed) {
        // it was reported by the machine's own notice
        exitCode(End.Failed(error.failure)).toInt()
    } catch (error: MachineException) {
        log.error("the drive loop broke its contract, which is a mistake in b24-offline: ${error.message}")
        1
    }
