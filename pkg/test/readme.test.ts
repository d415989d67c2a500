/** The README's lines compile under `tsc --strict`, and drain a portal with nothing changed but its address. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Emulator } from "./support/emulator.js";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const TSC = join(PACKAGE, "node_modules", ".bin", "tsc");
const STRICT = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--noUnusedLocals"];
const OPTIONS = ["--module", "NodeNext", "--target", "ES2022", "--types", "node", "--lib", "ES2022,DOM", ...STRICT];

/** A project that depends on the package. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "b24-offline-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(PACKAGE, join(folder, "node_modules", "b24-offline"));
  await symlink(join(PACKAGE, "node_modules", "@types"), join(folder, "node_modules", "@types"));
});
afterAll(() => rm(folder, { recursive: true }));

async function snippet(readme: URL, heading: string): Promise<string> {
  const text = await readFile(readme, "utf8");
  const section = text.split(`## ${heading}\n`)[1] ?? "";
  const block = /```ts\n(.*?)```/s.exec(section)?.[1];
  if (block === undefined) throw new Error(`${readme.pathname} has no lines of TypeScript under '${heading}'`);
  return block;
}

async function compiled(name: string, text: string): Promise<string> {
  const path = join(folder, `${name}.mts`);
  await writeFile(path, text);
  const compiling = promisify(execFile)(TSC, [...OPTIONS, path], { cwd: folder });
  await compiling.catch((error: { stdout: string }) => expect.unreachable(error.stdout));
  return join(folder, `${name}.mjs`);
}

test("ten lines of TypeScript drain a portal", async () => {
  const lines = await snippet(new URL("../../README.md", import.meta.url), "Ten lines of TypeScript");
  await using portal = await Emulator.start("documented", ["--tls", "--ca-out", "ca.pem"]);
  await portal.bind(["ONCRMDEALADD", "ONCRMDEALUPDATE"], "warehouse");
  await portal.deals(3);
  const address = "https://portal.example/rest/";
  expect(lines.split(address)).toHaveLength(2);
  const program = await compiled("ten-lines", lines.replace(address, portal.https));
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: portal.file("ca.pem") };
  const child = spawn(process.execPath, [program], { cwd: portal.folder, env, stdio: ["ignore", "pipe", "inherit"] });
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (printed.push(line) === 3) await ended(child);
  }
  expect(printed).toEqual(
    [1, 2, 3].map((id) => expect.stringMatching(`^crm.deal ${id} present: \\{"ID":"${id}"`) as string),
  );
});

test("the package's README compiles", async () => {
  for (const heading of ["In a browser", "Beside a user interface"]) {
    const lines = await snippet(new URL("../README.md", import.meta.url), heading);
    await compiled(heading.replaceAll(" ", "-"), lines);
  }
});

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
