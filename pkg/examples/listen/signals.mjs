/** @import { Queue } from "b24-offline" */
/** @import { Log } from "./log.mjs" */

/**
 * Signals closer than this to the first are the same request, sent twice: to the program and to its group, as `timeout`
 * does. In milliseconds.
 */
const ONE_REQUEST = 1_000;

/** What asks the program to end: the first time in an orderly way, a later time at once. */
export class Signals {
  #log;
  /** @type {number | undefined} */
  #asked;
  /** @type {Queue | undefined} */
  #queue;
  /** @type {(code: number) => void} */
  #end = () => undefined;

  /** @param {Log} log */
  constructor(log) {
    this.#log = log;
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => this.#came());
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
      this.#end(1);
    }
  }
}
