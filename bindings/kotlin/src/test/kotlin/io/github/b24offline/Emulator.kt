package io.github.b24offline

import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse.BodyHandlers
import java.nio.file.Path

/** An emulated portal of the native program, served until it is closed. */
internal class Emulator(folder: Path, vararg options: String) : AutoCloseable {
    val auth: Path = folder.resolve("auth.json")
    private val process: Process
    private val addresses: Map<String, Any?>
    private val client = HttpClient.newHttpClient()

    init {
        val program =
            checkNotNull(System.getenv("B24_OFFLINE_BIN")) {
                "B24_OFFLINE_BIN is not set; name the native program b24-offline, whose emulator this test runs against"
            }
        val command = listOf(program, "emulator", "--limits", "off", "--auth-out", "$auth") + options
        process = ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val line: String? = process.inputReader().readLine()
        addresses = checkNotNull(line?.let(Json::objectIn)) { "the emulator did not start: $line" }
    }

    /** The REST base, over plain HTTP. */
    val http: String get() = addresses.text("http")

    /** The REST base, over HTTPS. */
    val https: String get() = addresses.text("https")

    fun get(route: String): Any? = ask(HttpRequest.newBuilder(uri(route)).GET())

    fun post(route: String, body: String): Any? =
        ask(HttpRequest.newBuilder(uri(route)).POST(HttpRequest.BodyPublishers.ofString(body)))

    private fun uri(route: String) = URI(addresses.text("control") + route)

    private fun ask(request: HttpRequest.Builder): Any? {
        val answer = client.send(request.build(), BodyHandlers.ofString())
        check(answer.statusCode() == 200) { "${answer.statusCode()}: ${answer.body()}" }
        return Json.read(answer.body())
    }

    override fun close() {
        process.destroy()
        process.waitFor()
    }
}
