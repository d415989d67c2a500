/** What is published, and what importing it does. */

import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

async function node(program: string): Promise<unknown> {
  const args = ["--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: PACKAGE });
  return JSON.parse(stdout) as unknown;
}

test("the browser's entry is imported without a browser, and has what Node's has", async () => {
  const names = await node(`
    const globals = Object.keys(globalThis).length;
    const browser = await import("./dist/index.js");
    const untouched = Object.keys(globalThis).length === globals;
    const same = JSON.stringify(Object.keys(browser)) === JSON.stringify(Object.keys(await import("b24-offline")));
    console.log(JSON.stringify({ untouched, same }));
  `);
  expect(names).toEqual({ untouched: true, same: true });
});

test("both entries of Node share their classes", async () => {
  const shared = await node(`
    const { Endpoint, AuthFileError, init } = await import("b24-offline");
    const { OAuthFile } = await import("b24-offline/node");
    const error = await OAuthFile.open("no such file", Endpoint.parse("https://portal.example/rest/")).catch((e) => e);
    const { readFileSync } = await import("node:fs");
    await init(readFileSync(new URL(import.meta.resolve("b24-offline/wasm"))));
    console.log(JSON.stringify([error instanceof AuthFileError, error.name]));
  `);
  expect(shared).toEqual([true, "AuthFileError"]);
});

test("the package holds what it needs and no more", async () => {
  const packing = await promisify(execFile)("npm", ["pack", "--dry-run", "--json"], { cwd: PACKAGE });
  // npm 11 answers a list, later ones an object by name
  const [packed] = Object.values(JSON.parse(packing.stdout) as Record<string, { files: { path: string }[] }>);
  const paths = packed?.files.map(({ path }) => path) ?? [];
  const entries = ["index.js", "index.node.js", "node.js", "index.d.ts", "node.d.ts", "wasm/b24_offline_wasm_bg.wasm"];
  const needed = ["package.json", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "examples/listen.mjs"];
  expect(paths).toEqual(expect.arrayContaining([...needed, ...entries.map((path) => `dist/${path}`)]));
  const foreign = paths.filter((path) => !needed.includes(path) && !/^(dist|examples)\//.test(path));
  expect(foreign).toEqual([]);
});

test("the library prints nothing, and its types hide nothing", async () => {
  const sources = (await readdir(join(PACKAGE, "src"), { recursive: true })).filter((path) => path.endsWith(".ts"));
  const own = sources.filter((path) => !path.startsWith("wasm"));
  expect(own.length).toBeGreaterThan(20);
  for (const path of own) {
    const text = await readFile(join(PACKAGE, "src", path), "utf8");
    expect(text, path).not.toMatch(/\bconsole\.|process\.std|@ts-|[:<|&]\s*any\b|\bas any\b/);
  }
});
