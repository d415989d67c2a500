/** The drive loop against a machine that plays a script. */

import { expect, test, vi } from "vitest";
import type { Effect, End, Input, Status, Step } from "b24-offline";
import { type Parts, drive } from "../dist/drive.js";
import { Mailbox } from "../dist/mailbox.js";
import { TurnedClock } from "./support/turned-clock.js";

const RUNNING: Status["phase"] = "running";

interface Script {
  effects?: Effect[];
  wakeAt?: number;
  end?: End;
}

/** A machine that answers its inputs with these steps, one after the other, and keeps what it was given. */
function playing(steps: Script[], given: [Input, number][]): Parts["machine"] {
  let phase: Status["phase"] = RUNNING;
  return {
    handle(input, now): Step {
      given.push([input, now]);
      const { effects = [], wakeAt, end } = steps[given.length - 1] ?? { end: "stopped" };
      if (end !== undefined) phase = { ended: end };
      return { effects, wake_at: wakeAt === undefined ? null : { at: wakeAt, reason: "poll" } };
    },
    status: () => ({ phase }) as Status,
  };
}

function parts(steps: Script[], more: Partial<Parts> = {}): Parts & { given: [Input, number][]; order: string[] } {
  const given: [Input, number][] = [];
  const order: string[] = [];
  return {
    machine: playing(steps, given),
    clock: new TurnedClock(1_000),
    mailbox: new Mailbox(),
    send: () => Promise.resolve({ answer: { status: 200, body: "{}" } }),
    judge: () => Promise.resolve({ some: [] }),
    judged: (batch) => void order.push(`judged ${batch.id}, input ${given.length}`),
    save: () => Promise.resolve("done"),
    written: () => undefined,
    notice: () => undefined,
    status: () => undefined,
    given,
    order,
    ...more,
  };
}

const call = (id: number) => ({ call: { id, method: "batch", params: "{}", connector: null, timeout: 1 } });
const deliver = (id: number) => ({ deliver: { id, changes: [] } });
const save = (id: number) => ({ save: { id, puts: [], deletes: [] } });

test("the first input is a tick, and effects lead to inputs", async () => {
  const it = parts([{ effects: [call(1), deliver(2), save(3)] }, {}, {}, { end: "empty" }]);
  expect(await drive(it)).toBe("empty");
  expect(it.given.map(([input]) => input)).toEqual([
    "tick",
    { replied: { call: 1, reply: { answer: { status: 200, body: "{}" } } } },
    { judged: { batch: 2, verdicts: { some: [] } } },
    { saved: { save: 3, outcome: "done" } },
  ]);
  // the follow-up runs right after the machine has taken the verdicts
  expect(it.order).toEqual(["judged 2, input 3"]);
});

test("one timer is set, for the latest wake", async () => {
  const it = parts([{ wakeAt: 5_000 }, { wakeAt: 2_500 }, { wakeAt: 9_000 }, { end: "stopped" }]);
  await drive(it);
  expect(it.given.map(([, now]) => now)).toEqual([1_000, 5_000, 5_000, 9_000]);
});

test("commands go in before finished tasks, tasks before the timer", async () => {
  const it = parts([{ effects: [call(1)], wakeAt: 1_000 }, {}, {}, { end: "stopped" }], {
    send: (given) => {
      // by the time that the call is answered both are there
      it.mailbox.command("nudge");
      it.mailbox.command({ redrive: "all" });
      return Promise.resolve({ unknown: { why: given.id === 1 ? "broken" : "timed_out" } });
    },
  });
  await drive(it);
  const replied = { replied: { call: 1, reply: { unknown: { why: "broken" } } } };
  expect(it.given.map(([input]) => input)).toEqual(["tick", "nudge", { redrive: "all" }, replied]);
});

test("saves are begun in the order in which they are handed out, before anything is awaited", async () => {
  const begun: number[] = [];
  const it = parts([{ effects: [save(1), save(2), call(3), save(4)] }, {}, {}, {}, { end: "stopped" }], {
    save: (given) => {
      begun.push(given.id);
      return new Promise((resolve) => setImmediate(() => resolve("done")));
    },
    send: () => {
      begun.push(3);
      return Promise.resolve({ unknown: { why: "broken" } });
    },
  });
  await drive(it);
  expect(begun).toEqual([1, 2, 3, 4]);
});

test("notices, results of writes and the status are handed on", async () => {
  const [notice, written, status] = [vi.fn(), vi.fn(), vi.fn()];
  const effects: Effect[] = [{ notice: { notice: "handler_up" } }, { written: { write: 1, result: "unknown" } }];
  const it = parts([{ effects, end: "stopped" }], { notice, written, status });
  await drive(it);
  expect(notice).toHaveBeenCalledWith({ notice: "handler_up" });
  expect(written).toHaveBeenCalledWith({ write: 1, result: "unknown" });
  expect(status).toHaveBeenCalledTimes(1);
});

test("a task that rejects ends the run with its error", async () => {
  const it = parts([{ effects: [call(1)] }], { send: () => Promise.reject(new Error("a transport that throws")) });
  await expect(drive(it)).rejects.toThrow("a transport that throws");
});

test("without a wake it waits for what happens", async () => {
  const it = parts([{}, { end: "stopped" }]);
  const running = drive(it);
  setImmediate(() => it.mailbox.command("stop"));
  await running;
  expect(it.given.map(([input]) => input).at(-1)).toBe("stop");
}, 5_000);
