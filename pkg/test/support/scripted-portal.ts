/** A transport that answers as a small portal with some deals would, and goes wrong where the test says so. */

import type { Call, Reply, Transport } from "b24-offline";

interface Row {
  ID: string;
  TIMESTAMP_X: string;
  EVENT_NAME: string;
  EVENT_DATA: { FIELDS: { ID: string } };
  MESSAGE_ID: string;
  PROCESS_ID: string;
  ERROR: "0" | "1";
}

export class ScriptedPortal implements Transport {
  readonly calls: Call[] = [];
  readonly rows: Row[] = [];
  readonly writes: string[] = [];
  /** What becomes of a call instead; undefined lets it through. */
  fault: (call: Call) => Reply | Promise<Reply> | undefined = () => undefined;
  #reservations = 0;
  /** The connectors with a binding; the queue without a source has one from the beginning. */
  readonly #bound = [""];

  constructor(deals: number) {
    for (let id = 1; id <= deals; id += 1) this.record(String(id));
  }

  record(deal: string): void {
    const id = String(this.rows.length + 1);
    const changed = { EVENT_NAME: "ONCRMDEALADD", EVENT_DATA: { FIELDS: { ID: deal } }, MESSAGE_ID: `message${deal}` };
    this.rows.push({ ID: id, TIMESTAMP_X: "2026-11-23T02:13:20+00:00", ...changed, PROCESS_ID: "", ERROR: "0" });
  }

  async send(call: Call): Promise<Reply> {
    this.calls.push(call);
    const instead = await this.fault(call);
    if (instead !== undefined) return instead;
    const result = call.method === "batch" ? this.#batch(call) : this.#answer(call, call.method);
    return { answer: { status: 200, body: JSON.stringify({ result }) } };
  }

  #batch(call: Call): unknown {
    const { cmd } = JSON.parse(call.params) as { cmd: Record<string, string> };
    const result = Object.entries(cmd).map(([name, command]) => {
      const [method = "", query] = command.split("?");
      return [name, this.#answer(call, method, query)] as const;
    });
    return { result: Object.fromEntries(result), result_error: [], result_total: [], result_next: [], result_time: [] };
  }

  #answer(call: Call, method: string, parameters = ""): unknown {
    const query = new URLSearchParams(parameters);
    const all = (name: string) => [...query].filter(([key]) => key.startsWith(name)).map(([, value]) => value);
    switch (method) {
      case "feature.get":
        return { value: "Y" };
      case "event.get":
        return this.#bound.map((connector_id) => ({ event: "ONCRMDEALADD", connector_id, offline: 1 }));
      case "event.bind":
        this.#bound.push(call.connector ?? "");
        return true;
      case "event.offline.get":
        return this.#reserve(query.get("error") === "1" ? "1" : "0", Number(query.get("limit")));
      case "event.offline.list":
        if (query.has("filter[=PROCESS_ID]")) return this.rows.filter((row) => row.PROCESS_ID === "");
        return this.rows.filter((row) => row.PROCESS_ID > (query.get("filter[>PROCESS_ID]") ?? ""));
      case "event.offline.clear":
        this.#clear(query.get("process_id") ?? "", new Set([...all("id["), ...all("message_id[")]));
        return true;
      case "crm.deal.list":
        return all("filter[@ID]").map((id) => ({ ID: id, TITLE: `deal ${id}` }));
      default:
        this.writes.push(method);
        return true;
    }
  }

  #reserve(lane: "0" | "1", limit: number): unknown {
    this.#reservations += 1;
    const process = `reservation${String(this.#reservations).padStart(21, "0")}`;
    const events = this.rows.filter((row) => row.PROCESS_ID === "" && row.ERROR === lane).slice(0, limit);
    for (const row of events) row.PROCESS_ID = process;
    return { process_id: process, events };
  }

  #clear(process: string, ids: ReadonlySet<string>): void {
    const cleared = (row: Row) => row.PROCESS_ID === process && (ids.has(row.ID) || ids.has(row.MESSAGE_ID));
    this.rows.splice(0, this.rows.length, ...this.rows.filter((row) => !cleared(row)));
  }
}
