import { readFile, rename, stat } from "node:fs/promises";
import { JournalError, JournalInUse } from "../errors.js";
import type { Journal } from "../journal.js";
import type { JournalContents, Save } from "../wasm/b24_offline_wasm.js";
import { codeOf, linked, replace, syncFolder, systemWords, writeNew } from "./disk.js";
import { type Found, entriesOf, parse, textOf } from "./journal-text.js";
import { Held, take } from "./lock.js";

const MODE = 0o600;
const MOST_ASIDE = 9_999;

/**
 * A journal in one text file, used by one process at a time. Each save writes the whole file beside it, waits until it
 * is on the disk, and puts it in the old one's place.
 */
export class FileJournal implements Journal {
  readonly #path: string;
  readonly #free: () => Promise<void>;
  readonly #contents: JournalContents;
  #entries: Map<string, string>;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(path: string, free: () => Promise<void>, found: Found) {
    this.#path = path;
    this.#free = free;
    this.#entries = found.entries;
    this.#contents = { entries: entriesOf(found.entries), condition: found.salvaged ? "salvaged" : "intact" };
  }

  /**
   * Locks and opens the journal, or makes a new one, and reads it.
   *
   * A damaged file is kept aside as `PATH.damaged-N`, what can be read of it starts a fresh one, and the condition says
   * `salvaged` until the first save.
   *
   * @throws JournalInUse when another process has it
   * @throws JournalError when it can't be read or written, or is another program's database
   */
  static async open(path: string): Promise<FileJournal> {
    let free: (() => Promise<void>) | undefined;
    try {
      const real = await linked(path);
      free = await take(`${real}.lock`);
      return new FileJournal(real, free, await foundIn(real));
    } catch (error) {
      await free?.();
      throw refusal(path, error);
    }
  }

  contents(): JournalContents {
    return this.#contents;
  }

  save(save: Save): Promise<void> {
    const saving = this.#tail.then(() => this.#write(save));
    this.#tail = saving.catch(() => undefined);
    return saving;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#free();
  }

  async #write(save: Save): Promise<void> {
    const entries = new Map(this.#entries);
    for (const key of save.deletes) entries.delete(key);
    for (const { key, value } of save.puts) entries.set(key, value);
    try {
      await replace(this.#path, `${this.#path}.new`, textOf(entries, false), MODE);
    } catch (error) {
      throw new JournalError(systemWords(error), { cause: error });
    }
    this.#entries = entries;
  }
}

function refusal(path: string, error: unknown): unknown {
  if (error instanceof JournalError) return error;
  if (error instanceof Held) {
    const holder = error.pid === undefined ? "another process" : `process ${error.pid}`;
    return new JournalInUse(`the journal ${path} is in use by ${holder}; stop that one, or name another journal`);
  }
  const advice = "name a file in a folder that exists and is writable";
  return new JournalError(`the journal ${path} can't be opened (${systemWords(error)}); ${advice}`, { cause: error });
}

async function foundIn(path: string): Promise<Found> {
  await finishSalvage(path);
  const bytes = await contentOf(path);
  if (bytes.byteLength === 0) return { entries: new Map(), salvaged: false, damaged: false };
  if (bytes.subarray(0, 15).toString("latin1") === "SQLite format 3") {
    throw new JournalError(`${path} is the database of another program; it was left untouched, name another file`);
  }
  const found = parse(bytes);
  if (!found.damaged) return found;
  await salvage(path, found);
  return { ...found, salvaged: true };
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    // a pipe is not opened: that would wait for its writer
    if (!(await stat(path)).isFile()) throw new Error("it is no file");
    return await readFile(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** Puts a fresh journal with what can be read in the damaged one's place, and keeps that aside. */
async function salvage(path: string, found: Found): Promise<void> {
  await writeNew(fresh(path), textOf(found.entries, true), MODE);
  // from here on a stop in the middle is finished by the next start
  await rename(path, await aside(path));
  await rename(fresh(path), path);
  await syncFolder(path);
}

/** A salvage that was stopped after the damaged file was set aside: the fresh one takes its place. */
async function finishSalvage(path: string): Promise<void> {
  if ((await exists(fresh(path))) && !(await exists(path))) {
    await rename(fresh(path), path);
    await syncFolder(path);
  }
}

async function aside(path: string): Promise<string> {
  for (let n = 1; n <= MOST_ASIDE; n += 1) {
    const name = `${path}.damaged-${n}`;
    if (!(await exists(name))) return name;
  }
  throw new Error("there are 9,999 damaged journals beside it; remove some");
}

function fresh(path: string): string {
  return `${path}.fresh`;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
