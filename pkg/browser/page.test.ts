/** The package in a real browser, as a page without a bundler uses it. */

import { readFileSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, type Page, chromium } from "playwright-core";
import { build, preview } from "vite";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Emulator, PERSONALITIES } from "../test/support/emulator.js";
import { PageServer } from "./server.js";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const TRACES = new URL("../../tests/conformance/traces/", import.meta.url);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];

type PageModule = typeof import("./page/page.mjs");

let profile: string;
let browser: BrowserContext;
const complaints: string[] = [];

beforeAll(async () => {
  profile = await mkdtemp(join(tmpdir(), "b24-offline-"));
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: [...FLAGS, ...QUIET],
  });
});

afterAll(async () => {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
});

afterEach(() => {
  expect(complaints.splice(0)).toEqual([]);
});

async function opened(server: PageServer): Promise<Page> {
  const page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(server.origin);
  return page;
}

/** Calls a function of the page's module. */
function call<K extends keyof PageModule>(
  page: Page,
  name: K,
  ...args: Parameters<PageModule[K]>
): ReturnType<PageModule[K]> {
  const inPage = ([name, args]: [string, unknown[]]): unknown => {
    const { offered } = globalThis as unknown as { offered: Record<string, (...args: unknown[]) => unknown> };
    return offered[name]?.(...args);
  };
  return page.evaluate(inPage, [name, args] as [string, unknown[]]) as ReturnType<PageModule[K]>;
}

describe.each(PERSONALITIES)("the portal is %s", (personality) => {
  test("a page that is reloaded in the middle of a delivery goes on and loses nothing", async () => {
    await using portal = await Emulator.start(personality);
    await portal.bind(["ONCRMDEALADD", "ONCRMDEALUPDATE"], "warehouse");
    await portal.deals(90);
    const token = await (await portal.administrator()).token();
    await using server = await PageServer.start();
    const page = await opened(server);
    server.holdAfter = 33;
    const first = call(page, "drain", portal.http, token).catch((error: unknown) => error);
    await Promise.race([server.holding.opened, first.then((end) => expect.unreachable(JSON.stringify(end)))]);
    const second = await opened(server);
    expect(await call(second, "openJournal"), "one tab at a time").toBe("JournalInUse");
    await second.close();
    const before = await portal.audit([]);
    expect(before.reservations).not.toEqual([]);
    await page.reload();
    expect(await first, "the page is gone").toBeInstanceOf(Error);
    server.holdAfter = Infinity;
    const [end, ready, ...others] = await call(page, "drain", portal.http, token);
    expect([end, ready]).toEqual(['"empty"', "ready: every event is bound"]);
    // the page may have gone between a reservation and the journal's knowledge of it
    expect(others.filter((notice) => !notice.startsWith("adopted: "))).toEqual([]);
    expect(await call(page, "openJournal"), "the lock is free again").toBe("opened");
    expect(server.told.length).toBeGreaterThanOrEqual(90);
    const expected = { changes: 90, lost: [], reservations: [], free_records: 0, error_records: 0, regressions: 0 };
    expect(await portal.audit(server.told)).toMatchObject(expected);
    await page.close();
  });
});

test("golden traces are repeated byte for byte", async () => {
  await using server = await PageServer.start();
  const page = await opened(server);
  const names = readdirSync(TRACES).filter((name) => name.endsWith(".trace"));
  expect(names).not.toEqual([]);
  for (const name of names) {
    const { steps, wrong } = await call(page, "replay", readFileSync(new URL(name, TRACES), "utf8"));
    expect(steps, name).toBeGreaterThan(1);
    expect(wrong, name).toEqual([]);
  }
  await page.close();
});

test("a redirect is an answer, and what can't be reached is unknown", async () => {
  await using server = await PageServer.start();
  const page = await opened(server);
  expect(await call(page, "send", `${server.origin}/moved/`)).toEqual({ answer: { status: 302, body: "" } });
  expect(server.told, "it was not followed").toEqual([]);
  const gone = await PageServer.start();
  await gone[Symbol.asyncDispose]();
  expect(await call(page, "send", `${gone.origin}/rest/`)).toEqual({ unknown: { why: "broken" } });
  await page.close();
});

test("a bundler finds the wasm by itself", async () => {
  const app = await mkdtemp(join(tmpdir(), "b24-offline-"));
  await mkdir(join(app, "node_modules"));
  await symlink(PACKAGE, join(app, "node_modules", "b24-offline"));
  const main = 'import { init, version } from "b24-offline"; init().then(() => { globalThis.bundled = version(); });';
  await writeFile(join(app, "main.js"), main);
  await writeFile(
    join(app, "index.html"),
    '<!doctype html><title>app</title><script type="module" src="main.js"></script>',
  );
  const shared = { root: app, configFile: false, logLevel: "error" } as const;
  await build(shared);
  const server = await preview({ ...shared, preview: { port: 0, host: "127.0.0.1" } });
  const page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(server.resolvedUrls?.local[0] ?? "");
  const bundled = await page.waitForFunction(() => (globalThis as unknown as { bundled?: string }).bundled);
  expect(await bundled.jsonValue()).toMatch(/^\d+\.\d+\.\d+$/);
  await page.close();
  await server.close();
  await rm(app, { recursive: true });
});
