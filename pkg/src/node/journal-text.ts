/** The journal as text: a line that says what it is, then one line for each entry. */

import type { JournalEntry } from "../wasm/b24_offline_wasm.js";

/** What a file holds. */
export interface Found {
  entries: Map<string, string>;
  /** The machine has not yet answered a salvage. */
  salvaged: boolean;
  /** Something in it could not be read. */
  damaged: boolean;
}

/** The text of a journal, its entries sorted by key. */
export function textOf(entries: ReadonlyMap<string, string>, salvaged: boolean): string {
  const header = salvaged ? { b24_offline_journal: 1, salvaged: true } : { b24_offline_journal: 1 };
  const sorted = [...entries].sort(([one], [other]) => (one < other ? -1 : 1));
  return [header, ...sorted].map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** Reads all that can be read. */
export function parse(bytes: Uint8Array): Found {
  const lines = linesOf(bytes);
  // what stands behind the last line break
  const rest = lines.pop();
  const header = valueOf(lines.shift() ?? rest);
  const found: Found = {
    entries: new Map(),
    salvaged: isHeader(header) && header.salvaged === true,
    damaged: !isHeader(header) || rest?.byteLength !== 0,
  };
  // a damaged first line may be an entry's, and so may the rest
  for (const value of [isHeader(header) ? undefined : header, ...lines.map(valueOf), valueOf(rest)]) {
    if (isEntry(value)) found.entries.set(...value);
  }
  found.damaged ||= !lines.every((line) => isEntry(valueOf(line)));
  return found;
}

/** The entries as the machine takes them. */
export function entriesOf(entries: ReadonlyMap<string, string>): JournalEntry[] {
  return Array.from(entries, ([key, value]) => ({ key, value }));
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  lines.push(bytes.subarray(start));
  return lines;
}

function valueOf(line: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch {
    return undefined;
  }
}

function isHeader(value: unknown): value is { salvaged?: unknown } {
  return (
    typeof value === "object" && value !== null && "b24_offline_journal" in value && value.b24_offline_journal === 1
  );
}

function isEntry(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string");
}
