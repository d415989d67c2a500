/** The queue against a scripted portal, with a clock that is turned. */

import { inspect } from "node:util";
import { beforeAll, expect, test, vi } from "vitest";
import {
  AuthError,
  type AuthSource,
  type BatchHandler,
  type Call,
  ConfigError,
  Freed,
  InvalidValue,
  type Journal,
  MemoryJournal,
  Queue,
  QueueFailed,
  type QueueOptions,
  type Reply,
  type Report,
  RunTwice,
  type Save,
  WriteError,
  done,
  each,
  init,
  reject,
} from "b24-offline";
import { gate } from "./support/gate.js";
import { ScriptedPortal } from "./support/scripted-portal.js";
import { TurnedClock } from "./support/turned-clock.js";

beforeAll(() => init());

const AUTH: AuthSource = {
  baseUrl: "https://portal.example/rest/",
  token: () => Promise.reject(new AuthError("sign_in_again", "a scripted transport needs none")),
  refresh: () => Promise.reject(new AuthError("sign_in_again", "a scripted transport needs none")),
};

function open(transport: QueueOptions["transport"], more: Partial<QueueOptions> = {}): Promise<Queue> {
  const options = { auth: AUTH, events: ["ONCRMDEALADD"], clock: new TurnedClock(), untilEmpty: true, seed: 7n };
  return Queue.open({ ...options, transport, ...more });
}

function throwing(): never {
  throw new RangeError("a mistake");
}

/** A handler that keeps the ids that it was given. */
function keeping(seen: string[]): BatchHandler {
  return each(({ object }) => {
    seen.push(object.id);
    return done;
  });
}

test("a queue is drained, and its status tells", async () => {
  const portal = new ScriptedPortal(5);
  const [seen, reports]: [string[], Report[]] = [[], []];
  const queue = await open(portal, { onNotice: (report) => reports.push(report) });
  expect(queue.status()).toMatchObject({ phase: "checking", counters: { done: 0 } });
  expect(await queue.run(keeping(seen))).toBe("empty");
  expect(seen).toEqual(["1", "2", "3", "4", "5"]);
  expect(portal.rows).toEqual([]);
  expect(queue.status()).toMatchObject({ phase: { ended: "empty" }, counters: { done: 5 } });
  expect(reports).toEqual([
    { severity: "info", sentence: "ready: every event is bound", notice: { notice: "ready", bound: 0, parked: 0 } },
  ]);
});

test("the same seed and portal give the same calls", async () => {
  const calls = async (): Promise<Call[]> => {
    const portal = new ScriptedPortal(9);
    await (await open(portal)).run(keeping([]));
    return portal.calls;
  };
  expect(await calls()).toEqual(await calls());
});

test("whatever is handed in wrongly is told at open, and the journal is closed", async () => {
  const refusals: [Partial<QueueOptions>, unknown, string][] = [
    [{ events: ["no event"] }, InvalidValue, "'NO EVENT'"],
    [{ events: [] }, ConfigError, "name at least one"],
    [{ connector: "" }, InvalidValue, "leave it out"],
    [{ configure: (config) => (config.poll = 1) }, ConfigError, "poll"],
    [{ configure: throwing }, RangeError, "a mistake"],
  ];
  for (const [wrong, kind, words] of refusals) {
    const journal = new MemoryJournal();
    const close = vi.spyOn(journal, "close");
    const opening = open(new ScriptedPortal(0), { journal, ...wrong });
    await expect(opening).rejects.toThrow(kind as typeof Error);
    await expect(opening).rejects.toThrow(new RegExp(words, "i"));
    expect(close).toHaveBeenCalledTimes(1);
  }
});

test("a queue runs once, and not after it was closed", async () => {
  const queue = await open(new ScriptedPortal(1));
  const running = queue.run(keeping([]));
  await expect(queue.run(keeping([]))).rejects.toThrow(RunTwice);
  await running;
  await expect(queue.run(keeping([]))).rejects.toThrow(RunTwice);
  const closed = await open(new ScriptedPortal(1));
  await closed.close();
  await expect(closed.run(keeping([]))).rejects.toThrow(Freed);
  using disposed = await open(new ScriptedPortal(1));
  disposed[Symbol.dispose]();
  await expect(disposed.run(keeping([]))).rejects.toThrow(Freed);
});

test("closing in the middle is a crash that loses nothing", async () => {
  const portal = new ScriptedPortal(6);
  const journal = new MemoryJournal();
  const began = gate();
  let given: AbortSignal | undefined;
  const crashing = await open(portal, { journal });
  const running = crashing.run((_, { signal }) => {
    given = signal;
    began.open();
    return new Promise(() => undefined);
  });
  await began.opened;
  expect(given?.aborted).toBe(false);
  await crashing.close();
  await expect(running).rejects.toThrow(Freed);
  expect(given?.aborted).toBe(true);
  expect(
    journal.contents().entries.map(({ key }) => key),
    "written ahead of the delivery",
  ).toContainEqual(expect.stringMatching(/^reservation\//));
  const seen: string[] = [];
  await (await open(portal, { journal })).run(keeping(seen));
  expect(seen).toEqual(["1", "2", "3", "4", "5", "6"]);
  expect(portal.rows).toEqual([]);
});

test("closing gives up the calls that are open", async () => {
  let given: AbortSignal | undefined;
  const called = gate();
  const queue = await open({
    send: (_, signal) => {
      given = signal;
      called.open();
      return new Promise(() => undefined);
    },
  });
  const running = queue.run(keeping([]));
  await called.opened;
  await queue.close();
  await expect(running).rejects.toThrow(Freed);
  expect(given?.aborted).toBe(true);
});

test("a stop waits for the handler and settles what it judged", async () => {
  const portal = new ScriptedPortal(3);
  const queue = await open(portal, { untilEmpty: false });
  const running = queue.run(async () => {
    queue.stop();
    await new Promise((resolve) => setImmediate(resolve));
    return { all: { verdict: done, except: [] } };
  });
  expect(await running).toBe("stopped");
  expect(portal.rows).toEqual([]);
});

test("a nudge looks at once", async () => {
  const portal = new ScriptedPortal(1);
  const clock = new TurnedClock();
  // an idle queue is left alone for a day
  const configure: QueueOptions["configure"] = (config) => (config.poll = config.sweep = 86_400_000);
  const queue = await open(portal, { clock, configure, untilEmpty: false });
  const seen: string[] = [];
  const start = clock.now();
  const handler = each(({ object }) => {
    seen.push(object.id);
    if (seen.length === 2) queue.stop();
    else {
      portal.record("2");
      queue.nudge();
    }
    return done;
  });
  await queue.run(handler);
  expect(seen).toEqual(["1", "2"]);
  expect(clock.now() - start).toBeLessThan(60_000);
});

test("a parked change is driven again on request", async () => {
  const portal = new ScriptedPortal(2);
  const attempts: string[] = [];
  const queue = await open(portal, {
    untilEmpty: false,
    journal: new MemoryJournal(),
    onNotice: ({ notice }) => notice.notice === "parked" && queue.redrive(),
  });
  const handler = each(({ object, origin }) => {
    attempts.push(`${object.id} ${origin}`);
    if (object.id === "1" && origin === "fresh") return reject("not yet");
    if (origin === "redriven") queue.stop();
    return done;
  });
  expect(await queue.run(handler)).toBe("stopped");
  expect(attempts).toEqual(["1 fresh", "2 fresh", "1 redriven"]);
  expect(portal.rows).toEqual([]);
});

test("writes go through the queue, and those it can't finish are told of", async () => {
  const portal = new ScriptedPortal(1);
  const queue = await open(portal, { connector: "warehouse" });
  const method = "crm.deal.update";
  for (const wrong of ["[1]", "no json", "null", [1], new Date(0)]) {
    await expect(queue.write(method, wrong)).rejects.toThrow(
      new WriteError(`the parameters of ${method} are not the JSON text of an object`),
    );
  }
  const early = queue.write(method, { id: "7", fields: { COMMENTS: "seen" } });
  const results: unknown[] = [];
  await queue.run(
    each(async ({ object }) => {
      results.push(await queue.write(method, JSON.stringify({ id: object.id, fields: { COMMENTS: "seen" } })));
      return done;
    }),
  );
  results.push(await early);
  expect(results).toEqual([{ done: { result: "true" } }, { done: { result: "true" } }]);
  expect(portal.writes).toEqual([method, method]);
  await expect(queue.write(method, {})).rejects.toThrow(`the queue ended before the result of ${method} was known`);
});

test("writes that are open when a queue is closed are told of", async () => {
  const queue = await open(new ScriptedPortal(1));
  const writing = queue.write("crm.deal.update", {});
  await Promise.all([queue.close(), expect(writing).rejects.toThrow(WriteError)]);
});

test("the follow-up runs once the verdicts have been taken", async () => {
  const portal = new ScriptedPortal(1);
  const order: string[] = [];
  const queue = await open(portal);
  await queue.run({
    handle: () => {
      order.push("handled");
      return { all: { verdict: done, except: [] } };
    },
    judged: (batch, verdicts) => order.push(`judged ${batch.changes.length} ${JSON.stringify(verdicts)}`),
  });
  expect(order).toEqual(["handled", 'judged 1 {"all":{"verdict":"done","except":[]}}']);
});

test("a handler that fails is reported with its words", async () => {
  const reports: Report[] = [];
  let failed = false;
  const queue = await open(new ScriptedPortal(2), { onNotice: (report) => reports.push(report) });
  await queue.run(() => {
    if (failed) return { all: { verdict: done, except: [] } };
    failed = true;
    throw new Error("the warehouse is closed");
  });
  expect(reports[1]).toEqual({
    severity: "warning",
    sentence: "the handler failed on 2 changes: the warehouse is closed",
    notice: { notice: "handler_failed", changes: 2, why: "the warehouse is closed" },
  });
});

test("a failure that needs a person is typed, with its exit code", async () => {
  const portal = new ScriptedPortal(1);
  portal.fault = () => ({ not_sent: { sign_in_again: { why: "revoked" } } });
  const error: unknown = await (await open(portal)).run(keeping([])).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(QueueFailed);
  expect(error).toMatchObject({ failure: { failure: "sign_in_again" }, exitCode: 3 });
  expect((error as Error).message).toContain("revoked");
});

test("what answers in HTML for a minute is no portal", async () => {
  const clock = new TurnedClock();
  const start = clock.now();
  const page: Reply = { answer: { status: 200, body: "<html>Welcome</html>" } };
  const queue = await open({ send: () => Promise.resolve(page) }, { clock });
  const running = queue.run(keeping([]));
  await expect(running).rejects.toMatchObject({ failure: { failure: "not_a_portal" }, exitCode: 1 });
  const took = clock.now() - start;
  expect(took).toBeGreaterThanOrEqual(60_000);
  expect(took).toBeLessThan(300_000);
});

test("a lost answer is swept up", async () => {
  const portal = new ScriptedPortal(4);
  let lost = false;
  portal.fault = async (call) => {
    if (lost || !call.params.includes("event.offline.get")) return undefined as never;
    lost = true;
    await ScriptedPortal.prototype.send.call(portal, call);
    return { unknown: { why: "broken" } };
  };
  const seen: string[] = [];
  const queue = await open(portal, { journal: new MemoryJournal() });
  await queue.run(keeping(seen));
  expect(new Set(seen)).toEqual(new Set(["1", "2", "3", "4"]));
  expect(portal.rows).toEqual([]);
  expect(queue.status().counters.unknown).toBe(1);
});

test("a journal that can't be written stops before anything is delivered, and is closed", async () => {
  const close = vi.fn(() => Promise.resolve());
  const full: Journal = {
    contents: () => ({ entries: [], condition: "intact" }),
    save: (_: Save) => Promise.reject(new Error("ENOSPC: no room")),
    close,
  };
  const seen: string[] = [];
  const running = (await open(new ScriptedPortal(5), { journal: full })).run(keeping(seen));
  await expect(running).rejects.toMatchObject({ failure: { failure: "journal", why: "no room" }, exitCode: 1 });
  expect(seen).toEqual([]);
  expect(close).toHaveBeenCalledTimes(1);
});

test.each<[string, () => Partial<QueueOptions>]>([
  ["a transport that rejects", () => ({ transport: { send: async () => throwing() } })],
  ["a transport that throws", () => ({ transport: { send: throwing } })],
  ["onNotice", () => ({ onNotice: throwing })],
  [
    "onNotice of a failed handler",
    () => ({ onNotice: ({ notice }) => notice.notice === "handler_failed" && throwing() }),
  ],
])("a mistake in %s ends the run with it", async (_, wrong) => {
  const queue = await open(new ScriptedPortal(1), wrong());
  const failing = () => Promise.reject(new Error("down"));
  await expect(queue.run(failing)).rejects.toThrow(new RangeError("a mistake"));
});

test("a reply of another shape is a typed error, not a hang", async () => {
  const queue = await open({ send: () => Promise.resolve({ answered: 200 } as never) });
  await expect(queue.run(keeping([]))).rejects.toMatchObject({ name: "WrongShape" });
});

test("a queue prints nothing of its parts", async () => {
  const queue = await open(new ScriptedPortal(1), { auth: { ...AUTH, token: () => Promise.resolve("canary") } });
  expect(inspect(queue, { depth: 9, showHidden: true })).not.toContain("canary");
  await queue.close();
});
