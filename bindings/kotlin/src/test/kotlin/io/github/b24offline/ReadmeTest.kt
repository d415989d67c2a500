package io.github.b24offline

import java.io.ByteArrayInputStream
import java.nio.file.Files
import java.nio.file.Path
import java.security.KeyStore
import java.security.cert.CertificateFactory
import kotlin.io.path.readText
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

private const val PASSWORD = "changeit"

/** The ten lines of the README, compiled from it with another address, drain the emulated portal over HTTPS. */
class ReadmeTest {
    @TempDir lateinit var folder: Path

    @Test
    fun `the ten lines print a change`() {
        val ca = folder.resolve("ca.pem")
        Emulator(folder, "--tls", "--ca-out", "$ca").use { portal ->
            portal.post("bindings", """{"event": "ONCRMDEALADD", "connector": "warehouse"}""")
            portal.post("objects/create", """{"kind": "crm.deal"}""")
            val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
            val trust = "-Djavax.net.ssl.trustStore=${trustStore(ca)}"
            val password = "-Djavax.net.ssl.trustStorePassword=$PASSWORD"
            val builder = ProcessBuilder(java, trust, password, "-cp", System.getProperty("java.class.path"), "TenLinesKt")
            builder.environment()["B24_OFFLINE_README_ENDPOINT"] = portal.https
            builder.redirectError(folder.resolve("said").toFile())
            val lines = builder.directory(folder.toFile()).start()
            try {
                val line: String? = lines.inputReader().readLine()
                assertTrue(" PRESENT: {\"ID\":\"1\"" in line.orEmpty(), line)
            } finally {
                lines.destroyForcibly().waitFor()
            }
            assertTrue("ready" in folder.resolve("said").readText(), "what a person may want to know is logged")
            assertTrue(Files.exists(folder.resolve("queue.journal")))
        }
    }

    private fun trustStore(ca: Path): Path {
        val certificates = CertificateFactory.getInstance("X.509")
        val store = KeyStore.getInstance("PKCS12").apply { load(null) }
        store.setCertificateEntry("ca", certificates.generateCertificate(ByteArrayInputStream(Files.readAllBytes(ca))))
        val path = folder.resolve("trust.p12")
        Files.newOutputStream(path).use { store.store(it, PASSWORD.toCharArray()) }
        return path
    }
}
