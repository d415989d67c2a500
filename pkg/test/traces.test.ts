/** The golden traces: the machine answers the same inputs byte for byte, through the package's boundary. */

import { readFileSync, readdirSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { type Config, type Input, type JournalContents, Machine, init } from "b24-offline";

const FOLDER = new URL("../../tests/conformance/traces/", import.meta.url);

beforeAll(() => init());

const names = readdirSync(FOLDER).filter((name) => name.endsWith(".trace"));

test("there are traces", () => {
  expect(names).not.toEqual([]);
});

test.each(names)("%s", (name) => {
  const lines = readFileSync(new URL(name, FOLDER), "utf8").trimEnd().split("\n");
  const [config = "", journal = "", start = "", ...steps] = lines;
  const { seed, now } = JSON.parse(start) as { seed: number; now: number };
  using machine = new Machine(JSON.parse(config) as Config, JSON.parse(journal) as JournalContents, BigInt(seed), now);
  expect(steps.length).toBeGreaterThan(3);
  expect(steps.length % 3).toBe(0);
  for (let at = 0; at < steps.length; at += 3) {
    const [when = "", input = "", expected] = steps.slice(at, at + 3);
    const step = machine.handle(JSON.parse(input) as Input, Number(when));
    expect(JSON.stringify(step), `line ${at + 6}`).toBe(expected);
  }
});
