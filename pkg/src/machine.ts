/** The machine behind the boundary, safe to use after its end and from inside itself. */

import { inside, plain } from "./boundary.js";
import { Freed, Reentered } from "./errors.js";
import { Machine as Inner } from "./wasm/b24_offline_wasm.js";
import type { Config, Input, JournalContents, Status, Step } from "./wasm/b24_offline_wasm.js";

/**
 * The state machine that drains one queue. It does no I/O: each input gets one complete step, which a host carries
 * out. {@link Queue} is such a host; use this one to write your own. Times are milliseconds since 1970.
 */
export class Machine {
  #inner: Inner | undefined;
  #working = false;

  /**
   * Opens it on what the host found in its journal. The first input is `"tick"`. `seed` feeds the jitter of
   * back-offs: the same seed and inputs give the same steps.
   *
   * @throws ConfigError when the configuration can't work or the journal is another queue's
   * @throws WrongShape for what is no configuration or no journal
   */
  constructor(config: Config, journal: JournalContents, seed: bigint, now: number) {
    this.#inner = inside(() => new Inner(plain(config), plain(journal), seed, now));
  }

  /**
   * Takes one input and answers with one complete step.
   *
   * @throws Misuse when the host broke the contract; nothing has changed then
   * @throws WrongShape for what is no input
   */
  handle(input: Input, now: number): Step {
    return this.#alone((inner) => inner.handle(plain(input), now));
  }

  /** How it is doing. */
  status(): Status {
    return this.#alone((inner) => inner.status());
  }

  /** Gives its memory back; further calls throw {@link Freed}, a second `free` does nothing. */
  free(): void {
    if (this.#inner === undefined) return;
    this.#alone((inner) => inner.free());
    this.#inner = undefined;
  }

  [Symbol.dispose](): void {
    this.free();
  }

  #alone<R>(call: (inner: Inner) => R): R {
    const inner = this.#inner;
    if (inner === undefined) throw new Freed("the machine was freed; open another one");
    if (this.#working)
      throw new Reentered("the machine was called from inside one of its own calls; call it after that");
    this.#working = true;
    try {
      return inside(() => call(inner));
    } finally {
      this.#working = false;
    }
  }
}
