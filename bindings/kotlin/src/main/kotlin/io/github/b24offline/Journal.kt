package io.github.b24offline

import io.github.b24offline.core.JournalCondition
import io.github.b24offline.core.JournalContents
import io.github.b24offline.core.JournalEntry
import io.github.b24offline.core.Save
import io.github.b24offline.core.SaveOutcome
import java.util.TreeMap

/** Keeps what the machine tells it to keep. */
public interface Journal : AutoCloseable {
    /** Every entry that earlier saves have left, and the journal's condition. */
    public fun contents(): JournalContents

    /**
     * Makes a save durable, all or nothing, and then gives its outcome. The next save is given after that, so
     * none overtakes another. What it throws ends the run.
     */
    public suspend fun save(save: Save): SaveOutcome

    /** Frees it for the next who opens it; a save that has begun is finished first. */
    override fun close() {}
}

/** A journal in memory, for tests and demonstrations; it outlives a consumer that "crashed". */
public class MemoryJournal : Journal {
    private val entries = TreeMap<String, String>()

    @Synchronized
    override fun contents(): JournalContents =
        JournalContents(entries.map { (key, value) -> JournalEntry(key, value) }, JournalCondition.INTACT)

    @Synchronized private fun keep(save: Save) = entries.keep(save)

    override suspend fun save(save: Save): SaveOutcome {
        keep(save)
        return SaveOutcome.Done
    }
}

internal fun MutableMap<String, String>.keep(save: Save) {
    save.deletes.forEach(::remove)
    save.puts.forEach { put(it.key, it.value) }
}

/** A journal that can't be used, in a sentence that says why and what to do. */
public sealed class JournalException(message: String) : Exception(message) {
    /** Another process uses it; [pid] is its id, where it could be read. */
    public class InUse(path: String, public val pid: Long?) :
        JournalException(
            "the journal $path is in use by ${pid?.let { "process $it" } ?: "another process"}; stop that one, " +
                "or name another journal",
        )

    /** The file or its folder can't be read or written. */
    public class Unusable(path: String, why: String) :
        JournalException(
            "the journal $path can't be opened ($why); name a file in a folder that exists and is writable",
        )

    /** A database of another program. */
    public class NotAJournal(path: String) :
        JournalException("$path is the database of another program; it was left untouched, name another file")
}
