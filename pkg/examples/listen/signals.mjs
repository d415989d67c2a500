/** @import { Queue } from "b24-offline" */
/** @import { Log } from "./log.mjs" */

/**
 * Signals closer than this to the first are the same request, sent twice: to the program and to its group, as `timeout`
 * does. In milliseconds.
 */
const ONE_REQUEST = 1_000;
const SIGNALS = ["SIGINT", "SIGTERM"];

/** What asks the program to end: the first time in an orderly way, a later time at once. */
export class Signals {
  #log;
  /** @type {number | undefined} */
  #asked;
  /** @type {Queue | undefined} */
  #queue;
  /** @type {(code: number) => void} */
  #end = (code) => process.exit(code);

  /** @param {Log} log */
  constructor(log) {
    this.#log = log;
    for (const signal of SIGNALS) process.on(signal, () => this.#came());
  }

  /**
   * Stops the queue at the first signal, and gives the exit code at a later one.
   *
   * @param {Queue} queue
   * @returns {Promise<number>}
   */
  obeyed(queue) {
    this.#queue = queue;
    if (this.#asked !== undefined) queue.stop();
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  #came() {
    if (this.#asked === undefined) {
      this.#asked = performance.now();
      this.#log.info("stopping: what was judged is settled; a second signal, a second or more from now, ends at once");
      this.#queue?.stop();
    } else if (performance.now() - this.#asked >= ONE_REQUEST) {
      this.#log.warning("stopped at once; the next start carries on without loss");
      // should even the end hang, on a file system that does, one more signal needs nobody's consent
      for (const signal of SIGNALS) process.removeAllListeners(signal);
      this.#end(1);
    }
  }
}
