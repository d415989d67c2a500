import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { JournalError, JournalInUse } from "./errors.js";
import { cause } from "./http.js";
import type { Journal } from "./journal.js";
import type { JournalContents, JournalEntry, Save } from "./wasm/b24_offline_wasm.js";

interface Schema extends DBSchema {
  entries: { key: string; value: string };
}

const STORE = "entries";

/**
 * A journal in a database of the browser's, used by one tab at a time. Each save is one transaction with strict
 * durability. A browser that is short of room may delete the database of a site that did not ask for
 * `navigator.storage.persist()`: nothing is lost then, but what was in hand is delivered again.
 */
export class IndexedDbJournal implements Journal {
  readonly #database: IDBPDatabase<Schema>;
  readonly #entries: JournalEntry[];
  readonly #unlock: () => void;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(database: IDBPDatabase<Schema>, entries: JournalEntry[], unlock: () => void) {
    this.#database = database;
    this.#entries = entries;
    this.#unlock = unlock;
  }

  /**
   * Locks and opens the journal of this name, or makes a new one, and reads it. Where there are no Web Locks, which is
   * outside of secure contexts, the caller sees to it that one tab uses it.
   *
   * @throws JournalInUse when another tab has it
   * @throws JournalError when it can't be opened or read
   */
  static async open(name: string): Promise<IndexedDbJournal> {
    const unlock = await lock(name);
    let database: IDBPDatabase<Schema> | undefined;
    try {
      database = await openDB<Schema>(`b24-offline:${name}`, 1, {
        upgrade: (fresh) => void fresh.createObjectStore(STORE),
      });
      return new IndexedDbJournal(database, await entriesOf(database), unlock);
    } catch (error) {
      database?.close();
      unlock();
      const advice = "let this site store data, and make room";
      throw new JournalError(`the journal ${name} can't be opened (${cause(error)}); ${advice}`, { cause: error });
    }
  }

  contents(): JournalContents {
    return { entries: this.#entries, condition: "intact" };
  }

  save(save: Save): Promise<void> {
    // transactions of one store run in the order in which they are made
    const saving = this.#write(save);
    this.#tail = Promise.allSettled([this.#tail, saving]);
    return saving;
  }

  async close(): Promise<void> {
    await this.#tail;
    this.#database.close();
    this.#unlock();
  }

  async #write(save: Save): Promise<void> {
    const transaction = this.#database.transaction(STORE, "readwrite", { durability: "strict" });
    const asked = save.deletes.map((key) => transaction.store.delete(key) as Promise<unknown>);
    for (const { key, value } of save.puts) asked.push(transaction.store.put(value, key));
    await Promise.all([...asked, transaction.done]);
  }
}

async function entriesOf(database: IDBPDatabase<Schema>): Promise<JournalEntry[]> {
  const { store, done } = database.transaction(STORE);
  const [keys, values] = await Promise.all([store.getAllKeys(), store.getAll(), done]);
  return keys.map((key, index) => ({ key, value: values[index] ?? "" }));
}

/** Takes the lock of this name and gives what frees it. */
function lock(name: string): Promise<() => void> {
  const locks = globalThis.navigator?.locks as LockManager | undefined;
  if (locks === undefined) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    const held = (lock: Lock | null) => {
      if (lock === null) {
        reject(
          new JournalInUse(`the journal ${name} is in use by another tab; close that one, or name another journal`),
        );
        return;
      }
      return new Promise<void>((free) => resolve(free));
    };
    locks.request(`b24-offline:${name}`, { ifAvailable: true }, held).catch(reject);
  });
}
