/** What goes wrong at the boundary has a class and a sentence. */

import { expect, test } from "vitest";
import {
  type Config,
  ConfigError,
  Freed,
  type Input,
  InvalidValue,
  type JournalContents,
  Machine,
  Misuse,
  NotAVerdict,
  NotInitialized,
  NotSendable,
  Reentered,
  Trapped,
  type Verdicts,
  WrongShape,
  changeLine,
  completeVerdicts,
  defaultConfig,
  init,
  noticeSentence,
  noticeSeverity,
  requestBody,
  verdictsFromHandlerOutput,
  version,
} from "b24-offline";
import { inside } from "../dist/boundary.js";
import { type InitOutput, default as load } from "../dist/wasm/b24_offline_wasm.js";

const NOW = 1_795_000_000_000;

function open(): Machine {
  return new Machine(
    defaultConfig("portal.example", ["ONCRMDEALUPDATE"]),
    { entries: [], condition: "intact" },
    7n,
    NOW,
  );
}

// the tests of this file follow one another: before init, after it, after a trap

test("before init everything says what to do", async () => {
  expect(() => version()).toThrow(NotInitialized);
  expect(() => version()).toThrow("call init() once");
  const missing = init(new Uint8Array([0, 1, 2, 3]));
  await expect(missing).rejects.toThrow(NotInitialized);
});

test("init may be repeated, after a failure too", async () => {
  const first = init();
  expect(init()).toBe(first);
  await first;
  await init(new Uint8Array());
  expect(version()).toBe("0.1.0");
});

test("each error of the core has its class", () => {
  expect(() => defaultConfig("portal.example", ["no event"])).toThrow(InvalidValue);
  const config = defaultConfig("portal.example", []);
  const journal: JournalContents = { entries: [], condition: "intact" };
  expect(() => new Machine(config, journal, 7n, NOW)).toThrow(ConfigError);
  expect(() => new Machine(config, journal, 7n, NOW)).toThrow("name at least one");
  using machine = open();
  expect(() => machine.handle({ judged: { batch: 9, verdicts: { some: [] } } }, NOW)).toThrow(Misuse);
  expect(() => machine.handle("tock" as Input, NOW)).toThrow(WrongShape);
  expect(() => machine.handle("tick", -1)).toThrow(WrongShape);
  const call = { id: 1, method: "../x", params: "{}", connector: null, timeout: 1 };
  expect(() => requestBody(call, "token")).toThrow(NotSendable);
  expect(() => verdictsFromHandlerOutput({ id: 1, changes: [] }, "hello")).toThrow(NotAVerdict);
  expect(() => changeLine({} as never)).toThrow(expect.objectContaining({ name: "WrongShape" }));
  expect(machine.handle("tick", NOW).effects).not.toEqual([]);
});

test("what is thrown while a value is read harms nothing", () => {
  const mine = new RangeError("not now");
  const throwing = (): never => {
    throw mine;
  };
  const getter = Object.defineProperty({}, "all", { enumerable: true, get: throwing });
  const values = [getter, new Proxy({}, { get: throwing })];
  const batch = { id: 1, changes: [] };
  // each one that gets through would leave something on the wasm's stack
  for (let time = 0; time < 20_000; time += 1) {
    expect(() => completeVerdicts(batch, values[time % 2] as Verdicts)).toThrow();
  }
  expect(() => completeVerdicts(batch, values[0] as Verdicts)).toThrow(mine);
  const config = Object.defineProperty({}, "portal", { enumerable: true, get: throwing }) as Config;
  expect(() => new Machine(config, { entries: [], condition: "intact" }, 7n, NOW)).toThrow(mine);
  expect(completeVerdicts(batch, { some: [] }).wrong).toBeNull();
});

test("notices have words and loudness", () => {
  expect(noticeSentence({ notice: "ready", bound: 0, parked: 0 })).toBe("ready: every event is bound");
  expect(noticeSeverity({ notice: "handler_down" })).toBe("warning");
});

test("a machine that was freed says so", () => {
  const machine = open();
  machine.free();
  machine.free();
  expect(() => machine.handle("tick", NOW)).toThrow(Freed);
  expect(() => machine.status()).toThrow(Freed);
});

test("a machine that is called from inside itself says so and goes on", () => {
  using machine = open();
  let inner: unknown;
  const input = {
    get nudge() {
      try {
        return machine.status();
      } catch (error) {
        inner = error;
        throw error;
      }
    },
  };
  expect(() => machine.handle(input as never, NOW)).toThrow();
  expect(inner).toBeInstanceOf(Reentered);
  const freeing = {
    get nudge() {
      machine.free();
      return undefined;
    },
  };
  expect(() => machine.handle(freeing as never, NOW)).toThrow();
  expect(machine.status().phase).toBe("checking");
});

test("a trap is told of, and so is every call after it", async () => {
  const exports: InitOutput = await load();
  // an address behind the end of the memory
  expect(() => inside(() => exports.machine_status(0x7fff_fff0))).toThrow(Trapped);
  expect(() => version()).toThrow(Trapped);
  expect(() => open()).toThrow("a mistake in b24-offline");
});
