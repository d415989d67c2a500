/** Time for the drive loop. */

/** Where the drive loop gets its time from. Times are milliseconds since 1970. */
export interface Clock {
  /** The present time. */
  now(): number;
  /** Resolves when `at` has come, when the signal is aborted, or earlier: a tick too early does no harm. */
  sleepUntil(at: number, signal: AbortSignal): Promise<void>;
}

/** How often a long sleep looks at the wall clock, in milliseconds. */
const SLICE = 10_000;
/** So many milliseconds off, the wall clock was set or the machine was suspended. */
const JUMP = 1_000;

/**
 * The system's wall clock. A sleep ends early when the clock was set or the machine was suspended, so that nothing
 * waits for a time that has moved.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleepUntil(at, signal) {
    while (!signal.aborted) {
      const [wall, began] = [Date.now(), performance.now()];
      if (wall >= at) return;
      await pause(Math.min(at - wall, SLICE), signal);
      const expected = wall + (performance.now() - began);
      if (Math.abs(Date.now() - expected) > JUMP) return;
    }
  },
};

function pause(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, Math.ceil(millis));
    signal.addEventListener("abort", over);
  });
}
