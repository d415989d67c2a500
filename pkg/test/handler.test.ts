/** Whatever a handler does, each change gets exactly one verdict. */

import { beforeAll, expect, test } from "vitest";
import { type Batch, type BatchHandler, type Verdicts, done, each, init, reject, retry } from "b24-offline";
import { judge } from "../dist/handler.js";

beforeAll(() => init());

function batch(...keys: string[]): Batch {
  const change = (key: string): Batch["changes"][number] => ({
    key,
    object: { kind: "crm.deal", id: key },
    events: [],
    state: "unread",
    data: null,
    changed_at: "",
    attempt: 1,
    origin: "fresh",
  });
  return { id: 1, changes: keys.map(change) };
}

async function judged(handler: BatchHandler, given: Batch): Promise<{ verdicts: Verdicts; failures: string[] }> {
  const failures: string[] = [];
  const failed = (changes: number, why: string) => failures.push(`${changes}: ${why}`);
  const verdicts = await judge(handler, given, { signal: new AbortController().signal, failed });
  return { verdicts, failures };
}

const again = (...except: string[]): Verdicts => ({
  all: { verdict: retry(), except: except.map((key) => ({ key, verdict: done })) },
});

test("what is thrown for a change fails that change only", async () => {
  const handler = each((change) => {
    if (change.key === "b") throw new Error("it stumbles\nover b");
    return done;
  });
  const { verdicts, failures } = await judged(handler, batch("a", "b", "c"));
  expect(verdicts).toEqual(again("a", "c"));
  expect(failures).toEqual(["1: it stumbles over b"]);
});

test("what is no verdict fails that change only, and is shown", async () => {
  const wrong: Record<string, unknown> = { a: undefined, b: "ok", c: {} };
  const { verdicts, failures } = await judged(
    each(({ key }) => (wrong[key] ?? (key === "a" ? undefined : done)) as never),
    batch("a", "b", "c", "d"),
  );
  expect(verdicts).toEqual(again("d"));
  const shown = ["undefined", "'ok'", "an object"].map((what) => `1: it answered ${what}, which is no verdict`);
  expect(failures).toEqual(shown);
});

test("what is thrown for a batch fails the batch", async () => {
  const throwing = () => {
    throw new Error("down");
  };
  expect(await judged(throwing, batch("a", "b"))).toEqual({ verdicts: again(), failures: ["2: down"] });
  const rejecting = () => Promise.reject(new TypeError("worse"));
  expect((await judged(rejecting, batch("a"))).failures).toEqual(["1: worse"]);
});

test("an answer of another shape fails the batch", async () => {
  const { verdicts, failures } = await judged(() => ({ most: [] }) as never, batch("a"));
  expect(verdicts).toEqual(again());
  expect(failures).toHaveLength(1);
});

test("unnamed changes come again, without a failure", async () => {
  const { verdicts, failures } = await judged(() => ({ some: [{ key: "a", verdict: done }] }), batch("a", "b"));
  expect({ verdicts, failures }).toEqual({ verdicts: again("a"), failures: [] });
});

test("a handler may use its batch up", async () => {
  const consuming: BatchHandler = ({ changes }) => {
    const some = [];
    for (let next = changes.shift(); next !== undefined; next = changes.shift()) {
      some.push({ key: next.key, verdict: done });
    }
    return { some };
  };
  const given = batch("a", "b");
  expect(await judged(consuming, given)).toEqual({ verdicts: again("a", "b"), failures: [] });
  expect(given.changes).toHaveLength(2);
});

test("a wrong name fails the batch", async () => {
  const { verdicts, failures } = await judged(() => ({ some: [{ key: "x", verdict: reject("no") }] }), batch("a"));
  expect(verdicts).toEqual(again());
  expect(failures[0]).toContain("x");
});

test("changes are judged side by side up to the limit", async () => {
  let [open, most] = [0, 0];
  const handler = each(
    async () => {
      most = Math.max(most, (open += 1));
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      return done;
    },
    { atOnce: 3 },
  );
  await judged(handler, batch("a", "b", "c", "d", "e", "f"));
  expect(most).toBe(3);
});
