/** The package in this process against the emulated portal, over real HTTP. */

import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { Endpoint, MemoryJournal, Queue, type QueueOptions, changeLine, done, each, init } from "b24-offline";
import { FileJournal, OAuthFile } from "b24-offline/node";
import { Emulator, PERSONALITIES } from "./support/emulator.js";
import { gate } from "./support/gate.js";

const EVENTS = ["ONCRMDEALADD", "ONCRMDEALUPDATE"];
const CONNECTOR = "warehouse";

beforeAll(() => init());

function quick(more: Partial<QueueOptions> & Pick<QueueOptions, "auth">): Promise<Queue> {
  const configure: QueueOptions["configure"] = (config) => {
    Object.assign(config, { limits: "off", poll: 50, sweep: 300 });
  };
  return Queue.open({ events: EVENTS, connector: CONNECTOR, untilEmpty: true, configure, ...more });
}

async function drained(portal: Emulator, lines: readonly string[]): Promise<void> {
  const audit = await portal.audit(lines);
  expect(audit).toMatchObject({ lost: [], reservations: [], free_records: 0, error_records: 0, regressions: 0 });
  expect(Object.values(audit.own_writes_returned)).toEqual([]);
}

describe.each(PERSONALITIES)("the portal is %s", (personality) => {
  test("a queue is drained with a journal on disk, and own writes do not come back", async () => {
    await using portal = await Emulator.start(personality);
    await portal.bind(EVENTS, CONNECTOR);
    await portal.deals(120);
    const auth = await OAuthFile.open(portal.file("auth.json"), Endpoint.parse(portal.http, { allowHttp: true }));
    const queue = await quick({ auth, journal: await FileJournal.open(portal.file("queue.journal")) });
    const [lines, results]: [string[], unknown[]] = [[], []];
    const handler = each(
      async (change) => {
        lines.push(changeLine(change));
        const { id } = change.object;
        if (Number(id) <= 10) results.push(await queue.write("crm.deal.update", { id, fields: { COMMENTS: "seen" } }));
        return done;
      },
      { atOnce: 4 },
    );
    expect(await queue.run(handler)).toBe("empty");
    expect(lines).toHaveLength(120);
    expect(results).toEqual(Array(10).fill({ done: { result: "true" } }));
    await drained(portal, lines);
    const kept = await readFile(portal.file("queue.journal"), "utf8");
    expect(kept.split("\n")[0]).toBe('{"b24_offline_journal":1}');
    expect(kept).not.toContain(await auth.token());
  });

  test("a crash in the middle of a delivery loses nothing", async () => {
    await using portal = await Emulator.start(personality);
    await portal.bind(EVENTS, CONNECTOR);
    await portal.deals(60);
    const auth = await portal.administrator();
    const began = gate();
    const crashing = await quick({ auth, journal: await FileJournal.open(portal.file("queue.journal")) });
    const running = crashing.run(() => {
      began.open();
      return new Promise(() => undefined);
    });
    const crashed = expect(running).rejects.toMatchObject({ name: "Freed" });
    await began.opened;
    await crashing.close();
    await crashed;
    const lines: string[] = [];
    const queue = await quick({ auth, journal: await FileJournal.open(portal.file("queue.journal")) });
    await queue.run(
      each((change) => {
        lines.push(changeLine(change));
        return done;
      }),
    );
    await drained(portal, lines);
  });

  test("an expired token is renewed in the middle of the work, and the new pair kept", async () => {
    await using portal = await Emulator.start(personality);
    await portal.bind(EVENTS, CONNECTOR);
    await portal.deals(30);
    const path = portal.file("auth.json");
    const before = JSON.parse(await readFile(path, "utf8")) as Record<string, string>;
    const auth = await OAuthFile.open(path, Endpoint.parse(portal.http, { allowHttp: true }));
    const lines: string[] = [];
    const queue = await quick({ auth, journal: new MemoryJournal() });
    await queue.run(
      each(async (change) => {
        if (lines.push(changeLine(change)) === 5) await portal.control("token/expire", {});
        return done;
      }),
    );
    await drained(portal, lines);
    const after = JSON.parse(await readFile(path, "utf8")) as Record<string, string>;
    expect(after.access_token).not.toBe(before.access_token);
    expect(after.refresh_token).not.toBe(before.refresh_token);
    expect(after.client_secret).toBe(before.client_secret);
  });
});
