package io.github.b24offline

import io.github.b24offline.core.Lost
import java.io.IOException
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.resume
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.Call
import okhttp3.Callback
import okhttp3.HttpUrl
import okhttp3.Interceptor
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response

/** What became of one request. */
internal sealed interface Exchange {
    /** A complete answer. */
    class Answer(val status: Int, val body: ByteArray) : Exchange

    /** Nothing of the request was written to a connection. */
    class NotSent(val why: String) : Exchange

    /** It was sent, perhaps in part, and there is no complete answer. */
    class Unknown(val lost: Lost, val why: String) : Exchange
}

/** The right to write one request to a connection: it is written once, or given up before. */
private class Once {
    private enum class State { OPEN, WRITTEN, GIVEN_UP }

    private val state = AtomicReference(State.OPEN)

    fun write(): Boolean = state.compareAndSet(State.OPEN, State.WRITTEN)

    /** Whether it was not written and surely will not be. */
    fun giveUp(): Boolean = state.compareAndSet(State.OPEN, State.GIVEN_UP) || state.get() == State.GIVEN_UP
}

/**
 * Stands between a connection that is made and the first byte of the request. No request is written twice: OkHttp
 * would repeat one at a 503 with `Retry-After: 0`, whatever its settings.
 */
internal object SentOnce : Interceptor {
    override fun intercept(chain: Interceptor.Chain): Response {
        val request = chain.request()
        if (request.tag(Once::class.java)?.write() != true) throw IOException("a request is sent only once")
        return chain.proceed(request).newBuilder().removeHeader("Retry-After").build()
    }
}

/** What fails below without a type, such as a proxy's port that is none, is a failure of the request alone. */
internal object Typed : Interceptor {
    override fun intercept(chain: Interceptor.Chain): Response =
        try {
            chain.proceed(chain.request())
        } catch (error: RuntimeException) {
            throw IOException(error)
        }
}

/**
 * Posts [body] and reads the whole answer, at most [most] bytes of it, within [timeout] milliseconds. Cancelling
 * abandons it.
 */
internal suspend fun OkHttpClient.post(
    url: HttpUrl,
    contentType: String,
    body: String,
    timeout: Long,
    most: Long,
): Exchange {
    val once = Once()
    val request =
        Request.Builder()
            .url(url)
            .post(body.toByteArray().toRequestBody(contentType.toMediaType()))
            .header("accept", "application/json")
            .header("user-agent", HttpSettings.USER_AGENT)
            .tag(Once::class.java, once)
            .build()
    // not OkHttp's own limit: a slow look-up of a name would outlast it
    val outcome = withTimeoutOrNull(timeout) { connectedInTime(newCall(request), once, most) }
    return when {
        outcome?.isSuccess == true -> outcome.getOrThrow()
        once.giveUp() -> Exchange.NotSent(outcome?.exceptionOrNull()?.let(::cause) ?: "it took too long")
        outcome == null -> Exchange.Unknown(Lost.TIMED_OUT, "the answer took too long")
        else -> Exchange.Unknown(Lost.BROKEN, outcome.exceptionOrNull()?.let(::cause).orEmpty())
    }
}

/** The outcome; null when the connection, with the look-up of the name and with TLS, was not made in time. */
private suspend fun OkHttpClient.connectedInTime(call: Call, once: Once, most: Long): Result<Exchange>? =
    coroutineScope {
        val outcome = async { outcome(call, most) }
        val connecting = launch {
            delay(connectTimeoutMillis.toLong())
            if (once.giveUp()) outcome.cancel()
        }
        try {
            outcome.await()
        } catch (_: CancellationException) {
            ensureActive()
            null
        } finally {
            connecting.cancel()
        }
    }

private suspend fun outcome(call: Call, most: Long): Result<Exchange> = suspendCancellableCoroutine { waiting ->
    waiting.invokeOnCancellation { call.cancel() }
    call.enqueue(
        object : Callback {
            override fun onFailure(call: Call, e: IOException) = waiting.resume(Result.failure(e))

            override fun onResponse(call: Call, response: Response) =
                waiting.resume(runCatching { response.use { read(it, most) } })
        },
    )
}

private fun read(response: Response, most: Long): Exchange {
    val source = response.body.source()
    if (source.request(most + 1)) return Exchange.Unknown(Lost.TOO_LARGE, "the answer is too large")
    return Exchange.Answer(response.code, source.readByteArray())
}

/** The innermost cause of an error in plain words, in one line: the outer ones only tell which layer gave up. */
internal fun cause(error: Throwable): String {
    val innermost = generateSequence(error) { it.cause }.take(20).last()
    return (innermost.message ?: innermost.javaClass.simpleName).map { if (it.isISOControl()) ' ' else it }
        .joinToString("")
}
