/** What has happened and waits for the machine. */

import type { Clock } from "./clock.js";
import type { Input } from "./wasm/b24_offline_wasm.js";

/** An input, and what is to be done once the machine has taken it. */
export interface Happened {
  input: Input;
  after?: () => void;
}

/** Collects inputs: what the user commands goes in before finished tasks, each in its own order. */
export class Mailbox {
  readonly #commands: Happened[] = [];
  readonly #finished: Happened[] = [];
  #broken: { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** What the user asks for. */
  command(input: Input): void {
    this.#commands.push({ input });
    this.#wake?.();
  }

  /** What a task will come to. A task that rejects is a mistake of the program's own: it ends the run. */
  expect(task: Promise<Happened>): void {
    const came = (happened: Happened) => {
      this.#finished.push(happened);
      this.#wake?.();
    };
    task.then(came, (error: unknown) => this.break(error));
  }

  /** Ends the run with this error. */
  break(error: unknown): void {
    this.#broken ??= { error };
    this.#wake?.();
  }

  /** The next input; `"tick"` at `wakeAt` if nothing else happens before. */
  async next(clock: Clock, wakeAt: number): Promise<Happened> {
    if (!this.#isEmpty()) return this.#take();
    const over = new AbortController();
    this.#wake = () => over.abort();
    await clock.sleepUntil(wakeAt, over.signal);
    this.#wake = undefined;
    return this.#take();
  }

  #isEmpty(): boolean {
    return this.#broken === undefined && this.#commands.length === 0 && this.#finished.length === 0;
  }

  #take(): Happened {
    if (this.#broken !== undefined) throw this.#broken.error;
    return this.#commands.shift() ?? this.#finished.shift() ?? { input: "tick" };
  }
}
