package io.github.b24offline

import io.github.b24offline.core.Timestamp
import kotlin.math.abs
import kotlinx.coroutines.delay

/** Where the drive loop gets its time from. */
public interface Clock {
    /** The present time, in milliseconds since 1970. */
    public fun now(): Timestamp

    /** Returns when [at] has come, or earlier: a tick too early does no harm. */
    public suspend fun sleepUntil(at: Timestamp)
}

/**
 * The system's wall clock.
 *
 * A sleep ends early when the clock was set or the machine was suspended, so that nothing waits for a time
 * that has moved.
 */
public object SystemClock : Clock {
    /** How often a long sleep looks at the wall clock, in milliseconds. */
    private const val SLICE = 10_000L

    /** The clock was set when it is off by more than this, in milliseconds. */
    private const val SET = 1_000L

    override fun now(): Timestamp = System.currentTimeMillis().coerceAtLeast(0).toULong()

    override suspend fun sleepUntil(at: Timestamp) {
        while (true) {
            val (wall, began) = now() to System.nanoTime()
            if (at <= wall) return
            delay((at - wall).coerceAtMost(SLICE.toULong()).toLong())
            val expected = wall.toLong() + (System.nanoTime() - began) / 1_000_000
            if (abs(now().toLong() - expected) > SET) return
        }
    }
}
