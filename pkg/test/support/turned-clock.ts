import type { Clock } from "b24-offline";

/** A clock that is turned to the end of each sleep, once all that can be done without time passing is done. */
export class TurnedClock implements Clock {
  #now: number;

  constructor(now = 1_795_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  async sleepUntil(at: number, signal: AbortSignal): Promise<void> {
    for (let turn = 0; turn < 10 && !signal.aborted; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!signal.aborted && Number.isFinite(at)) this.#now = Math.max(this.#now, at);
  }
}
