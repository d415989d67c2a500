// Drains a queue in a page of Chromium, started as `listen` is: for `cargo xtask bench`. It knows the options that the
// measurement gives, and takes the program's path from CHROMIUM.
//
// Each change is parsed in the page, as a consumer there would. What goes to standard output afterwards is the part of it
// that the portal's audit needs, in the form of `listen --jsonl`.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const PACKAGE = new URL("../../../pkg/", import.meta.url);
const { chromium } = createRequire(new URL("package.json", PACKAGE))("playwright-core");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const ROOTS = [
  ["/dist/", new URL("dist/", PACKAGE)],
  ["/idb/", new URL("node_modules/idb/build/", PACKAGE)],
  ["/page/", new URL("./", import.meta.url)],
];
const PAGE = `<!doctype html><meta charset="utf-8"><title>bench</title>
<script type="importmap">{"imports": {"b24-offline": "/dist/index.js", "idb": "/idb/index.js"}}</script>
<script type="module" src="/page/page.mjs"></script>`;

const text = { type: "string" };
const flag = { type: "boolean" };
const { values } = parseArgs({
  options: {
    endpoint: text,
    auth: text,
    connector: text,
    limits: text,
    journal: text,
    sweep: text,
    event: { type: "string", multiple: true },
    "allow-http": flag,
    jsonl: flag,
    "until-empty": flag,
  },
});

const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url ?? "/", "http://page").pathname);
  if (path === "/") {
    response.setHeader("content-type", "text/html").end(PAGE);
    return;
  }
  const root = ROOTS.find(([prefix]) => path.startsWith(prefix));
  const file = root && new URL(path.slice(root[0].length), root[1]);
  const content = file && (await readFile(file).catch(() => undefined));
  if (content === undefined) response.writeHead(404).end();
  else response.setHeader("content-type", TYPES[extname(fileURLToPath(file))] ?? "text/plain").end(content);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const profile = await mkdtemp(join(tmpdir(), "b24-offline-bench-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [...FLAGS, ...QUIET],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(String(error)));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => globalThis.drain !== undefined);
  const { access_token } = JSON.parse(await readFile(values.auth, "utf8"));
  const asked = {
    baseUrl: values.endpoint,
    token: access_token,
    connector: values.connector,
    events: values.event,
    limits: values.limits,
  };
  const { end, lines } = await page.evaluate((asked) => globalThis.drain(asked), asked);
  process.stdout.write(lines);
  if (end !== "empty") throw new Error(`the queue ended with ${JSON.stringify(end)}`);
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
  await rm(profile, { recursive: true, force: true });
}
