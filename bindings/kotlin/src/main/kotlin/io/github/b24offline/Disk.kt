package io.github.b24offline

import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.ClosedByInterruptException
import java.nio.channels.FileChannel
import java.nio.file.AccessDeniedException
import java.nio.file.DirectoryNotEmptyException
import java.nio.file.FileAlreadyExistsException
import java.nio.file.FileSystemException
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.NotDirectoryException
import java.nio.file.Path
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING
import java.nio.file.StandardOpenOption.CREATE
import java.nio.file.StandardOpenOption.CREATE_NEW
import java.nio.file.StandardOpenOption.READ
import java.nio.file.StandardOpenOption.TRUNCATE_EXISTING
import java.nio.file.StandardOpenOption.WRITE
import java.nio.file.attribute.PosixFilePermission.OTHERS_EXECUTE
import java.nio.file.attribute.PosixFilePermission.OTHERS_READ
import java.nio.file.attribute.PosixFilePermission.OTHERS_WRITE
import java.nio.file.attribute.PosixFilePermissions

private val isUnix = "posix" in java.nio.file.FileSystems.getDefault().supportedFileAttributeViews()

/** The path with [end] behind its name. */
internal fun beside(path: Path, end: String): Path = path.resolveSibling("${path.fileName}$end")

/** Writes a file and makes it durable. */
internal fun writeDurably(path: Path, bytes: ByteArray) {
    FileChannel.open(path, CREATE, TRUNCATE_EXISTING, WRITE).use { it.fill(bytes) }
}

/** The same for a new file that its owner alone may read. */
internal fun writePrivately(path: Path, bytes: ByteArray) {
    Files.deleteIfExists(path)
    val closed = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
    val attributes = if (isUnix) arrayOf(closed) else emptyArray()
    FileChannel.open(path, setOf(CREATE_NEW, WRITE), *attributes).use { it.fill(bytes) }
}

/**
 * Does work that may be done twice, whatever interrupt this thread has: one that a handler has left behind, or a
 * user's own, would close the channel that is written to. It is kept for whoever it is meant for.
 */
internal fun <T> uninterrupted(work: () -> T): T {
    var interrupted = Thread.interrupted()
    try {
        while (true) {
            try {
                return work()
            } catch (_: ClosedByInterruptException) {
                interrupted = Thread.interrupted() || interrupted
            }
        }
    } finally {
        if (interrupted) Thread.currentThread().interrupt()
    }
}

private fun FileChannel.fill(bytes: ByteArray) {
    val buffer = ByteBuffer.wrap(bytes)
    while (buffer.hasRemaining()) write(buffer)
    force(true)
}

/** Renames over what is there, durably: at each moment the file is the old one or the new one. */
internal fun replace(fresh: Path, path: Path) {
    Files.move(fresh, path, ATOMIC_MOVE, REPLACE_EXISTING)
    syncFolder(path)
}

/** Makes a rename durable; only Unix needs and allows it. */
private fun syncFolder(path: Path) {
    if (isUnix) FileChannel.open(path.toAbsolutePath().parent, READ).use { it.force(true) }
}

/** Whether every user of the machine may read, write or run a file. */
internal fun isOpenToAll(path: Path): Boolean =
    isUnix && Files.getPosixFilePermissions(path).any { it in setOf(OTHERS_READ, OTHERS_WRITE, OTHERS_EXECUTE) }

/** What the system said, without the path, which the sentence around it names. */
internal fun words(error: IOException): String =
    when (error) {
        is NoSuchFileException -> "No such file or directory"
        is AccessDeniedException -> "Permission denied"
        is FileAlreadyExistsException -> "File exists"
        is NotDirectoryException -> "Not a directory"
        is DirectoryNotEmptyException -> "Directory not empty"
        is FileSystemException -> error.reason ?: error.javaClass.simpleName
        else -> error.message ?: error.javaClass.simpleName
    }
