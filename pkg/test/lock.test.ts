/** The lock: held by a living process alone, and won by one of many that find it stale. */

import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Held, take } from "../dist/node/lock.js";
import { type Folder, folder } from "./support/folder.js";

const TAKER = fileURLToPath(new URL("support/lock-taker.mjs", import.meta.url));
const MARK = "0123456789abcdef";

/** The pid of a process that is no more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["--eval", ""]);
  await once(child, "exit");
  return child.pid ?? 0;
}

function start(of: number): Promise<string> {
  return readFile(`/proc/${of}/stat`, "latin1").then((stat) => stat.split(") ").at(-1)?.split(" ")[19] ?? "");
}

/** What lies there, without the holder's sign of life. */
async function namesIn({ path }: Folder): Promise<string[]> {
  return (await readdir(path)).filter((name) => !/^\.[0-9a-f]{16}\.alive$/.test(name));
}

test("it names its holder, and is gone when it is freed", async () => {
  await using files = await folder();
  const free = await take(files.file("lock"));
  const [pid, started, mark] = (await readFile(files.file("lock"), "utf8")).trimEnd().split(" ");
  expect(Number(pid)).toBe(process.pid);
  expect(started).toBe(process.platform === "linux" ? await start(process.pid) : "-");
  expect(mark).toMatch(/^[0-9a-f]{16}$/);
  await expect(take(files.file("lock"))).rejects.toThrow(Held);
  expect(await namesIn(files)).toEqual(["lock"]);
  await free();
  await free();
  expect(await readdir(files.path)).toEqual([]);
});

test("another process's is held as long as that lives, however it ends", async () => {
  await using files = await folder();
  const child = fork(TAKER, [files.file("lock")]);
  expect(await once(child, "message")).toEqual(["taken", undefined]);
  await expect(take(files.file("lock"))).rejects.toMatchObject({ pid: child.pid });
  child.kill("SIGKILL");
  await once(child, "exit");
  await (
    await take(files.file("lock"))
  )();
});

test.runIf(process.platform === "linux")("a pid that is used again does not hold it", async () => {
  await using files = await folder();
  await writeFile(files.file("lock"), `${process.pid} 1 ${MARK}\n`);
  await (
    await take(files.file("lock"))
  )();
  await writeFile(files.file("lock"), `${process.pid} ${await start(process.pid)} ${MARK}\n`);
  await expect(take(files.file("lock"))).rejects.toThrow(Held);
});

test.each(["", "\n", "no pid at all\n", `-1 1 ${MARK}\n`, `0 1 ${MARK}\n`, "99999999999 1 ../../x\n"])(
  "a lock that names nobody is nobody's: %j",
  async (content) => {
    await using files = await folder();
    await writeFile(files.file("lock"), content);
    const free = await take(files.file("lock"));
    expect(await namesIn(files)).toEqual(["lock"]);
    await free();
  },
);

test.runIf(process.platform !== "win32")("a holder that can't be seen, as in another container, holds it", async () => {
  await using files = await folder();
  const child = fork(TAKER, [files.file("lock")]);
  await once(child, "message");
  const [, , mark = ""] = (await readFile(files.file("lock"), "utf8")).trimEnd().split(" ");
  await writeFile(files.file("lock"), `${await deadPid()} 1 ${mark}\n`);
  await expect(take(files.file("lock"))).rejects.toThrow(Held);
  // after its end its pid may look alive: as long as nobody waited for it, or when it is used again
  await writeFile(files.file("lock"), `${process.pid} - ${mark}\n`);
  child.kill("SIGKILL");
  await once(child, "exit");
  const free = await take(files.file("lock"));
  await expect(take(files.file("lock"))).rejects.toThrow(Held);
  await free();
  expect(await readdir(files.path)).toEqual([]);
});

test.runIf(process.platform === "linux")("in a path that is too long for sockets it is held all the same", async () => {
  await using files = await folder();
  const path = files.file("x".repeat(120));
  await mkdir(path);
  const free = await take(join(path, "lock"));
  await expect(take(join(path, "lock"))).rejects.toThrow(Held);
  expect(await readdir(path)).toEqual(["lock"]);
  await free();
});

test("a lock that another one has taken over is not removed", async () => {
  await using files = await folder();
  const free = await take(files.file("lock"));
  await writeFile(files.file("lock"), `1 - ${MARK}\n`);
  await free();
  expect(await readFile(files.file("lock"), "utf8")).toBe(`1 - ${MARK}\n`);
});

test("a take-over that was stopped in the middle is taken over", async () => {
  await using files = await folder();
  const dead = await deadPid();
  await writeFile(files.file("lock"), `${dead} 1 ${MARK}\n`);
  await writeFile(files.file(`lock.${MARK}.stale`), `${dead} 2 fedcba9876543210\n`);
  const free = await take(files.file("lock"));
  expect(await namesIn(files)).toEqual(["lock"]);
  await free();
});

test("of many that find it stale at once, one wins", async () => {
  await using files = await folder();
  const dead = await deadPid();
  const children = Array.from({ length: 6 }, () => fork(TAKER, [files.file("lock"), "wait"]));
  await Promise.all(children.map((child) => once(child, "message")));
  for (let round = 0; round < 15; round += 1) {
    const mark = round.toString(16).padStart(16, "0");
    await writeFile(files.file("lock"), `${dead} 1 ${mark}\n`);
    const answers = await Promise.all(children.map((child) => asked(child, "take")));
    expect(
      answers.filter((answer) => answer === "taken"),
      answers.join(),
    ).toHaveLength(1);
    expect(answers.filter((answer) => answer === "held")).toHaveLength(children.length - 1);
    await Promise.all(children.map((child) => asked(child, "free")));
    expect(await readdir(files.path)).toEqual([]);
  }
  for (const child of children) child.disconnect();
});

async function asked(child: ChildProcess, what: string): Promise<unknown> {
  const answer = once(child, "message");
  child.send(what);
  return ((await answer) as unknown[])[0];
}
