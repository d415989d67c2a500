/** The machine's durable memory. */

import type { JournalContents, Save } from "./wasm/b24_offline_wasm.js";

/** Keeps what the machine tells it to keep. A queue that is given one owns it, and closes it at its end. */
export interface Journal {
  /** What was found in it when it was opened. */
  contents(): JournalContents;
  /**
   * Makes a save durable, all or nothing; rejects where that fails. The save takes its place in the order when this
   * is called: it is never overtaken by a later one.
   */
  save(save: Save): Promise<void>;
  /** Waits for the saves that were given to it, and frees its lock. */
  close(): Promise<void>;
}
