package io.github.b24offline

import io.github.b24offline.core.Call
import io.github.b24offline.core.Reply
import java.net.URLDecoder
import kotlinx.coroutines.delay

/** A portal with deals, in memory: what the drive loop's tests need of one, each answer after 20 ms. */
internal class ScriptedPortal(vararg deals: String) : Transport {
    private class Record(val id: Int, val deal: String, var process: String = "")

    private val records = deals.mapIndexed { index, deal -> Record(index + 1, deal) }.toMutableList()
    private var processes = 0

    /** The sub-calls that came, without their parameters. */
    val methods = mutableListOf<String>()

    val left: Int get() = records.size

    override suspend fun send(call: Call): Reply {
        delay(20)
        val params = checkNotNull(Json.objectIn(call.params))
        val result =
            if (call.method == "batch") batch(checkNotNull(Json.asObject(params["cmd"]))) else one(call.method, mapOf())
        return Reply.Answer(200u, Json.write(mapOf("result" to result, "time" to emptyMap<String, Any>())))
    }

    private fun batch(commands: Map<String, Any?>): Map<String, Any?> {
        val results =
            commands.mapValues { (_, command) ->
                val (method, query) = command.toString().split('?', limit = 2)
                one(method, query.split('&').filter { it.isNotEmpty() }.associate(::pair))
            }
        val none = emptyList<Any>()
        return mapOf("result" to results, "result_error" to none, "result_total" to none, "result_next" to none)
    }

    private fun pair(text: String): Pair<String, String> {
        val (name, value) = text.split('=', limit = 2).map { URLDecoder.decode(it, Charsets.UTF_8) }
        return name to value
    }

    private fun one(method: String, query: Map<String, String>): Any {
        methods += method
        val ids = query.filterKeys { it.startsWith("id[") }.values
        return when (method) {
            "feature.get" -> mapOf("value" to "Y")
            "event.get" -> emptyList<Any>()
            "event.offline.get" -> reserve(query["error"] == "1")
            "event.offline.list" -> listed(query)
            "event.offline.clear" -> records.removeIf { it.id.toString() in ids }.let { true }
            "crm.deal.list" ->
                query.filterKeys { it.startsWith("filter[@ID]") }.values.map { mapOf("ID" to it, "TITLE" to "deal $it") }
            else -> true
        }
    }

    private fun reserve(errored: Boolean): Map<String, Any> {
        processes += 1
        val process = "process".padEnd(32 - 4, '0') + "%04d".format(processes)
        val free = if (errored) emptyList() else records.filter { it.process == "" }
        free.forEach { it.process = process }
        return mapOf("process_id" to process, "events" to free.map(::row))
    }

    private fun listed(query: Map<String, String>): List<Map<String, Any>> {
        val after = query["filter[>PROCESS_ID]"]
        val shown = records.filter { if (after == null) it.process == "" else it.process > after }
        return shown.map { row(it) + mapOf("PROCESS_ID" to it.process, "ERROR" to "0") }
    }

    private fun row(record: Record): Map<String, Any> =
        mapOf(
            "ID" to record.id.toString(),
            "TIMESTAMP_X" to "2026-11-23T02:13:20+00:00",
            "EVENT_NAME" to "ONCRMDEALADD",
            "EVENT_DATA" to mapOf("FIELDS" to mapOf("ID" to record.deal)),
            "EVENT_ADDITIONAL" to mapOf("user_id" to "1"),
            "MESSAGE_ID" to record.deal.padStart(32, '0'),
        )
}
