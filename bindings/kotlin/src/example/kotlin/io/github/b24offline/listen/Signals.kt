package io.github.b24offline.listen

import java.io.IOException
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import sun.misc.Signal

/** SIGINT and SIGTERM, as they come. Where one can't be caught it ends the program, which loses nothing either. */
internal fun signals(): ReceiveChannel<Unit> {
    val come = Channel<Unit>(Channel.UNLIMITED)
    for (name in listOf("INT", "TERM")) {
        try {
            Signal.handle(Signal(name)) { come.trySend(Unit) }
        } catch (_: IllegalArgumentException) {
            // this system or this JVM keeps it for itself
        }
    }
    return come
}

/** Sends SIGTERM to a process group; `false` where that can't be done. */
internal fun endGroup(group: Long): Boolean =
    try {
        // the shell has this built in
        val kill = ProcessBuilder("sh", "-c", "kill -s TERM -- \"-\$0\" 2> /dev/null", "$group").inheritIO().start()
        kill.waitFor() == 0
    } catch (_: IOException) {
        false
    }
