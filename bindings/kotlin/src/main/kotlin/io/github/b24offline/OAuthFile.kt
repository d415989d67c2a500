package io.github.b24offline

import io.github.b24offline.ffi.withoutSecrets
import java.io.IOException
import java.net.URI
import java.net.URLEncoder
import java.nio.charset.CharacterCodingException
import java.nio.file.Path
import java.time.Instant
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.job
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import okhttp3.HttpUrl

/**
 * The authorisation of an application in a JSON file: `access_token`, `refresh_token`, `client_id`,
 * `client_secret`, `oauth_url` (the address of the token endpoint), optionally `expires_at` (Unix seconds); other
 * fields are kept as they are.
 *
 * A renewed pair is written back atomically with mode 0600, and the old one stays in the file until then. A file
 * that another process has renewed is taken over instead of renewing twice.
 */
public class OAuthFile
private constructor(
    private val path: Path,
    private val endpoint: Endpoint,
    private val oauthUrl: HttpUrl,
    http: HttpSettings,
    private var document: Map<String, Any?>,
) : AuthSource {
    private val client = http.client(oauthUrl)
    private val maxAnswer = http.maxAnswer

    /** Whether the file has the document. */
    private var stored = true

    /** The tokens of the pair before this one: calls with them may still be under way. */
    private var previous = emptyList<String>()

    private val renewing = Mutex()

    /** Renewals and stores go on when those who asked for one give up: a pair that was just made is not lost. */
    private val renewals = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    /** A thread of its own: handlers that block all others must not keep a pair from being stored. */
    private val thread = Dispatchers.IO.limitedParallelism(1)

    override val baseUrl: URI get() = endpoint.url

    override suspend fun token(): Secret {
        if (!locked { stored }) renewals.async { store() }.await()
        return Secret(accessToken())
    }

    override suspend fun refresh() {
        val stale = accessToken()
        renewals.async { renew(stale) }.await()
    }

    override suspend fun settled(): Unit = renewals.coroutineContext.job.children.toList().joinAll()

    /**
     * Replaces the tokens, those before the last renewal too, and the client secret in a text that is to be
     * shown, should a portal have repeated them.
     */
    public fun redact(text: String): String {
        val hidden = listOf("access_token", "refresh_token", "client_secret")
        return withoutSecrets(asText(text), locked { previous + hidden.map { document.text(it) } })
    }

    override fun toString(): String = "OAuthFile($path)"

    private fun <T> locked(work: () -> T): T = synchronized(this, work)

    private fun accessToken(): String = locked { document.text("access_token") }

    private suspend fun renew(stale: String) {
        renewing.withLock {
            if (accessToken() != stale || takenOver()) return
            val answer =
                try {
                    ask()
                } catch (error: AuthException.SignInAgain) {
                    // two processes may have used the same refresh token: the other one has the new pair
                    if (takenOver()) return
                    throw error
                }
            take(answer)
            store()
        }
    }

    /** Takes the file's pair if it is another one than ours. */
    private fun takenOver(): Boolean {
        val found =
            try {
                AuthFileStore.read(path)
            } catch (_: AuthFileException) {
                return false
            }
        return locked {
            val other = stored && found.text("access_token") != document.text("access_token")
            if (other) {
                remember()
                document = found
            }
            other
        }
    }

    /** Makes the document's pair the previous one. */
    private fun remember() {
        previous = listOf("access_token", "refresh_token").map { document.text(it) }
    }

    private suspend fun ask(): Map<String, Any?> {
        val form = "application/x-www-form-urlencoded"
        val answer =
            when (val outcome = client.post(oauthUrl, form, form(), RENEWAL_TIMEOUT, maxAnswer)) {
                is Exchange.Answer -> outcome
                is Exchange.NotSent -> throw network(outcome.why)
                is Exchange.Unknown -> throw network(outcome.why)
            }
        val fields = fields(answer) ?: throw network("HTTP ${answer.status} without JSON")
        if (fields.text("access_token").isNotEmpty()) return fields
        val code = fields.text("error")
        val why = shown("$code ${fields.text("error_description")}")
        val forNow = answer.status in 500..599 || answer.status == 408 || answer.status == 429
        if (forNow || code.isEmpty()) throw network("HTTP ${answer.status} $why".trim())
        throw AuthException.SignInAgain("the renewal of the token was refused: $why")
    }

    private fun fields(answer: Exchange.Answer): Map<String, Any?>? =
        try {
            Json.objectIn(answer.body.decodeToString(throwOnInvalidSequence = true))
        } catch (_: CharacterCodingException) {
            null
        }

    private fun shown(words: String): String =
        redact(words).map { if (it.isISOControl()) ' ' else it }.joinToString("").trim().take(MOST_WORDS)

    private fun form(): String {
        val fields = locked { listOf("client_id", "client_secret", "refresh_token").map { it to document.text(it) } }
        return (listOf("grant_type" to "refresh_token") + fields).joinToString("&") { (name, value) ->
            "$name=${URLEncoder.encode(value, Charsets.UTF_8)}"
        }
    }

    private fun take(answer: Map<String, Any?>) = locked {
        remember()
        val renewed = document.toMutableMap()
        for (field in listOf("access_token", "refresh_token")) {
            if (answer.text(field).isNotEmpty()) renewed[field] = answer.text(field)
        }
        val lives = (answer["expires_in"] as? JsonNumber)?.text ?: answer.text("expires_in")
        val seconds = lives.toULongOrNull()
        if (seconds == null) {
            renewed.remove("expires_at")
        } else {
            val at = Instant.now().epochSecond.toBigInteger() + seconds.toString().toBigInteger()
            renewed["expires_at"] = JsonNumber(at.toString())
        }
        document = renewed
        stored = false
    }

    private suspend fun store() =
        withContext(thread) {
            locked {
                try {
                    uninterrupted { AuthFileStore.write(path, document) }
                } catch (error: IOException) {
                    throw AuthException.Network(
                        "the renewed token can't be stored in $path (${words(error)}); make room or make its " +
                            "folder writable",
                    )
                }
                stored = true
            }
        }

    public companion object {
        private const val RENEWAL_TIMEOUT = 60_000L
        private const val MOST_WORDS = 300

        /**
         * Reads the file for the application's portal at [endpoint].
         *
         * @throws AuthFileException when the file is missing, no file, unreadable, open to all users (on Unix),
         *   without one of its fields, or names a token endpoint that would leak the secrets
         * @throws HttpException when the certificate authorities can't be used
         */
        @JvmStatic
        @JvmOverloads
        public fun open(path: Path, endpoint: Endpoint, http: HttpSettings = HttpSettings()): OAuthFile {
            // a link stays a link: the file that it names is the one replaced
            val real =
                try {
                    path.toRealPath()
                } catch (error: IOException) {
                    throw AuthFileException.Unreadable(path.toString(), words(error))
                }
            val document = AuthFileStore.read(real)
            val oauthUrl =
                try {
                    endpoint.sibling(document.text("oauth_url"), "oauth_url")
                } catch (error: EndpointException) {
                    throw AuthFileException.OAuthUrl(real.toString(), error)
                }
            return OAuthFile(real, endpoint, oauthUrl, http, document)
        }

        private fun network(why: String) =
            AuthException.Network("the token could not be renewed ($why)")
    }
}
