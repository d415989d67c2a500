package io.github.b24offline

import io.github.b24offline.core.JournalCondition
import io.github.b24offline.core.JournalContents
import io.github.b24offline.core.JournalEntry
import io.github.b24offline.core.Save
import io.github.b24offline.core.SaveOutcome
import java.io.IOException
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.Path
import java.util.TreeMap
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * A journal in one text file, used by one process at a time.
 *
 * Each save writes the whole file as `PATH.new`, makes it durable and renames it over the old one. Closing it
 * waits for a save that has begun, and frees the lock on `PATH.lock`.
 */
public class FileJournal
private constructor(private val path: Path, private val lock: JournalLock, text: JournalText) : Journal {
    private var entries = text.entries
    private var salvaged = text.salvaged
    private var closed = false

    /** A thread of its own: handlers that block all others must not keep saves from being made. */
    private val thread = Dispatchers.IO.limitedParallelism(1)

    @Synchronized
    override fun contents(): JournalContents =
        JournalContents(
            entries.map { (key, value) -> JournalEntry(key, value) },
            if (salvaged) JournalCondition.SALVAGED else JournalCondition.INTACT,
        )

    override suspend fun save(save: Save): SaveOutcome =
        withContext(thread) {
            try {
                uninterrupted { write(save) }
                SaveOutcome.Done
            } catch (error: IOException) {
                SaveOutcome.Failed(words(error))
            }
        }

    @Synchronized
    private fun write(save: Save) {
        if (closed) throw IOException("the journal is closed")
        val next = TreeMap(entries).apply { keep(save) }
        val fresh = beside(path, ".new")
        try {
            // with the first save the machine knows of a salvage
            writeDurably(fresh, JournalText(next, salvaged = false).bytes())
            replace(fresh, path)
        } catch (error: IOException) {
            Files.deleteIfExists(fresh)
            throw error
        }
        entries = next
        salvaged = false
    }

    @Synchronized
    override fun close() {
        if (closed) return
        closed = true
        uninterrupted(lock::close)
    }

    override fun toString(): String = "FileJournal($path)"

    public companion object {
        /**
         * Locks and opens the journal, or makes a new one, and reads it.
         *
         * A damaged file is kept aside as `PATH.damaged-N`, what can be read of it starts a fresh one, and the
         * condition says [JournalCondition.SALVAGED] until the first save.
         *
         * @throws JournalException when another process has it, when it can't be read or written, when it is no
         *   regular file, or when it is another program's database
         */
        @JvmStatic
        public fun open(path: Path): FileJournal =
            try {
                uninterrupted { lockedAndRead(path) }
            } catch (error: IOException) {
                throw JournalException.Unusable(path.toString(), words(error))
            }

        private fun lockedAndRead(path: Path): FileJournal {
            // before the lock, which would leave a file behind
            why(path)?.let { throw JournalException.Unusable(path.toString(), it) }
            // a link stays a link: the file that it names is the one replaced
            val real = if (Files.exists(path)) path.toRealPath() else path
            val lock = JournalLock.take(real, path.toString())
            try {
                return FileJournal(real, lock, read(real, path.toString()))
            } catch (error: Exception) {
                lock.close()
                throw error
            }
        }

        /** Why there can be no journal; null where one can be, or is. */
        private fun why(path: Path): String? =
            when {
                path.toString().isEmpty() -> "the path is empty"
                Files.isDirectory(path) -> "it is a folder"
                Files.exists(path) && !Files.isRegularFile(path) -> "it is no regular file"
                else -> null
            }

        private fun read(path: Path, shown: String): JournalText {
            val fresh = beside(path, ".fresh")
            // a salvage that was stopped after the damaged file was set aside
            if (Files.exists(fresh) && !Files.exists(path)) replace(fresh, path)
            val bytes =
                try {
                    Files.readAllBytes(path)
                } catch (_: NoSuchFileException) {
                    ByteArray(0)
                }
            if (JournalText.isForeign(bytes)) throw JournalException.NotAJournal(shown)
            val text = JournalText.read(bytes)
            if (!text.damaged) return text
            val salvaged = JournalText(text.entries, salvaged = true)
            writeDurably(fresh, salvaged.bytes())
            // from here on a stop in the middle is finished by the next start
            Files.move(path, aside(path))
            replace(fresh, path)
            return salvaged
        }

        private fun aside(path: Path): Path =
            (1..9_999).map { beside(path, ".damaged-$it") }.firstOrNull { !Files.exists(it) }
                ?: throw IOException("there are 9,999 damaged journals beside it; remove some")
    }
}
