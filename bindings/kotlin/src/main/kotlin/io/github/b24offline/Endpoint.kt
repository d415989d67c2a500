package io.github.b24offline

import java.net.URI
import okhttp3.HttpUrl
import okhttp3.HttpUrl.Companion.toHttpUrl

/**
 * The REST base of a portal, such as `https://portal.example/rest/`, checked once.
 *
 * It is https, or plain http on a loopback address where that was allowed; it has no userinfo, no query, and
 * its path ends with `/`.
 */
public class Endpoint private constructor(private val address: HttpUrl, private val httpAllowed: Boolean) {
    /** The address; its path ends with `/`. */
    public val url: URI get() = address.toUri()

    /**
     * What names the portal in the journal: the host in lower case, with the port if the address has one that
     * is not its scheme's own.
     */
    public val portal: String get() = portalOf(address)

    /** Checks another address that gets secrets, such as the token endpoint, by the same rules. */
    internal fun sibling(text: String, what: String): HttpUrl = checked(text, what, httpAllowed)

    override fun toString(): String = address.toString()

    public companion object {
        /**
         * Checks an address; with [allowHttp] it may also be plain http on this machine, for the emulator.
         *
         * @throws EndpointException says what is wrong with it
         */
        @JvmStatic
        @JvmOverloads
        public fun parse(text: String, allowHttp: Boolean = false): Endpoint {
            val what = "the endpoint"
            val url = checked(text, what, allowHttp)
            if (url.query != null || url.fragment != null) throw EndpointException.Query(what)
            val path = url.encodedPath.trimEnd('/')
            if (path.isEmpty()) throw EndpointException.NoPath()
            val afterRest = path.split('/').dropWhile { it != "rest" }.drop(1)
            val user = afterRest.firstOrNull().orEmpty()
            if (afterRest.size > 1 && user.isNotEmpty() && user.all { it in '0'..'9' }) {
                throw EndpointException.Webhook()
            }
            return Endpoint(url.newBuilder().encodedPath("$path/").build(), allowHttp)
        }
    }
}

/**
 * An address that is not used, in a sentence that says why and what to do. None repeats the address beyond its
 * host, because a mistaken one may hold a password or a webhook's code.
 */
public sealed class EndpointException(message: String) : IllegalArgumentException(message) {
    /** Not an absolute address. */
    public class NotAnAddress(what: String, why: String) :
        EndpointException("$what is no address ($why); it looks like https://portal.example/rest/")

    /** Neither https nor http. */
    public class Scheme(what: String) :
        EndpointException("$what is neither https nor http; it looks like https://portal.example/rest/")

    /** Plain http would show the token to everybody on the way. */
    public class PlainHttp(what: String) :
        EndpointException(
            "$what is plain http, which shows the token to everybody on the way; use https, or give " +
                "--allow-http for an address of this machine such as http://127.0.0.1/",
        )

    /** Plain http was allowed, but the address is not on this machine. */
    public class NotLoopback(what: String, host: String) :
        EndpointException(
            "$what is plain http to $host, and --allow-http is for addresses of this machine only " +
                "(localhost, 127.0.0.1, [::1]); use https",
        )

    /** A user or a password in the address. */
    public class Userinfo(what: String) :
        EndpointException(
            "$what holds a user or a password before the host; remove it, the token of --auth is all that " +
                "is needed",
        )

    /** A query or a fragment. */
    public class Query(what: String) :
        EndpointException("$what holds a query or a fragment; leave out everything from '?' or '#' on")

    /** An inbound webhook's address. */
    public class Webhook internal constructor() :
        EndpointException(
            "the endpoint is an inbound webhook (/rest/USER/CODE/), and portals refuse the offline queue to " +
                "webhooks; use https://HOST/rest/ with the OAuth token of an application",
        )

    /** The path is missing. */
    public class NoPath internal constructor() :
        EndpointException("the endpoint lacks its path; a portal's REST base is https://HOST/rest/")
}

private val SCHEME = Regex("^([A-Za-z][A-Za-z0-9+.-]*):(.*)$", RegexOption.DOT_MATCHES_ALL)
private val LOOPBACK_V4 = Regex("""127\.\d{1,3}\.\d{1,3}\.\d{1,3}""")

internal fun portalOf(url: HttpUrl): String {
    val host = if (':' in url.host) "[${url.host}]" else url.host
    return if (url.port == HttpUrl.defaultPort(url.scheme)) host else "$host:${url.port}"
}

/** Whether the host of an address is this machine. */
internal fun isLoopback(url: HttpUrl): Boolean =
    url.host == "localhost" || url.host == "::1" || LOOPBACK_V4.matches(url.host)

private fun checked(text: String, what: String, httpAllowed: Boolean): HttpUrl {
    val (scheme, rest) =
        SCHEME.find(text.trim())?.destructured
            ?: throw EndpointException.NotAnAddress(what, "relative URL without a base")
    if (!scheme.equals("https", true) && !scheme.equals("http", true)) {
        val authority = rest.removePrefix("//").takeWhile { it !in "/?#" }
        throw if ('@' in authority) EndpointException.Userinfo(what) else EndpointException.Scheme(what)
    }
    val url =
        try {
            text.trim().toHttpUrl()
        } catch (_: IllegalArgumentException) {
            // its words may repeat a part of the address
            throw EndpointException.NotAnAddress(what, "invalid host or port")
        }
    return when {
        url.username.isNotEmpty() || url.password.isNotEmpty() -> throw EndpointException.Userinfo(what)
        url.isHttps -> url
        !httpAllowed -> throw EndpointException.PlainHttp(what)
        !isLoopback(url) -> throw EndpointException.NotLoopback(what, url.host)
        else -> url
    }
}
