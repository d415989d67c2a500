/** Sleeping while the wall clock is turned. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "b24-offline";

const NOW = 1_795_000_000_000;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function sleeping(at: number, signal = new AbortController().signal): { over: boolean } {
  const sleep = { over: false };
  void systemClock.sleepUntil(at, signal).then(() => (sleep.over = true));
  return sleep;
}

test("a sleep ends at its time", async () => {
  const sleep = sleeping(NOW + 25_000);
  await vi.advanceTimersByTimeAsync(24_999);
  expect(sleep.over).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(sleep.over).toBe(true);
});

test("a time that has passed is no sleep", async () => {
  const sleep = sleeping(NOW - 1);
  await vi.advanceTimersByTimeAsync(0);
  expect(sleep.over).toBe(true);
});

test("an abort ends it", async () => {
  const abort = new AbortController();
  const sleep = sleeping(Infinity, abort.signal);
  await vi.advanceTimersByTimeAsync(35_000);
  expect(sleep.over).toBe(false);
  abort.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(sleep.over).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test.each([-3_600_000, 3_600_000, 1_001])("a clock that was set by %i ms ends it within a slice", async (jump) => {
  const sleep = sleeping(NOW + 10 * 3_600_000);
  await vi.advanceTimersByTimeAsync(4_000);
  vi.setSystemTime(Date.now() + jump);
  await vi.advanceTimersByTimeAsync(6_000);
  expect(sleep.over).toBe(true);
});

test("a clock that drifts a little does not", async () => {
  const sleep = sleeping(NOW + 3_600_000);
  await vi.advanceTimersByTimeAsync(4_000);
  vi.setSystemTime(Date.now() + 900);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(sleep.over).toBe(false);
});
