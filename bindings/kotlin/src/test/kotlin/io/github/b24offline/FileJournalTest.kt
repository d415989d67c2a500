package io.github.b24offline

import io.github.b24offline.core.JournalCondition
import io.github.b24offline.core.JournalEntry
import io.github.b24offline.core.Save
import io.github.b24offline.core.SaveOutcome
import java.nio.channels.ClosedByInterruptException
import java.nio.file.Files
import java.nio.file.Path
import kotlin.io.path.exists
import kotlin.io.path.readBytes
import kotlin.io.path.readText
import kotlin.io.path.writeBytes
import kotlin.io.path.writeText
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir

private const val HEADER = "{\"b24_offline_journal\":1}\n"
private const val SALVAGED = "{\"b24_offline_journal\":1,\"salvaged\":true}\n"

/** Holds a journal until its input ends: what another process does. */
object HoldJournal {
    @JvmStatic
    fun main(words: Array<String>) {
        FileJournal.open(Path.of(words[0]))
        println("held")
        System.`in`.read()
    }
}

class FileJournalTest {
    @TempDir lateinit var folder: Path

    private val path: Path get() = folder.resolve("queue.journal")

    private fun save(puts: Map<String, String>, vararg deletes: String) =
        Save(1u, puts.map { (key, value) -> JournalEntry(key, value) }, deletes.toList())

    private fun FileJournal.keeps(puts: Map<String, String>, vararg deletes: String): SaveOutcome =
        runBlocking { save(save(puts, *deletes)) }

    private fun FileJournal.pairs() = contents().entries.associate { it.key to it.value }

    private fun <T> opened(work: (FileJournal) -> T): T = FileJournal.open(path).use(work)

    @Test
    fun `saves are found again, in a text that is sorted and exact`() {
        opened {
            assertTrue(it.pairs().isEmpty())
            assertEquals(SaveOutcome.Done, it.keeps(mapOf("b" to "1", "a" to "\"x\"\n\u2028 я \uD83D\uDE00")))
            assertEquals(SaveOutcome.Done, it.keeps(mapOf("c" to ""), "b", "never-there"))
        }
        assertEquals("$HEADER[\"a\",\"\\\"x\\\"\\n\u2028 я \uD83D\uDE00\"]\n[\"c\",\"\"]\n", path.readText())
        val before = path.readBytes()
        opened {
            assertEquals(mapOf("a" to "\"x\"\n\u2028 я \uD83D\uDE00", "c" to ""), it.pairs())
            assertEquals(JournalCondition.INTACT, it.contents().condition)
        }
        assertArrayEquals(before, path.readBytes(), "reading does not change the file")
        assertEquals(listOf("queue.journal", "queue.journal.lock"), folder.toFile().list()?.sorted())
    }

    @Test
    fun `an empty file is a new journal`() {
        path.writeText("")
        opened { assertEquals(JournalCondition.INTACT, it.contents().condition) }
        assertFalse(folder.resolve("queue.journal.damaged-1").exists())
    }

    @Test
    fun `every kind of damage costs only what it held, and the file is kept aside`() {
        val good = "[\"a\",\"1\"]\n"
        val damaged =
            listOf(
                "$HEADER$good[\"b\",\"2" to setOf("a"),
                "$HEADER$good[\"b\",\"2\"]" to setOf("a", "b"),
                "$HEADER[1,2]\n$good[\"b\"]\n{}\n[\"c\",\"3\",\"x\"]\n" to setOf("a"),
                "$HEADER\n$good" to setOf("a"),
                "$HEADER$good[\"b\",\"\\ud800\"]\n" to setOf("a"),
                good to setOf("a"),
                "{\"b24_offline_journal\":2}\n$good" to setOf("a"),
                "{\"b24_offline_journal\":1,\"salvaged\":\"yes\"}\n$good" to setOf("a"),
                "{\"b24_offline_journal\":1}" to emptySet(),
                "torn to pieces" to emptySet(),
                "SQLite" to emptySet(),
            )
        for ((number, case) in damaged.withIndex()) {
            val (text, keys) = case
            path.writeText(text)
            opened {
                assertEquals(keys, it.pairs().keys, text)
                assertEquals(JournalCondition.SALVAGED, it.contents().condition, text)
            }
            assertEquals(text, folder.resolve("queue.journal.damaged-${number + 1}").readText())
        }
        path.writeBytes("$HEADER$good".toByteArray() + byteArrayOf(0x5B, 0xFF.toByte(), 0x0A) + "[\"z\",\"\"]\n".toByteArray())
        opened { assertEquals(setOf("a", "z"), it.pairs().keys) }
    }

    @Test
    fun `a salvage is told until the first save`() {
        path.writeText("$HEADER[\"a\",\"1\"]\n[\"b\"")
        opened { assertEquals(JournalCondition.SALVAGED, it.contents().condition) }
        assertEquals("$SALVAGED[\"a\",\"1\"]\n", path.readText())
        // a stop before the machine's first save must not hide it
        opened {
            assertEquals(JournalCondition.SALVAGED, it.contents().condition)
            assertEquals(SaveOutcome.Done, it.keeps(mapOf("c" to "3")))
            assertEquals(JournalCondition.INTACT, it.contents().condition)
        }
        assertEquals("$HEADER[\"a\",\"1\"]\n[\"c\",\"3\"]\n", path.readText())
    }

    @Test
    fun `a salvage that was stopped is finished`() {
        val fresh = folder.resolve("queue.journal.fresh")
        // between the two renames
        fresh.writeText("$SALVAGED[\"a\",\"1\"]\n")
        opened {
            assertEquals(setOf("a"), it.pairs().keys)
            assertEquals(JournalCondition.SALVAGED, it.contents().condition)
        }
        assertFalse(fresh.exists())
        // before them: the damaged file is still there, and is read again
        path.writeText("$HEADER[\"b\",\"2\"]\n[")
        fresh.writeText(SALVAGED)
        opened { assertEquals(setOf("b"), it.pairs().keys) }
        assertFalse(fresh.exists())
    }

    @Test
    fun `a database of another program is left untouched`() {
        val bytes = "SQLite format 3\u0000 and so on".toByteArray()
        path.writeBytes(bytes)
        val error = assertThrows<JournalException.NotAJournal> { FileJournal.open(path) }
        assertEquals("$path is the database of another program; it was left untouched, name another file", error.message)
        assertArrayEquals(bytes, path.readBytes())
        Files.delete(path)
        opened { assertTrue(it.pairs().isEmpty(), "the lock is free again") }
    }

    @Test
    fun `what is no regular file is refused before it is locked`() {
        val pipe = folder.resolve("pipe")
        assertEquals(0, ProcessBuilder("mkfifo", "$pipe").start().waitFor())
        val inner = Files.createDirectory(folder.resolve("inner"))
        val refused =
            mapOf(
                Path.of("") to "the path is empty",
                Path.of("/") to "it is a folder",
                inner to "it is a folder",
                pipe to "it is no regular file",
            )
        for ((path, why) in refused) {
            val error = assertThrows<JournalException.Unusable> { FileJournal.open(path) }
            val advice = "name a file in a folder that exists and is writable"
            assertEquals("the journal $path can't be opened ($why); $advice", error.message)
        }
        assertEquals(listOf("inner", "pipe"), folder.toFile().list()?.sorted())
    }

    @Test
    fun `an interrupt that was left behind harms nothing and is kept`() {
        Thread.currentThread().interrupt()
        val journal = FileJournal.open(path)
        val left = { Thread.currentThread().interrupt() }
        assertTrue(Thread.interrupted())
        runBlocking(Dispatchers.IO) {
            repeat(50) {
                left()
                assertEquals(SaveOutcome.Done, journal.save(save(mapOf("a" to "$it"))))
            }
        }
        left()
        journal.close()
        assertTrue(Thread.interrupted())
        assertEquals("", folder.resolve("queue.journal.lock").readText())
        opened { assertEquals(mapOf("a" to "49"), it.pairs()) }
    }

    @Test
    fun `work that an interrupt has cut is done again`() {
        var times = 0
        val done = uninterrupted { if (++times == 1) throw ClosedByInterruptException() else times }
        assertEquals(2, done)
    }

    @Test
    fun `a second holder in this process is told so`() {
        val link = Files.createSymbolicLink(folder.resolve("link"), folder)
        opened {
            for (other in listOf(path, folder.resolve("x/../queue.journal"), link.resolve("queue.journal"))) {
                val error = assertThrows<JournalException.InUse> { FileJournal.open(other) }
                assertEquals(ProcessHandle.current().pid(), error.pid)
            }
        }
        opened { assertEquals(SaveOutcome.Done, it.keeps(mapOf("a" to "1"))) }
        assertEquals("", folder.resolve("queue.journal.lock").readText())
    }

    @Test
    fun `another process that holds it is named, and its end frees it`() {
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val words = listOf("-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"))
        val command = listOf(java) + words + listOf(HoldJournal::class.java.name, path.toString())
        val holder = ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        try {
            assertEquals("held", holder.inputReader().readLine())
            val error = assertThrows<JournalException.InUse> { FileJournal.open(path) }
            assertEquals(
                "the journal $path is in use by process ${holder.pid()}; stop that one, or name another journal",
                error.message,
            )
            // asking for it again has freed nothing
            assertThrows<JournalException.InUse> { FileJournal.open(path) }
        } finally {
            holder.destroyForcibly().waitFor()
        }
        opened { assertTrue(it.pairs().isEmpty()) }
    }

    @Test
    fun `a folder that is missing, and a folder in the file's place, are refused`() {
        val missing = folder.resolve("missing").resolve("queue.journal")
        val error = assertThrows<JournalException.Unusable> { FileJournal.open(missing) }
        assertEquals(
            "the journal $missing can't be opened (No such file or directory); name a file in a folder that exists " +
                "and is writable",
            error.message,
        )
        assertThrows<JournalException.Unusable> { FileJournal.open(Files.createDirectory(folder.resolve("folder"))) }
    }

    @Test
    fun `a save that can't be written fails and changes nothing`() {
        opened {
            assertEquals(SaveOutcome.Done, it.keeps(mapOf("a" to "1")))
            val before = path.readBytes()
            val inTheWay = Files.createDirectories(folder.resolve("queue.journal.new").resolve("x"))
            val outcome = it.keeps(mapOf("b" to "2"))
            assertTrue(outcome is SaveOutcome.Failed && "irectory" in outcome.why, "$outcome")
            assertArrayEquals(before, path.readBytes())
            Files.delete(inTheWay)
            Files.delete(inTheWay.parent)
            assertEquals(SaveOutcome.Done, it.keeps(mapOf("c" to "3")))
            assertEquals(setOf("a", "c"), it.pairs().keys)
        }
        val closed = FileJournal.open(path).apply { close() }
        assertEquals(SaveOutcome.Failed("the journal is closed"), closed.keeps(mapOf("d" to "4")))
    }
}
