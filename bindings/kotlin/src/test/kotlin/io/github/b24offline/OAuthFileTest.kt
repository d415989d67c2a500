package io.github.b24offline

import io.github.b24offline.core.Call
import io.github.b24offline.core.NotSent
import io.github.b24offline.core.Reply
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import java.util.concurrent.CountDownLatch
import kotlin.io.path.readText
import kotlin.io.path.writeText
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir

private val DONE = Reply.Answer(200u, """{"result":true}""")
private val CALL = Call(1u, "batch", "{}", null, 20_000u)
private val NEW_PAIR =
    json("200 OK", """{"access_token":"canary-new","refresh_token":"canary-refresh-2","expires_in":3600}""")

/** The auth file and the renewal of its pair against a token endpoint that plays each case. */
class OAuthFileTest {
    @TempDir lateinit var folder: Path

    private val path: Path get() = folder.resolve("auth.json")

    /** A portal that takes one token, and the token endpoint beside it. */
    private fun portal(valid: String, oauth: () -> Answer) = Scripted { _, request ->
        when {
            request.path.startsWith("/oauth/") -> oauth()
            Json.objectIn(request.body)?.text("auth") == valid -> json("200 OK", DONE.body)
            else -> json("401 Unauthorized", """{"error":"expired_token","error_description":"old"}""")
        }
    }

    private fun write(access: String, refresh: String, oauthUrl: String, mode: String = "rw-------") {
        val fields =
            mapOf(
                "access_token" to access,
                "refresh_token" to refresh,
                "client_id" to "app.1",
                "client_secret" to "canary-secret",
                "oauth_url" to oauthUrl,
                "member" to JsonNumber("12345678901234567890.10"),
            )
        path.writeText(Json.write(fields))
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode))
    }

    private fun stored(field: String): Any? = Json.objectIn(path.readText())?.get(field)

    private fun auth(server: Scripted): OAuthFile {
        write("canary-old", "canary-refresh", "http://127.0.0.1:${server.port}/oauth/token/")
        return OAuthFile.open(path, Endpoint.parse(server.base, allowHttp = true))
    }

    private fun renewals(server: Scripted) = server.requests.filter { it.path.startsWith("/oauth/") }

    private fun send(auth: OAuthFile): Reply = HttpTransport(auth).use { runBlocking { it.send(CALL) } }

    @Test
    fun `an expired token is renewed once and the call repeated once`() {
        portal("canary-new") { NEW_PAIR }.use { server ->
            assertEquals(DONE, send(auth(server)))
            assertEquals(
                "grant_type=refresh_token&client_id=app.1&client_secret=canary-secret&refresh_token=canary-refresh",
                renewals(server).single().body,
            )
            assertEquals(3, server.requests.size)
            assertEquals("canary-new", stored("access_token"))
            assertEquals("canary-refresh-2", stored("refresh_token"))
            assertEquals(JsonNumber("12345678901234567890.10"), stored("member"))
            assertTrue(stored("expires_at") is JsonNumber)
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
            assertEquals(listOf("auth.json"), folder.toFile().list()?.toList())
        }
    }

    @Test
    fun `calls that are open together share one renewal`() {
        portal("canary-new") { NEW_PAIR }.use { server ->
            HttpTransport(auth(server)).use { transport ->
                val replies = runBlocking(Dispatchers.IO) { List(8) { async { transport.send(CALL) } }.awaitAll() }
                assertEquals(List(8) { DONE }, replies)
            }
            assertEquals(1, renewals(server).size)
        }
    }

    @Test
    fun `a token that stays expired is given to the machine`() {
        portal("another") { NEW_PAIR }.use { server ->
            assertEquals(401, (send(auth(server)) as Reply.Answer).status.toInt())
            assertEquals(1, renewals(server).size, "one renewal, one repeat")
        }
    }

    @Test
    fun `a refused renewal asks for a person and keeps the file`() {
        val refusal = """{"error":"invalid_grant","error_description":"canary-refresh is\nrevoked"}"""
        portal("canary-new") { json("400 Bad Request", refusal) }.use { server ->
            val auth = auth(server)
            val before = path.readText()
            val why = (send(auth) as Reply.NotSent).v1 as NotSent.SignInAgain
            assertEquals("the renewal of the token was refused: invalid_grant … is revoked", why.why)
            assertEquals(before, path.readText())
        }
    }

    @Test
    fun `a renewal that fails on the way is never a refusal`() {
        val failures =
            listOf(
                Answer.Drop(),
                Answer.Raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"access_token\":".toByteArray()),
                json("200 OK", "<html>maintenance</html>"),
                json("200 OK", "{}"),
                json("302 Found", "{}"),
                json("503 Service Unavailable", """{"error":"overloaded"}"""),
                json("429 Too Many Requests", """{"error":"slow_down"}"""),
            )
        for ((number, failure) in failures.withIndex()) {
            portal("canary-new") { failure }.use { server ->
                val reply = send(auth(server))
                assertTrue((reply as Reply.NotSent).v1 is NotSent.Network, "$number: $reply")
                assertFalse("canary" in "$reply", "$reply")
                assertEquals("canary-refresh", stored("refresh_token"))
            }
        }
    }

    @Test
    fun `a pair that another process renewed is taken over, through a link too`() {
        portal("canary-other") { Answer.Drop() }.use { server ->
            val auth = auth(server)
            write("canary-other", "canary-refresh-9", stored("oauth_url").toString())
            assertEquals(DONE, send(auth))
            assertTrue(renewals(server).isEmpty())
        }
        portal("canary-new") { NEW_PAIR }.use { server ->
            auth(server)
            val link = Files.createSymbolicLink(folder.resolve("link.json"), path)
            assertEquals(DONE, send(OAuthFile.open(link, Endpoint.parse(server.base, allowHttp = true))))
            assertTrue(Files.isSymbolicLink(link))
            assertEquals("canary-new", stored("access_token"))
        }
    }

    @Test
    fun `a pair that can't be stored is kept until it can`() {
        portal("canary-new") { NEW_PAIR }.use { server ->
            val auth = auth(server)
            val aside = folder.resolveSibling("${folder.fileName}-aside")
            Files.move(folder, aside)
            val why = ((send(auth) as Reply.NotSent).v1 as NotSent.Network).why
            assertTrue("can't be stored" in why && "No such file" in why && "canary" !in why, why)
            Files.move(aside, folder)
            assertEquals(DONE, send(auth))
            assertEquals(1, renewals(server).size)
            assertEquals("canary-refresh-2", stored("refresh_token"))
        }
    }

    @Test
    fun `a caller that gives up does not lose the new pair`() {
        val (asked, go) = CountDownLatch(1) to CountDownLatch(1)
        portal("canary-new") { Answer.After(go, NEW_PAIR).also { asked.countDown() } }.use { server ->
            HttpTransport(auth(server)).use { transport ->
                runBlocking(Dispatchers.IO) {
                    val first = launch { transport.send(CALL) }
                    asked.await()
                    first.cancelAndJoin()
                    go.countDown()
                    assertEquals(DONE, transport.send(CALL))
                }
            }
            assertEquals(1, renewals(server).size)
            assertEquals("canary-refresh-2", stored("refresh_token"))
        }
    }

    @Test
    fun `a renewal that nobody waits for any more is waited for at the end`() {
        val (asked, go) = CountDownLatch(1) to CountDownLatch(1)
        portal("canary-new") { Answer.After(go, NEW_PAIR).also { asked.countDown() } }.use { server ->
            val auth = auth(server)
            runBlocking(Dispatchers.IO) {
                auth.settled()
                val renewal = launch { auth.refresh() }
                asked.await()
                renewal.cancelAndJoin()
                val settled = launch(start = CoroutineStart.UNDISPATCHED) { auth.settled() }
                assertTrue(settled.isActive)
                go.countDown()
                settled.join()
            }
            assertEquals("canary-refresh-2", stored("refresh_token"))
        }
    }

    @Test
    fun `half of a surrogate pair in a token is refused`() {
        write("canary-1", "canary-refresh", "https://oauth.example/")
        path.writeText(path.readText().replace("canary-1", "canary-\\ud800"))
        val error = assertThrows<AuthFileException.NotJson> { OAuthFile.open(path, Endpoint.parse("https://p.example/rest/")) }
        assertFalse("canary" in "$error", "$error")
    }

    @Test
    fun `a token endpoint that would leak is refused`() {
        val endpoint = Endpoint.parse("https://portal.example/rest/")
        for ((oauthUrl, word) in listOf(
            "http://127.0.0.1/oauth/token/" to "--allow-http",
            "https://u:canary-pw@oauth.example/" to "password",
            "oauth.example" to "oauth_url",
        )) {
            write("canary-old", "canary-refresh", oauthUrl)
            val error = assertThrows<AuthFileException.OAuthUrl> { OAuthFile.open(path, endpoint) }
            assertTrue(word in error.message.orEmpty() && "canary" !in "$error", "$error")
        }
    }

    @Test
    fun `files that can't be used are refused without repeating them`() {
        val endpoint = Endpoint.parse("https://portal.example/rest/")
        val open = { OAuthFile.open(path, endpoint) }
        assertTrue("No such file" in assertThrows<AuthFileException.Unreadable> { open() }.message.orEmpty())
        assertThrows<AuthFileException.NoFile> { OAuthFile.open(folder, endpoint) }
        for (mode in listOf("rw----r--", "rw-----w-", "rw-r--r--")) {
            write("a", "r", "https://oauth.example/", mode)
            assertTrue("chmod 600" in assertThrows<AuthFileException.Open> { open() }.message.orEmpty())
        }
        write("a", "r", "https://oauth.example/", "rw-r-----")
        open()
        val complete = path.readText()
        for (field in listOf("access_token", "refresh_token", "client_id", "client_secret", "oauth_url")) {
            path.writeText(complete.replace(field, "other"))
            assertTrue("'$field'" in assertThrows<AuthFileException.Field> { open() }.message.orEmpty())
        }
        for (text in listOf("\"canary-1\"", "canary-1", "{\"a\": canary-1}", "[\"canary-1\"]", "{} canary-1")) {
            path.writeText(text)
            val error = assertThrows<AuthFileException.NotJson> { open() }
            assertFalse("canary" in "$error ${error.cause}", "$error")
        }
        Files.write(path, "{\n\"a\": \"".toByteArray() + 0xFF.toByte())
        assertEquals(2, assertThrows<AuthFileException.NotJson> { open() }.line)
    }

    @Test
    fun `what a portal repeats is redacted`() {
        portal("canary-new") { NEW_PAIR }.use { server ->
            val auth = auth(server)
            val shown = auth.redact("token canary-old, secret canary-secret, refresh canary-refresh")
            assertEquals("token …, secret …, refresh …", shown)
            runBlocking { auth.refresh() }
            // a call with the former token may still be answered
            assertFalse("canary" in auth.redact("canary-old canary-refresh canary-new canary-refresh-2"))
            assertFalse("canary" in "$auth ${runBlocking { auth.token() }}")
        }
    }
}
