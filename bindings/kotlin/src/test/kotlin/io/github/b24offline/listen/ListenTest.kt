package io.github.b24offline.listen

import io.github.b24offline.Emulator
import io.github.b24offline.Json
import io.github.b24offline.JsonNumber
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlin.io.path.createFile
import kotlin.io.path.readText
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

/** The program `listen.sh`, as a user starts it, against the emulated portal of the native program. */
class ListenTest {
    @TempDir lateinit var folder: Path

    private fun start(vararg words: String): Process =
        // a group of its own, as a shell gives to what is typed at a terminal
        ProcessBuilder(listOf("setsid", Path.of("listen.sh").toAbsolutePath().toString()) + words)
            .directory(folder.toFile())
            .redirectError(folder.resolve("said").toFile())
            .start()

    private fun listen(portal: Emulator, vararg words: String): Process =
        start(
            *listOf("--endpoint", portal.http, "--allow-http", "--auth", "auth.json", "--event", "ONCRMDEALADD")
                .toTypedArray(),
            *listOf("--journal", "queue.journal", "--limits", "off", "--poll", "0.05", "--sweep", "0.3").toTypedArray(),
            *words,
        )

    private fun said(): String = folder.resolve("said").readText()

    private fun ends(process: Process): Int {
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "it goes on: ${said()}")
        return process.exitValue()
    }

    private fun signal(process: Process, name: String, group: String = "") {
        ProcessBuilder("sh", "-c", "kill -s $name -- $group${process.pid()}").inheritIO().start().waitFor()
    }

    /** Waits for a sentence on standard error, or a file, without which the test can't go on. */
    private fun until(what: String, isSo: () -> Boolean) {
        val end = System.nanoTime() + 60_000_000_000
        while (!isSo()) {
            check(System.nanoTime() < end) { "waited for $what in vain: ${said()}" }
            Thread.sleep(10)
        }
    }

    private fun deals(portal: Emulator, count: Int) {
        portal.post("bindings", """{"event": "ONCRMDEALADD", "connector": ""}""")
        portal.post("objects/create", """{"kind": "crm.deal", "count": $count}""")
    }

    private fun audit(portal: Emulator) = checkNotNull(Json.asObject(portal.get("audit")))

    @ParameterizedTest
    @ValueSource(strings = ["documented", "source"])
    fun `it drains the queue in both personalities, and the lines are what the audit expects`(personality: String) {
        Emulator(folder, "--personality", personality).use { portal ->
            deals(portal, 60)
            val program = listen(portal, "--jsonl", "--until-empty", "--log", "json")
            val lines = program.inputReader().readLines()
            assertEquals(0, ends(program), said())
            assertEquals(60, lines.size)
            portal.post("delivered", lines.joinToString("\n"))
            val audit = audit(portal)
            assertEquals(emptyList<Any>(), audit["lost"])
            assertEquals(JsonNumber("0"), audit["free_records"])
            val ready = said().lines().filter { it.isNotEmpty() }.map { checkNotNull(Json.objectIn(it)) }.first()
            assertEquals("ready" to "info", ready["notice"] to ready["severity"])
        }
    }

    @Test
    fun `a signal waits for the handler, which does not get it, and settles what was judged`() {
        Emulator(folder).use { portal ->
            deals(portal, 8)
            val waits = "touch began; while [ ! -e go ]; do sleep 0.01; done; cat >> done.jsonl"
            val program = listen(portal, "--exec", waits, "--batch-size", "8")
            until("a handler") { Files.exists(folder.resolve("began")) }
            signal(program, "INT", group = "-")
            signal(program, "TERM")
            until("the stop") { "stopping" in said() }
            folder.resolve("go").createFile()
            assertEquals(0, ends(program), said())
            assertEquals(1, said().split("stopping").size - 1, said())
            val judged = folder.resolve("done.jsonl").readText().lines().count { it.isNotEmpty() }
            assertTrue(judged > 0, said())
            assertEquals(8 - judged, (portal.get("queue") as List<*>).size)
        }
    }

    @Test
    fun `a second signal ends at once, and the handler that is given up is told`() {
        Emulator(folder).use { portal ->
            deals(portal, 2)
            val waits = "trap 'touch given-up; exit' TERM; touch began; while :; do sleep 0.01; done"
            val program = listen(portal, "--exec", waits)
            until("a handler") { Files.exists(folder.resolve("began")) }
            signal(program, "TERM")
            until("the stop") { "stopping" in said() }
            // as a person does to whom nothing seems to happen; signals within a second of the first don't count
            while (!program.waitFor(300, TimeUnit.MILLISECONDS)) signal(program, "TERM")
            assertEquals(1, program.exitValue(), said())
            assertTrue("stopped at once" in said() && "was told to end (SIGTERM)" in said(), said())
            until("the handler's end") { Files.exists(folder.resolve("given-up")) }
        }
    }

    @Test
    fun `a closed standard output ends it with 1`() {
        Emulator(folder).use { portal ->
            deals(portal, 3)
            val program = listen(portal, "--jsonl")
            program.inputStream.close()
            assertEquals(1, ends(program), said())
            assertTrue("standard output was closed" in said(), said())
            assertEquals(3, (portal.get("queue") as List<*>).size)
        }
    }

    @Test
    fun `verdicts and failures of a program are heard`() {
        Emulator(folder).use { portal ->
            deals(portal, 3)
            val rejects =
                "grep '\"id\":\"2\"' > /dev/null || exit 0; " +
                    "echo '{\"key\": \"'\$(cat key)'\", \"verdict\": \"reject\", \"reason\": \"no such customer\"}'"
            val record = (portal.get("queue") as List<*>).map { checkNotNull(Json.asObject(it)) }[1]
            val key = "${(record["ID"] as JsonNumber).text}@${record["TIMESTAMP_X"]}"
            Files.writeString(folder.resolve("key"), key)
            val program = listen(portal, "--exec", rejects, "--until-empty", "--attempts", "2", "--retry-delay", "0.1")
            assertEquals(0, ends(program), said())
            assertTrue("parked" in said() && "no such customer" in said(), said())
            portal.post("objects/create", """{"kind": "crm.deal"}""")
            val failing = listen(portal, "--exec", "echo oops; exit 3", "--until-empty", "--attempts", "1")
            assertEquals(0, ends(failing), said())
            assertTrue("the handler failed on 1 change: exit status: 3" in said(), said())
        }
    }

    @Test
    fun `a signal while the queue is being opened ends the program, and a folder is no journal`() {
        Emulator(folder).use { portal ->
            Files.createDirectory(folder.resolve("queue.journal"))
            val refused = listen(portal, "--jsonl", "--until-empty")
            assertEquals(2, ends(refused), said())
            assertTrue("can't be opened (it is a folder)" in said(), said())
            Files.delete(folder.resolve("queue.journal"))
            assertEquals(0, ProcessBuilder("mkfifo", "$folder/ca.pem").start().waitFor())
            val program = listen(portal, "--jsonl", "--ca", "ca.pem")
            // it speaks once the program reads the other end, which it then does for as long as this lives
            val writer =
                ProcessBuilder("timeout", "-k", "5", "20", "sh", "-c", "exec 3> ca.pem; echo open; exec sleep 20")
                    .directory(folder.toFile())
                    .start()
            assertEquals("open", writer.inputReader().readLine())
            signal(program, "TERM")
            assertEquals(143, ends(program), said())
            writer.destroy()
        }
    }

    @Test
    fun `wrong usage ends with 2, and help teaches`() {
        val help = start("--help")
        val text = help.inputReader().readText()
        assertEquals(0, ends(help))
        val unheard = ProcessBuilder("sh", "-c", "exec \"\$0\" --help >&-", Path.of("listen.sh").toAbsolutePath().toString())
        assertEquals(0, ends(unheard.redirectError(folder.resolve("said").toFile()).start()))
        assertEquals("", said())
        for (word in listOf("--write-back", "\"verdict\": \"retry\"", "Exit codes:", "SIGTERM", "Examples:")) {
            assertTrue(word in text, word)
        }
        assertEquals(2, ends(start()))
        assertTrue(said().startsWith("b24-offline: error: --endpoint is missing"), said())
        assertEquals(2, ends(start("--log", "json", "--journl", "x")))
        assertEquals("error", checkNotNull(Json.objectIn(said().trim()))["severity"])
        val base = arrayOf("--endpoint", "https://canary-1:x@portal.example/rest/", "--event", "A", "--jsonl")
        assertEquals(2, ends(start(*base, "--auth", "missing.json")))
        assertFalse("canary" in said(), said())
    }
}
