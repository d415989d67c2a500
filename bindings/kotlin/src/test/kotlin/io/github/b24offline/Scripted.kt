package io.github.b24offline

import java.io.InputStream
import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import java.net.SocketException
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread

/** What a server does with a request. */
internal sealed interface Answer {
    /** These bytes; then the connection goes on, or is closed. */
    class Raw(val bytes: ByteArray, val goesOn: Boolean = false) : Answer

    /** Closes the connection, or resets it. */
    class Drop(val reset: Boolean = false) : Answer

    /** These bytes and nothing more, until the client gives up. */
    class Silence(val start: ByteArray = ByteArray(0)) : Answer

    /** These bytes again and again. */
    class Endless(val start: ByteArray, val more: ByteArray) : Answer

    /** Another answer, once the latch is open. */
    class After(val latch: CountDownLatch, val answer: Answer) : Answer
}

internal class HttpRequest(val path: String, val head: String, val body: String)

/** A complete answer with a length. */
internal fun whole(status: String, body: ByteArray, header: String = ""): Answer =
    Answer.Raw("HTTP/1.1 $status\r\n${header}content-length: ${body.size}\r\n\r\n".toByteArray() + body, true)

internal fun json(status: String, body: String): Answer =
    whole(status, body.toByteArray(), "content-type: application/json\r\n")

/** An HTTP server on this machine that answers as it is told. */
internal class Scripted(private val answer: (Int, HttpRequest) -> Answer) : AutoCloseable {
    private val server = ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))
    private val sockets = CopyOnWriteArrayList<Socket>()
    val requests = CopyOnWriteArrayList<HttpRequest>()
    val port: Int = server.localPort
    val base: String = "http://127.0.0.1:$port/rest/"

    init {
        thread(isDaemon = true) {
            quietly {
                while (true) {
                    val socket = server.accept()
                    sockets += socket
                    thread(isDaemon = true) { quietly { socket.use(::serve) } }
                }
            }
        }
    }

    private fun serve(socket: Socket) {
        val input = socket.getInputStream().buffered()
        while (true) {
            val request = read(input) ?: return
            val number = synchronized(requests) { requests.add(request).let { requests.size - 1 } }
            if (!give(socket, answer(number, request))) return
        }
    }

    /** Whether the connection goes on. */
    private fun give(socket: Socket, answer: Answer): Boolean {
        val output = socket.getOutputStream()
        when (answer) {
            is Answer.Raw -> output.write(answer.bytes)
            is Answer.Drop -> if (answer.reset) socket.setSoLinger(true, 0)
            is Answer.Silence -> {
                output.write(answer.start)
                socket.getInputStream().read()
            }
            is Answer.Endless -> {
                output.write(answer.start)
                while (true) output.write(answer.more)
            }
            is Answer.After -> {
                answer.latch.await()
                return give(socket, answer.answer)
            }
        }
        return answer is Answer.Raw && answer.goesOn
    }

    private fun read(input: InputStream): HttpRequest? {
        val lines = generateSequence { line(input) }.takeWhile { it.isNotEmpty() }.toList()
        // what is no HTTP, such as the beginning of TLS, is no request
        val path = lines.firstOrNull()?.takeIf { it.endsWith(" HTTP/1.1") }?.split(' ')?.get(1) ?: return null
        val length = lines.firstOrNull { it.startsWith("content-length:", true) }?.substringAfter(':')?.trim()
        val body = input.readNBytes(length?.toInt() ?: 0).decodeToString()
        return HttpRequest(path, lines.joinToString("\n"), body)
    }

    private fun line(input: InputStream): String? {
        val bytes = generateSequence { input.read().takeIf { it >= 0 } }.takeWhile { it != '\n'.code }.toList()
        return if (bytes.isEmpty()) null else String(bytes.map { it.toChar() }.toCharArray()).trimEnd('\r')
    }

    override fun close() {
        server.close()
        sockets.forEach { it.close() }
    }
}

/** A client that gives up is no failure of the server. */
private fun quietly(work: () -> Unit) {
    try {
        work()
    } catch (_: SocketException) {
        return
    }
}
