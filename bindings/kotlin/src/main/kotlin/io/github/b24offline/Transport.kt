package io.github.b24offline

import io.github.b24offline.core.Call
import io.github.b24offline.core.Lost
import io.github.b24offline.core.NotSent
import io.github.b24offline.core.Reply
import io.github.b24offline.ffi.TextException
import io.github.b24offline.ffi.isExpired
import io.github.b24offline.ffi.requestBody
import io.github.b24offline.ffi.withoutToken
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.HttpUrl.Companion.toHttpUrlOrNull

/**
 * Sends a call and tells the machine what became of it.
 *
 * Whoever implements it repeats nothing by itself, follows no redirect, and answers [Reply.NotSent] only when
 * the portal surely did not execute the call: in doubt it is [Reply.Unknown]. What it throws ends the run.
 */
public interface Transport : AutoCloseable {
    /** Sends it. Several calls are open at once; cancelling abandons the call. */
    public suspend fun send(call: Call): Reply

    /** Called once when a run has ended: waits for what should outlive its calls, at most some seconds. */
    public suspend fun finish() {}

    /** Frees its connections. */
    override fun close() {}
}

/**
 * HTTP with the token of an [AuthSource]: JSON posted to the portal's REST base.
 *
 * An `expired_token` is met by one renewal, shared by all open calls, and one repeat.
 *
 * @throws HttpException when the certificate authorities can't be used
 */
public class HttpTransport
@JvmOverloads
constructor(private val auth: AuthSource, http: HttpSettings = HttpSettings()) : Transport {
    private val base =
        auth.baseUrl.toString().toHttpUrlOrNull()
            ?: throw EndpointException.NotAnAddress("the base of the authorisation", "invalid host or port")
    private val client = http.client(base)
    private val maxAnswer = http.maxAnswer
    private val renewing = Mutex()

    /** A renewal goes on when the call that began it is over: no other one begins meanwhile. */
    private val renewals = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    /** The token whose renewal was refused, and the words. */
    private var refused: Pair<Secret, String>? = null

    override suspend fun send(call: Call): Reply {
        val until = System.nanoTime() + call.timeout.toLong() * 1_000_000
        return try {
            val token = auth.token()
            val first = post(call, token, left(until))
            // refused for its token, the call was not executed
            if (first !is Reply.Answer || !isExpired(first.status, first.body)) return first
            val fresh = withTimeoutOrNull(left(until)) { renewals.async { renewed(token) }.await() }
            fresh?.let { post(call, it, left(until)) } ?: notSent("the renewal of the token took too long")
        } catch (error: AuthException.SignInAgain) {
            Reply.NotSent(NotSent.SignInAgain(asText(error.message.orEmpty())))
        } catch (error: AuthException.Network) {
            notSent(error.message.orEmpty())
        } catch (error: IOException) {
            // only an authorisation throws these: what happens on the wire is an Exchange
            notSent(cause(error))
        }
    }

    private suspend fun post(call: Call, token: Secret, timeout: Long): Reply {
        val body =
            try {
                requestBody(call, token.reveal())
            } catch (error: TextException) {
                return Reply.NotSent(NotSent.Refused(error.message.orEmpty()))
            }
        val url =
            base.resolve(call.method)
                ?: return Reply.NotSent(NotSent.Refused("the method does not fit behind the endpoint"))
        return when (val outcome = client.post(url, "application/json", body, timeout, maxAnswer)) {
            is Exchange.NotSent -> notSent("the portal can't be reached (${outcome.why})")
            is Exchange.Unknown -> Reply.Unknown(outcome.lost)
            is Exchange.Answer -> answer(outcome, token)
        }
    }

    private fun answer(answer: Exchange.Answer, token: Secret): Reply {
        val body =
            try {
                Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(answer.body)).toString()
            } catch (_: CharacterCodingException) {
                if (answer.status in 200..299) return Reply.Unknown(Lost.BROKEN)
                // an error page in another encoding says as much as one in UTF-8
                answer.body.decodeToString()
            }
        val status = answer.status.toUShort()
        return Reply.Answer(status, withoutToken(status, body, token.reveal()))
    }

    /** A token in place of a stale one; one renewal serves all calls that wait here. */
    private suspend fun renewed(stale: Secret): Secret =
        renewing.withLock {
            val current = auth.token()
            if (current != stale) return current
            refused?.let { (token, why) -> if (token == stale) throw AuthException.SignInAgain(why) }
            try {
                auth.refresh()
            } catch (error: AuthException.SignInAgain) {
                refused = current to error.message.orEmpty()
                throw error
            }
            auth.token()
        }

    override suspend fun finish() {
        // a token endpoint that hangs for longer may cost a sign-in
        withTimeoutOrNull(RENEWAL_GRACE) { auth.settled() }
    }

    override fun close() {
        renewals.cancel()
        client.dispatcher.executorService.shutdown()
        client.connectionPool.evictAll()
    }

    override fun toString(): String = "HttpTransport($base)"
}

/** How long a run that ended waits for a renewal, in milliseconds. */
private const val RENEWAL_GRACE = 10_000L

private fun left(until: Long): Long = (until - System.nanoTime()) / 1_000_000

private fun notSent(why: String): Reply = Reply.NotSent(NotSent.Network(asText(why)))
