package io.github.b24offline

import io.github.b24offline.ffi.Machine
import io.github.b24offline.ffi.configFromJson
import io.github.b24offline.ffi.inputFromJson
import io.github.b24offline.ffi.journalFromJson
import io.github.b24offline.ffi.stepToJson
import java.nio.file.Files
import java.nio.file.Path
import kotlin.streams.toList
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory

/** The golden traces: the same inputs give the same steps, byte for byte, each having crossed the boundary. */
class TraceTest {
    @TestFactory
    fun `each trace is replayed byte for byte`(): List<DynamicTest> {
        val folder = Path.of("../../tests/conformance/traces")
        val traces = Files.list(folder).use { it.toList() }.filter { it.toString().endsWith(".trace") }
        assertTrue(traces.isNotEmpty(), "there is no trace in $folder")
        return traces.map { dynamicTest(it.fileName.toString()) { replay(Files.readAllLines(it)) } }
    }

    private fun replay(lines: List<String>) {
        val start = checkNotNull(Json.objectIn(lines[2]))
        val number = { name: String -> (start[name] as JsonNumber).text.toULong() }
        val machine =
            Machine.open(configFromJson(lines[0]), journalFromJson(lines[1]), number("seed"), number("now"))
        val triples = lines.drop(3).chunked(3)
        assertTrue(triples.isNotEmpty(), "the trace has no step")
        for ((now, input, expected) in triples) {
            val step = machine.handle(inputFromJson(input), now.toULong())
            assertEquals(expected, stepToJson(step), "at $now: $input")
        }
        machine.free()
    }
}
