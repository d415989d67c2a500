package io.github.b24offline

import io.github.b24offline.core.Batch
import io.github.b24offline.core.Input
import io.github.b24offline.core.JournalCondition
import io.github.b24offline.core.JournalContents
import io.github.b24offline.core.Phase
import io.github.b24offline.core.Reply
import io.github.b24offline.core.SaveOutcome
import io.github.b24offline.ffi.InternalException
import io.github.b24offline.ffi.Machine
import io.github.b24offline.ffi.MachineException
import io.github.b24offline.ffi.TextException
import io.github.b24offline.ffi.defaultConfig
import io.github.b24offline.ffi.eventName
import io.github.b24offline.ffi.inputFromJson
import io.github.b24offline.ffi.panicOnPurpose
import io.github.b24offline.ffi.verdictsFromHandlerOutput
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

/** What crosses the boundary the wrong way arrives as a typed exception. */
class BoundaryTest {
    private val empty = JournalContents(emptyList(), JournalCondition.INTACT)

    private fun machine(): Machine =
        Machine.open(defaultConfig("portal.example", listOf(eventName("ONCRMDEALADD"))), empty, 7u, 1u)

    @Test
    fun `a panic is an exception`() {
        assertThrows<InternalException> { panicOnPurpose() }
        assertEquals(Phase.Checking, machine().status().phase)
    }

    @Test
    fun `a freed machine says so`() {
        val machine = machine()
        machine.free()
        assertThrows<MachineException.Freed> { machine.status() }
        assertThrows<MachineException.Freed> { machine.handle(Input.Tick, 2u) }
        machine.free()
    }

    @Test
    fun `misuse is told in the machine's words`() {
        val machine = machine()
        val error = assertThrows<MachineException.Misuse> { machine.handle(Input.Saved(9u, SaveOutcome.Done), 2u) }
        assertEquals("Saved names save 9, which is not open", error.message)
    }

    @Test
    fun `a machine in use says so`() {
        val machine = machine()
        machine.handle(Input.Tick, 1u)
        // reading this keeps the machine busy for many times as long as asking for its status
        val long = Input.Write(1u, "crm.deal.update", "{\"a\":[${"1,".repeat(5_000_000)}1]}")
        val (ready, done) = CountDownLatch(1) to CountDownLatch(1)
        val busy = thread {
            ready.await()
            machine.handle(long, 2u)
            done.countDown()
        }
        ready.countDown()
        val errors = mutableListOf<MachineException>()
        while (done.count > 0) {
            try {
                machine.status()
            } catch (error: MachineException) {
                errors += error
            }
        }
        busy.join()
        assertTrue(errors.isNotEmpty() && errors.all { it is MachineException.Busy }, "${errors.take(3)}")
    }

    @Test
    fun `wrong configurations and texts are refused`() {
        assertThrows<MachineException.Config> { Machine.open(defaultConfig("portal.example", emptyList()), empty, 7u, 1u) }
        val error = assertThrows<TextException.Value> { eventName("not an event") }
        assertTrue("not an event" in error.message.orEmpty(), error.message)
        assertThrows<TextException.Json> { inputFromJson("{") }
        assertThrows<TextException.NotAVerdict> { verdictsFromHandlerOutput(Batch(1u, emptyList()), "hello") }
    }

    @Test
    fun `an answer of many megabytes crosses`() {
        val machine = machine()
        val call = generateSequence(1uL) { it + 500u }.firstNotNullOf { now ->
            machine.handle(Input.Tick, now).effects.firstNotNullOfOrNull { effect ->
                when (effect) {
                    is io.github.b24offline.core.Effect.Call -> effect.v1
                    is io.github.b24offline.core.Effect.Save -> {
                        machine.handle(Input.Saved(effect.v1.id, SaveOutcome.Done), now)
                        null
                    }
                    else -> null
                }
            }
        }
        machine.handle(Input.Replied(call.id, Reply.Answer(200u, " ".repeat(16 * 1024 * 1024))), 10_000u)
        assertEquals(Phase.Checking, machine.status().phase)
    }
}
