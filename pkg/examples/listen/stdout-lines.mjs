import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { changeLine, done, retry } from "b24-offline";

/** @import { Batch, Queue, Verdicts } from "b24-offline" */

/** `--jsonl`: each change as one JSON line on standard output; a batch's lines stand together. */
export class StdoutLines {
  #queue;
  /** What happened to standard output, when it takes no more. @type {string | undefined} */
  refused;

  /** @param {Queue} queue it is stopped when standard output takes no more */
  constructor(queue) {
    this.#queue = queue;
  }

  /**
   * @param {Batch} batch
   * @returns {Promise<Verdicts>}
   */
  async handle(batch) {
    const lines = batch.changes.map((change) => `${changeLine(change)}\n`).join("");
    try {
      await written(lines);
      return { all: { verdict: done, except: [] } };
    } catch (error) {
      // which lines still went through is not known; the first error is the cause
      this.refused ??= whatHappened(/** @type {NodeJS.ErrnoException} */ (error));
      this.#queue.stop();
      return { all: { verdict: retry(), except: [] } };
    }
  }
}

/**
 * @param {string} text
 * @returns {Promise<void>}
 */
async function written(text) {
  /** @type {unknown} */
  const out = process.stdout;
  if (out instanceof Socket) return streamed(out, text);
  // Node's stream for files takes it for a success when a full disk took a part
  for (let left = Buffer.from(text); left.byteLength > 0;) left = left.subarray(writeSync(1, left));
}

/**
 * @param {Socket} out
 * @param {string} text
 * @returns {Promise<void>}
 */
function streamed(out, text) {
  // the callback has the error; without a listener it would end the program as well
  if (out.listenerCount("error") === 0) out.on("error", () => undefined);
  return new Promise((resolve, reject) => {
    out.write(text, (error) => (error instanceof Error ? reject(error) : resolve()));
  });
}

/** @param {NodeJS.ErrnoException} error */
function whatHappened(error) {
  if (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED") return "standard output was closed";
  return `standard output takes no more (${error.message})`;
}
