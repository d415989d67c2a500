package io.github.b24offline

import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.ClosedChannelException
import java.nio.channels.FileChannel
import java.nio.channels.OverlappingFileLockException
import java.nio.file.Path
import java.nio.file.StandardOpenOption.CREATE
import java.nio.file.StandardOpenOption.READ
import java.nio.file.StandardOpenOption.WRITE
import java.util.concurrent.ConcurrentHashMap

/**
 * One process at a time: a lock held for the whole run on a file beside the journal. The system frees it when
 * the process ends, however that happens.
 */
internal class JournalLock private constructor(private val path: Path, private val channel: FileChannel) :
    AutoCloseable {
    override fun close() {
        // the file stays: removing it would let two processes lock two files of the same name
        try {
            channel.use { it.truncate(0) }
        } catch (_: ClosedChannelException) {
            // an interrupt has closed it: the lock is free, and names a process that no longer holds it
        } finally {
            HELD.remove(path)
        }
    }

    companion object {
        /** What this process holds: closing a second channel on such a file would free its lock. */
        private val HELD: MutableSet<Path> = ConcurrentHashMap.newKeySet()

        /** @throws JournalException.InUse when another process, or this one, has it */
        fun take(journal: Path, shown: String): JournalLock {
            val absolute = journal.toAbsolutePath().normalize()
            val path = beside(absolute.parent.toRealPath().resolve(absolute.fileName), ".lock")
            if (!HELD.add(path)) throw JournalException.InUse(shown, ProcessHandle.current().pid())
            try {
                return JournalLock(path, locked(path, shown))
            } catch (error: Exception) {
                HELD.remove(path)
                throw error
            }
        }

        private fun locked(path: Path, shown: String): FileChannel {
            val channel = FileChannel.open(path, CREATE, READ, WRITE)
            try {
                val lock =
                    try {
                        channel.tryLock()
                    } catch (_: OverlappingFileLockException) {
                        null
                    }
                if (lock == null) throw JournalException.InUse(shown, holder(channel))
                channel.truncate(0)
                channel.write(ByteBuffer.wrap("${ProcessHandle.current().pid()}\n".toByteArray()))
                return channel
            } catch (error: Exception) {
                channel.close()
                throw error
            }
        }

        private fun holder(channel: FileChannel): Long? {
            val buffer = ByteBuffer.allocate(32)
            return try {
                val length = channel.read(buffer, 0).coerceAtLeast(0)
                String(buffer.array(), 0, length).trim().toLongOrNull()
            } catch (_: IOException) {
                // where a lock forbids reading, the holder stays unnamed
                null
            }
        }
    }
}
