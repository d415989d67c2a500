package io.github.b24offline

import io.github.b24offline.core.Lost
import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.coroutines.resume
import kotlinx.coroutines.suspendCancellableCoroutine
import okhttp3.Call
import okhttp3.Callback
import okhttp3.EventListener
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

/** Sees whether a request reached a connection. */
internal class Wire : EventListener() {
    private val claimed = AtomicBoolean()

    @Volatile
    var written = false
        private set

    fun claim(): Boolean = claimed.compareAndSet(false, true)

    override fun requestHeadersStart(call: Call) {
        written = true
    }
}

/** No request is written twice: OkHttp would repeat one at a 503 with `Retry-After: 0`, whatever its settings. */
internal object SentOnce : Interceptor {
    override fun intercept(chain: Interceptor.Chain): Response {
        val request = chain.request()
        if (request.tag(Wire::class.java)?.claim() != true) throw IOException("a request is sent only once")
        return chain.proceed(request).newBuilder().removeHeader("Retry-After").build()
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
    val wire = Wire()
    val request =
        Request.Builder()
            .url(url)
            .post(body.toByteArray().toRequestBody(contentType.toMediaType()))
            .header("accept", "application/json")
            .header("user-agent", HttpSettings.USER_AGENT)
            .tag(Wire::class.java, wire)
            .build()
    val call = newCall(request)
    // 0 would mean for ever
    call.timeout().timeout(timeout.coerceAtLeast(1), TimeUnit.MILLISECONDS)
    return suspendCancellableCoroutine { waiting ->
        waiting.invokeOnCancellation { call.cancel() }
        call.enqueue(
            object : Callback {
                override fun onFailure(call: Call, e: IOException) = waiting.resume(failed(e, wire))

                override fun onResponse(call: Call, response: Response) =
                    waiting.resume(
                        try {
                            response.use { read(it, most) }
                        } catch (error: IOException) {
                            failed(error, wire)
                        },
                    )
            },
        )
    }
}

private fun read(response: Response, most: Long): Exchange {
    val source = response.body.source()
    if (source.request(most + 1)) return Exchange.Unknown(Lost.TOO_LARGE, "the answer is too large")
    return Exchange.Answer(response.code, source.readByteArray())
}

private fun failed(error: IOException, wire: Wire): Exchange =
    when {
        !wire.written -> Exchange.NotSent(cause(error))
        error is InterruptedIOException -> Exchange.Unknown(Lost.TIMED_OUT, "the answer took too long")
        else -> Exchange.Unknown(Lost.BROKEN, cause(error))
    }

/** The innermost cause of an error in plain words, in one line: the outer ones only tell which layer gave up. */
internal fun cause(error: Throwable): String {
    val innermost = generateSequence(error) { it.cause }.take(20).last()
    return (innermost.message ?: innermost.javaClass.simpleName).map { if (it.isISOControl()) ' ' else it }
        .joinToString("")
}
