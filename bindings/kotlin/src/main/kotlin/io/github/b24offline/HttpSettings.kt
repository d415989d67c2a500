package io.github.b24offline

import io.github.b24offline.ffi.version
import java.io.ByteArrayInputStream
import java.net.Proxy
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.security.cert.CertificateFactory
import java.security.cert.X509Certificate
import java.time.Duration
import java.util.concurrent.SynchronousQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager
import okhttp3.Dispatcher
import okhttp3.HttpUrl
import okhttp3.OkHttpClient
import okhttp3.Protocol

/** How HTTP is spoken. The JVM's own properties name proxies; none is used for an address of this machine. */
public class HttpSettings
@JvmOverloads
constructor(
    /** The largest answer taken, in bytes after decompression. */
    public val maxAnswer: Long = 16L * 1024 * 1024,
    /** How long a connection may take to be made. */
    public val connectTimeout: Duration = Duration.ofSeconds(10),
    /** PEM text of further certificate authorities, for a self-hosted portal or the emulator. */
    public val ca: String? = null,
) {
    /** A client that follows no redirect and repeats nothing by itself; the caller bounds each call's time. */
    internal fun client(base: HttpUrl): OkHttpClient {
        val builder =
            OkHttpClient.Builder()
                .followRedirects(false)
                .followSslRedirects(false)
                .retryOnConnectionFailure(false)
                .protocols(listOf(Protocol.HTTP_1_1))
                .connectTimeout(connectTimeout)
                .readTimeout(Duration.ZERO)
                .writeTimeout(Duration.ZERO)
                .dispatcher(daemons())
                .addInterceptor(Typed)
                .addNetworkInterceptor(SentOnce)
        if (isLoopback(base)) builder.proxy(Proxy.NO_PROXY)
        if (ca != null) trust(builder, ca)
        return builder.build()
    }

    internal companion object {
        val USER_AGENT: String = "b24-offline/${version()}"
    }
}

/** HTTP can't be spoken. */
public sealed class HttpException(message: String) : Exception(message) {
    /** The further certificate authorities are not PEM text. */
    public class Ca internal constructor() :
        HttpException("the file of certificate authorities holds no certificate in PEM form; name another")

    /** This machine's own certificates can't be used. */
    public class Client(why: String) :
        HttpException("HTTPS can't be set up ($why); install this machine's CA certificates")
}

/** Threads that keep no program from ending. */
private fun daemons(): Dispatcher {
    val thread = { work: Runnable -> Thread(work, "b24-offline http").apply { isDaemon = true } }
    val pool = ThreadPoolExecutor(0, Int.MAX_VALUE, 60, TimeUnit.SECONDS, SynchronousQueue(), thread)
    // how many calls are open is the machine's to say
    return Dispatcher(pool).apply { maxRequestsPerHost = maxRequests }
}

private fun trust(builder: OkHttpClient.Builder, pem: String) {
    val further =
        try {
            val bytes = ByteArrayInputStream(pem.toByteArray())
            CertificateFactory.getInstance("X.509").generateCertificates(bytes)
        } catch (_: GeneralSecurityException) {
            emptyList()
        }
    if (further.isEmpty()) throw HttpException.Ca()
    try {
        val known = trustManager(null).acceptedIssuers.toList()
        val all = KeyStore.getInstance(KeyStore.getDefaultType()).apply { load(null) }
        (known + further.map { it as X509Certificate }).forEachIndexed { index, certificate ->
            all.setCertificateEntry("ca-$index", certificate)
        }
        val manager = trustManager(all)
        val context = SSLContext.getInstance("TLS").apply { init(null, arrayOf(manager), null) }
        builder.sslSocketFactory(context.socketFactory, manager)
    } catch (error: GeneralSecurityException) {
        throw HttpException.Client(cause(error))
    }
}

private fun trustManager(store: KeyStore?): X509TrustManager {
    val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
    factory.init(store)
    return factory.trustManagers.firstNotNullOf { it as? X509TrustManager }
}
