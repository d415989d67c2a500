import type { Journal } from "./journal.js";
import type { JournalContents, Save } from "./wasm/b24_offline_wasm.js";

/**
 * A journal in memory, for tests and demonstrations: given to the queue that follows one that "crashed", it has what
 * that one kept.
 */
export class MemoryJournal implements Journal {
  readonly #entries = new Map<string, string>();

  contents(): JournalContents {
    const entries = Array.from(this.#entries, ([key, value]) => ({ key, value }));
    return { entries, condition: "intact" };
  }

  save(save: Save): Promise<void> {
    for (const key of save.deletes) this.#entries.delete(key);
    for (const { key, value } of save.puts) this.#entries.set(key, value);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
