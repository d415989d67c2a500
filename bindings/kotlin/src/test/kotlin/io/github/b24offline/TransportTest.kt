package io.github.b24offline

import io.github.b24offline.core.Call
import io.github.b24offline.core.Lost
import io.github.b24offline.core.NotSent
import io.github.b24offline.core.Reply
import java.io.ByteArrayOutputStream
import java.net.InetAddress
import java.net.ServerSocket
import java.net.URI
import java.time.Duration
import java.util.concurrent.atomic.AtomicInteger
import java.util.zip.GZIPOutputStream
import kotlin.concurrent.thread
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.test.currentTime
import kotlinx.coroutines.test.runTest
import okhttp3.HttpUrl.Companion.toHttpUrl
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

private const val TOKEN = "canary-token-1"

/** A token that can't be renewed. */
private class Fixed(base: String) : AuthSource {
    override val baseUrl: URI = Endpoint.parse(base, allowHttp = true).url

    override suspend fun token(): Secret = Secret(TOKEN)

    override suspend fun refresh() = throw AuthException.SignInAgain("it is fixed")
}

/** A token whose renewal takes until it is let go, and the file that never settles. */
private class Slow(base: String) : AuthSource {
    override val baseUrl: URI = Endpoint.parse(base, allowHttp = true).url
    val go = CompletableDeferred<Unit>()
    val renewals = AtomicInteger()

    override suspend fun token(): Secret = Secret(if (go.isCompleted) "new" else "old")

    override suspend fun refresh() {
        renewals.incrementAndGet()
        go.await()
    }

    override suspend fun settled() = awaitCancellation()
}

/** Each fault of the wire: what surely did not happen, what perhaps did. */
@OptIn(ExperimentalCoroutinesApi::class)
class TransportTest {
    private fun call(timeout: ULong = 20_000u) = Call(1u, "crm.deal.list", """{"start":-1}""", null, timeout)

    private fun transport(base: String, connect: Duration = Duration.ofSeconds(2)) =
        HttpTransport(Fixed(base), HttpSettings(1024 * 1024, connect))

    /** The reply, and how many requests came. */
    private fun replyTo(answer: Answer, timeout: ULong = 20_000u): Pair<Reply, List<HttpRequest>> =
        Scripted { _, _ -> answer }.use { server ->
            transport(server.base).use { runBlocking { it.send(call(timeout)) } to server.requests.toList() }
        }

    private fun assertUnknown(why: Lost, answer: Answer, timeout: ULong = 20_000u) {
        val (reply, requests) = replyTo(answer, timeout)
        assertEquals(Reply.Unknown(why), reply)
        assertEquals(1, requests.size, "nothing is repeated")
    }

    private fun gzip(bytes: ByteArray): ByteArray =
        ByteArrayOutputStream().also { packed -> GZIPOutputStream(packed).use { it.write(bytes) } }.toByteArray()

    private fun notSent(base: String, connect: Duration = Duration.ofSeconds(2)): String {
        val reply = transport(base, connect).use { runBlocking { it.send(call(timeout = 3_000u)) } }
        val why = ((reply as? Reply.NotSent)?.v1 as? NotSent.Network)?.why
        return checkNotNull(why) { "$reply" }
    }

    @Test
    fun `an answer is given as it is`() {
        val (reply, requests) = replyTo(json("200 OK", """{"result":[]}"""))
        assertEquals(Reply.Answer(200u, """{"result":[]}"""), reply)
        assertEquals("/rest/crm.deal.list", requests.single().path)
        assertEquals("""{"auth":"$TOKEN","start":-1}""", requests.single().body)
        assertTrue("content-type: application/json" in requests.single().head.lowercase(), requests.single().head)
    }

    @Test
    fun `a refusal that repeats the token does not hold it`() {
        val (reply, _) = replyTo(json("403 Forbidden", """{"error":"X","error_description":"no $TOKEN"}"""))
        assertEquals(Reply.Answer(403u, """{"error":"X","error_description":"no …"}"""), reply)
    }

    @Test
    fun `a redirect is not followed`() {
        Scripted { _, _ -> json("200 OK", "{}") }.use { elsewhere ->
            for (status in listOf("301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Moved")) {
                val (reply, _) = replyTo(whole(status, "moved".toByteArray(), "location: ${elsewhere.base}\r\n"))
                assertEquals(Reply.Answer(status.take(3).toUShort(), "moved"), reply)
            }
            assertTrue(elsewhere.requests.isEmpty(), "the token went elsewhere")
        }
    }

    @Test
    fun `answers that ask for a repeat are not met by one`() {
        for (status in listOf("503 Unavailable", "408 Timeout", "421 Misdirected", "401 Who", "407 Proxy")) {
            val header = "retry-after: 0\r\nwww-authenticate: Basic\r\nproxy-authenticate: Basic\r\n"
            val (reply, requests) = replyTo(whole(status, "later".toByteArray(), header))
            // an HTTP client takes 407 from a proxy only
            val answer = Reply.Answer(status.take(3).toUShort(), "later")
            assertEquals(if (status.startsWith("407")) Reply.Unknown(Lost.BROKEN) else answer, reply)
            assertEquals(1, requests.size, status)
        }
    }

    @Test
    fun `HTML is an answer for the machine to judge, in whatever encoding`() {
        val latin = "<html>".toByteArray() + 0xE4.toByte()
        assertEquals(Reply.Answer(502u, "<html>\uFFFD"), replyTo(whole("502 Bad Gateway", latin)).first)
        assertUnknown(Lost.BROKEN, whole("200 OK", "{\"result\":\"".toByteArray() + 0xFF.toByte()))
    }

    @Test
    fun `a cut body, a closed and a reset connection are unknown`() {
        assertUnknown(Lost.BROKEN, Answer.Raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".toByteArray()))
        assertUnknown(Lost.BROKEN, Answer.Raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{".toByteArray()))
        assertUnknown(Lost.BROKEN, Answer.Drop())
        assertUnknown(Lost.BROKEN, Answer.Drop(reset = true))
    }

    @Test
    fun `an answer in gzip is unpacked, a cut or wrong one is unknown`() {
        val header = "content-encoding: gzip\r\n"
        val packed = gzip("""{"result":true}""".toByteArray())
        assertEquals(Reply.Answer(200u, """{"result":true}"""), replyTo(whole("200 OK", packed, header)).first)
        assertUnknown(Lost.BROKEN, whole("200 OK", packed.copyOf(packed.size - 12), header))
        assertUnknown(Lost.BROKEN, whole("200 OK", "{}".toByteArray(), header))
    }

    @Test
    fun `the limit of the size counts after decompression, and no answer is read beyond it`() {
        val bomb = gzip(ByteArray(2 * 1024 * 1024) { ' '.code.toByte() })
        assertTrue(bomb.size < 8 * 1024)
        assertUnknown(Lost.TOO_LARGE, whole("200 OK", bomb, "content-encoding: gzip\r\n"))
        val start = "HTTP/1.1 200 OK\r\ncontent-length: ${Long.MAX_VALUE}\r\n\r\n".toByteArray()
        assertUnknown(Lost.TOO_LARGE, Answer.Endless(start, ByteArray(64 * 1024)))
    }

    @Test
    fun `silence is unknown after the call's own time, before and within the body`() {
        assertUnknown(Lost.TIMED_OUT, Answer.Silence(), timeout = 2_000u)
        val begun = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".toByteArray()
        assertUnknown(Lost.TIMED_OUT, Answer.Silence(begun), timeout = 2_000u)
    }

    @Test
    fun `no connection, no TLS and no such name are surely not sent`() {
        val port = ServerSocket(0, 1, InetAddress.getByName("127.0.0.1")).use { it.localPort }
        assertEquals("the portal can't be reached (Connection refused)", notSent("http://127.0.0.1:$port/rest/"))
        // it waits for more of what it takes for a request
        Scripted { _, _ -> json("200 OK", "{}") }.use { plain ->
            val why = notSent("https://127.0.0.1:${plain.port}/rest/", Duration.ofMillis(100))
            assertEquals("the portal can't be reached (it took too long)", why)
            assertTrue(plain.requests.isEmpty())
        }
        ServerSocket(0, 1, InetAddress.getByName("127.0.0.1")).use { closing ->
            val rude = thread { closing.accept().use { it.getOutputStream().write("no TLS".toByteArray()) } }
            notSent("https://127.0.0.1:${closing.localPort}/rest/")
            rude.join()
        }
        notSent("https://portal.invalid/rest/")
        // an address of the documentation range, to which nothing answers or routes
        notSent("https://192.0.2.1/rest/", Duration.ofMillis(50))
    }

    @Test
    fun `a kept connection that dies under a request is not tried again`() {
        val server = Scripted { number, _ -> if (number == 0) json("200 OK", "{}") else Answer.Drop() }
        server.use {
            transport(server.base).use { transport ->
                assertEquals(Reply.Answer(200u, "{}"), runBlocking { transport.send(call()) })
                assertEquals(Reply.Unknown(Lost.BROKEN), runBlocking { transport.send(call()) })
            }
            assertEquals(2, server.requests.size)
        }
    }

    @Test
    fun `a token that can't be renewed asks for a person, and the portal is not asked twice`() {
        val expired = json("401 Unauthorized", """{"error":"expired_token"}""")
        Scripted { _, _ -> expired }.use { server ->
            transport(server.base).use { transport ->
                repeat(2) {
                    val reply = runBlocking { transport.send(call()) }
                    assertEquals(Reply.NotSent(NotSent.SignInAgain("it is fixed")), reply)
                }
                assertFalse("canary" in "$transport", "$transport")
            }
            assertEquals(2, server.requests.size, "nothing is repeated without a new token")
        }
    }

    @Test
    fun `a renewal goes on when its call's time is over, and is the only one`() {
        val answer = { request: HttpRequest ->
            if ("new" in request.body) json("200 OK", "{}") else json("401 Unauthorized", """{"error":"expired_token"}""")
        }
        Scripted { _, request -> answer(request) }.use { server ->
            val auth = Slow(server.base)
            HttpTransport(auth).use { transport ->
                repeat(2) {
                    val reply = runBlocking { transport.send(call(timeout = 500u)) }
                    assertEquals(Reply.NotSent(NotSent.Network("the renewal of the token took too long")), reply)
                }
                auth.go.complete(Unit)
                assertEquals(Reply.Answer(200u, "{}"), runBlocking { transport.send(call()) })
            }
            assertEquals(1, auth.renewals.get())
        }
    }

    @Test
    fun `an authorisation that never settles is waited for 10 s`() = runTest {
        HttpTransport(Slow("http://127.0.0.1/rest/")).use { it.finish() }
        assertEquals(10_000, currentTime)
    }

    @Test
    fun `what fails without a type below, such as a proxy's port, is surely not sent`() = runBlocking {
        val url = "https://portal.invalid/rest/".toHttpUrl()
        val client = HttpSettings().client(url).newBuilder().addInterceptor { error("port out of range") }.build()
        val outcome = client.post(url, "application/json", "{}", 20_000, 1024)
        assertEquals("port out of range", (outcome as Exchange.NotSent).why)
    }

    @Test
    fun `what can't be sent is refused, and authorities that are none too`() {
        Scripted { _, _ -> json("200 OK", "{}") }.use { server ->
            val reply = runBlocking { transport(server.base).send(call().copy(method = "../x")) }
            assertTrue((reply as? Reply.NotSent)?.v1 is NotSent.Refused, "$reply")
            assertTrue(server.requests.isEmpty())
            assertThrows<HttpException.Ca> { HttpTransport(Fixed(server.base), HttpSettings(ca = "no PEM")) }
        }
    }
}
