/** `b24-offline` in Node. Importing it touches nothing; {@link init} loads the wasm. */

import { readFile } from "node:fs/promises";
import { type WasmSource, initFrom } from "./boundary.js";

export * from "./common.js";

/**
 * Loads the wasm: from beside this module, or from where it is said to be. Call it at the start and await it; further
 * calls do nothing.
 *
 * @throws NotInitialized says why it could not be loaded
 */
export function init(source?: WasmSource): Promise<void> {
  return initFrom(() => source ?? readFile(new URL("./wasm/b24_offline_wasm_bg.wasm", import.meta.url)));
}
