package io.github.b24offline.listen

import io.github.b24offline.Handler
import io.github.b24offline.Report
import io.github.b24offline.core.Batch
import io.github.b24offline.core.Verdict
import io.github.b24offline.core.Verdicts
import io.github.b24offline.ffi.TextException
import io.github.b24offline.ffi.changeLine
import io.github.b24offline.ffi.verdictsFromHandlerOutput
import java.io.IOException
import java.io.InputStream
import java.io.OutputStream
import java.lang.ProcessBuilder.Redirect
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** The most that is read of a program's answer, in bytes. */
private const val MOST_OUTPUT = 4 * 1024 * 1024

/** What was wrong with a handler's program. */
private class HandlerFailed(message: String) : Exception(message)

/**
 * `--exec`: a program of the user's for each batch, started through the shell in a process group of its own: a
 * signal from the terminal ends this program in an orderly way and lets the handler finish.
 *
 * The JVM can't make process groups. `setsid` does it, and makes a session too, so that the handler has no
 * terminal; else perl does. Where both are missing the handler stays in this program's group.
 */
internal class Exec(private val command: String, private val log: Log) : Handler {
    /** The programs that have not ended, by process id. */
    val running = ConcurrentHashMap<Long, Process>()

    override suspend fun handle(batch: Batch): Verdicts =
        try {
            run(batch)
        } catch (error: HandlerFailed) {
            log.report(Report.HandlerFailed(batch.changes.size, error.message.orEmpty()))
            Verdicts.All(Verdict.Retry(null), emptyList())
        }

    private suspend fun run(batch: Batch): Verdicts = withContext(Dispatchers.IO) {
        val process =
            try {
                ProcessBuilder(GROUP + listOf("sh", "-c", command)).redirectError(Redirect.INHERIT).start()
            } catch (error: IOException) {
                throw HandlerFailed("it could not be started: ${error.message}")
            }
        running[process.pid()] = process
        val output = coroutineScope {
            launch { feed(process.outputStream, batch) }
            runCatching { read(process.inputStream) }
        }
        val status = process.waitFor()
        running.remove(process.pid())
        if (status != 0) throw HandlerFailed("exit status: $status")
        try {
            verdictsFromHandlerOutput(batch, output.getOrThrow())
        } catch (error: TextException) {
            throw HandlerFailed(error.message.orEmpty())
        }
    }

    /** Tells a program that was given up to end; what became of that. */
    fun giveUp(process: Process): String {
        if (GROUP.isEmpty()) process.destroy() else if (!endGroup(process.pid())) return "still runs"
        return "was told to end (SIGTERM)"
    }
}

private fun feed(input: OutputStream, batch: Batch) {
    try {
        input.use { batch.changes.forEach { change -> it.write((changeLine(change) + "\n").toByteArray()) } }
    } catch (_: IOException) {
        // a program that does not read to the end says by its exit whether that was right
    }
}

private fun read(output: InputStream): String {
    try {
        val bytes = output.readNBytes(MOST_OUTPUT + 1)
        if (bytes.size > MOST_OUTPUT) {
            // read on, so that it can end
            output.transferTo(OutputStream.nullOutputStream())
            throw HandlerFailed("it printed more than ${MOST_OUTPUT / 1024 / 1024} MiB")
        }
        return Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()
    } catch (_: CharacterCodingException) {
        throw HandlerFailed("its output is not UTF-8")
    } catch (error: IOException) {
        throw HandlerFailed("its output could not be read: ${error.message}")
    }
}

/** What starts a program in a group of its own. */
private val GROUP: List<String> =
    when {
        isThere("setsid") -> listOf("setsid")
        isThere("perl") -> listOf("perl", "-e", "setpgrp(0, 0); exec(@ARGV) or die")
        else -> emptyList()
    }

private fun isThere(program: String): Boolean =
    System.getenv("PATH").orEmpty().split(':').any { Files.isExecutable(Path.of(it.ifEmpty { "." }, program)) }
