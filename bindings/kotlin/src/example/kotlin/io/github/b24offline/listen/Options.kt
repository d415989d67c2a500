package io.github.b24offline.listen

import io.github.b24offline.Endpoint
import io.github.b24offline.core.BatchSize
import io.github.b24offline.core.Config
import io.github.b24offline.core.Limits
import io.github.b24offline.core.Mode
import io.github.b24offline.core.OnReject
import io.github.b24offline.core.Retrieve
import java.nio.file.InvalidPathException
import java.nio.file.Path

/** The form of the notices. */
internal enum class LogForm { TEXT, JSON }

private fun path(name: String, text: String): Path =
    try {
        Path.of(text)
    } catch (error: InvalidPathException) {
        throw Usage("the path of $name names no file on this system (${error.reason}); name another")
    }

/** The options of `listen`, checked, and the configuration that they make. */
internal class Options(private val arguments: Arguments) {
    private val poll = arguments.seconds("--poll")
    private val sweep = arguments.seconds("--sweep")
    private val retryDelay = arguments.seconds("--retry-delay")
    private val attempts = arguments.count("--attempts")
    private val batchSize = arguments.count("--batch-size")
    private val limits =
        arguments.choice(
            "--limits",
            "standard" to Limits.STANDARD,
            "enterprise" to Limits.ENTERPRISE,
            "off" to Limits.OFF,
        )
    private val onReject =
        arguments.choice("--on-reject", "park" to OnReject.PARK, "register" to OnReject.REGISTER)
    private val mode =
        arguments.choice("--mode", "auto" to Mode.AUTO, "reserve" to Mode.RESERVE, "delete" to Mode.DELETE)
    private val retrieve =
        arguments.choice("--retrieve", "list" to Retrieve.LIST, "get" to Retrieve.GET, "none" to Retrieve.NONE)
    private val endpoint = arguments.required("--endpoint")

    val auth: Path = path("--auth", arguments.required("--auth"))
    val ca: Path? = (arguments.optional("--ca") ?: System.getenv("B24_OFFLINE_CA"))?.let { path("--ca", it) }
    val connector: String? = arguments.optional("--connector")
    val events: List<String> = arguments.all("--event")
    val journal: Path? = arguments.optional("--journal")?.let { path("--journal", it) }
    val exec: String? = arguments.optional("--exec")
    val untilEmpty: Boolean = arguments.has("--until-empty")
    val writeBack: String? = arguments.optional("--write-back")

    /** The checked address. */
    fun endpoint(): Endpoint = Endpoint.parse(endpoint, arguments.has("--allow-http"))

    /** Refuses options that make no sense together, or no sense at all. */
    fun check() {
        arguments.required("--event")
        if (arguments.has("--jsonl") && exec != null) {
            throw Usage("--jsonl and --exec both receive the changes; leave one of them out")
        }
        if (!arguments.has("--jsonl") && exec == null) {
            throw Usage(
                "nothing would receive the changes; give --jsonl to print them, or --exec COMMAND to run a " +
                    "program for each batch",
            )
        }
        if (journal?.toString()?.isEmpty() == true) {
            throw Usage("the path of --journal is empty; name a file, or leave the option out")
        }
        if (exec?.isBlank() == true) {
            throw Usage("the command of --exec is empty, so every change would count as done; name a program")
        }
        if (writeBack?.isBlank() == true) {
            throw Usage("the field of --write-back is empty; name one, or leave the option out")
        }
        if (writeBack != null && retrieve == Retrieve.NONE) {
            throw Usage(
                "--write-back writes what was read, and --retrieve none reads nothing; leave one of them out",
            )
        }
    }

    fun configure(config: Config): Config =
        config.copy(
            poll = poll ?: config.poll,
            sweep = sweep ?: config.sweep,
            retry =
                config.retry.copy(
                    firstDelay = retryDelay ?: config.retry.firstDelay,
                    attempts = attempts ?: config.retry.attempts,
                ),
            batchSize = batchSize?.let { BatchSize.Fixed(it) } ?: config.batchSize,
            limits = limits,
            onReject = onReject,
            mode = mode,
            retrieve = retrieve,
        )
}
