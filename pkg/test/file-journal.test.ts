/** The journal in a text file: what it keeps, what it refuses, what it salvages. */

import { execFileSync } from "node:child_process";
import { mkdir, readFile, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { JournalError, JournalInUse, type Save } from "b24-offline";
import { FileJournal } from "b24-offline/node";
import { type Folder, folder } from "./support/folder.js";

const HEADER = '{"b24_offline_journal":1}\n';
const SALVAGED = '{"b24_offline_journal":1,"salvaged":true}\n';

let saves = 0;

function save(puts: Record<string, string>, ...deletes: string[]): Save {
  saves += 1;
  return { id: saves, puts: Object.entries(puts).map(([key, value]) => ({ key, value })), deletes };
}

async function text(files: Folder, name = "q"): Promise<string> {
  return readFile(files.file(name), "utf8");
}

async function opened(files: Folder): Promise<[Record<string, string>, string]> {
  const journal = await FileJournal.open(files.file("q"));
  const { entries, condition } = journal.contents();
  await journal.close();
  return [Object.fromEntries(entries.map(({ key, value }) => [key, value])), condition];
}

async function refused(files: Folder, name = "q"): Promise<Error> {
  const error: unknown = await FileJournal.open(files.file(name)).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(JournalError);
  return error as Error;
}

test("what is saved is found by the next one, sorted, one line each", async () => {
  await using files = await folder();
  const journal = await FileJournal.open(files.file("q"));
  expect(journal.contents()).toEqual({ entries: [], condition: "intact" });
  await journal.save(save({ b: "2\n", a: '"1"', c: "ü\u2028" }));
  await journal.save(save({ d: "4", b: "3" }, "c", "not there"));
  expect(await text(files)).toBe(`${HEADER}["a","\\"1\\""]\n["b","3"]\n["d","4"]\n`);
  expect((await stat(files.file("q"))).mode & 0o777).toBe(0o600);
  await journal.close();
  expect(await readdir(files.path)).toEqual(["q"]);
  expect(await opened(files)).toEqual([{ a: '"1"', b: "3", d: "4" }, "intact"]);
});

test("saves are written in the order in which they were given, and close waits for them", async () => {
  await using files = await folder();
  const journal = await FileJournal.open(files.file("q"));
  const order: number[] = [];
  for (let number = 0; number < 20; number += 1) {
    void journal.save(save({ last: String(number) })).then(() => order.push(number));
  }
  await journal.close();
  expect(order).toEqual(Array.from({ length: 20 }, (_, number) => number));
  expect((await opened(files))[0]).toEqual({ last: "19" });
});

test("a key that both is deleted and put is put", async () => {
  await using files = await folder();
  const journal = await FileJournal.open(files.file("q"));
  await journal.save(save({ a: "1" }));
  await journal.save(save({ a: "2" }, "a"));
  await journal.close();
  expect((await opened(files))[0]).toEqual({ a: "2" });
});

test("a save that fails changes nothing and says why; the next one carries on", async () => {
  await using files = await folder();
  const journal = await FileJournal.open(files.file("q"));
  await journal.save(save({ a: "1" }));
  const aside = `${files.path}-aside`;
  await rename(files.path, aside);
  await expect(journal.save(save({ lost: "1" }))).rejects.toThrow(/^no such file or directory$/);
  await rename(aside, files.path);
  await journal.save(save({ b: "2" }));
  await journal.close();
  expect((await opened(files))[0]).toEqual({ a: "1", b: "2" });
});

test.runIf(process.platform !== "win32")("what is no file is refused, not waited for", async () => {
  await using files = await folder();
  execFileSync("mkfifo", [files.file("q")]);
  expect((await refused(files)).message).toContain("it is no file");
  expect(await readdir(files.path)).toEqual(["q"]);
});

test("an empty file is a new journal", async () => {
  await using files = await folder();
  await writeFile(files.file("q"), "");
  expect(await opened(files)).toEqual([{}, "intact"]);
});

test("a journal that was only looked at is untouched", async () => {
  await using files = await folder();
  await writeFile(files.file("q"), `${HEADER}["z","1"]\n["a","2"]\n`);
  expect(await opened(files)).toEqual([{ z: "1", a: "2" }, "intact"]);
  expect(await text(files)).toBe(`${HEADER}["z","1"]\n["a","2"]\n`);
});

test("a link stays a link, and both names are one journal", async () => {
  await using files = await folder();
  await writeFile(files.file("real"), HEADER);
  await symlink("real", files.file("q"));
  const journal = await FileJournal.open(files.file("q"));
  expect((await refused(files, "real")).message).toContain("in use");
  await journal.save(save({ a: "1" }));
  await journal.close();
  expect(await text(files, "real")).toBe(`${HEADER}["a","1"]\n`);
  expect((await readdir(files.path)).sort()).toEqual(["q", "real"]);
});

const LINES = [`["a","1"]`, `["b","2"]`, `["c","3"]`];
const WHOLE = HEADER + LINES.map((line) => `${line}\n`).join("");

test.each<[string, Buffer | string, string[]]>([
  ["a torn last line", WHOLE.slice(0, -4), ["a", "b"]],
  ["a missing last line break", WHOLE.slice(0, -1), ["a", "b", "c"]],
  ["a line that is no JSON", WHOLE.replace(`["b","2"]`, `["b","2"`), ["a", "c"]],
  ["a line of another shape", WHOLE.replace(`["b","2"]`, `["b",2]`), ["a", "c"]],
  ["a line with too much", WHOLE.replace(`["b","2"]`, `["b","2","3"]`), ["a", "c"]],
  ["an empty line", WHOLE.replace(`["b","2"]`, ""), ["a", "c"]],
  ["bytes that are no UTF-8", Buffer.from(WHOLE.replace('"2"', '"\xff"'), "latin1"), ["a", "c"]],
  ["zeros in the middle", WHOLE.replace(`["b","2"]`, "\0".repeat(9)), ["a", "c"]],
  ["another header", WHOLE.replace(":1}", ":2}"), ["a", "b", "c"]],
  ["a missing header", WHOLE.slice(HEADER.length), ["a", "b", "c"]],
  ["a single entry without an end", `["a","1"]`, ["a"]],
  ["a header without an end", HEADER.trimEnd(), []],
  ["another program's text", "Dear diary,\ntoday", []],
])("%s is salvaged, and the damaged file kept", async (_, damaged, kept) => {
  await using files = await folder();
  await writeFile(files.file("q"), damaged);
  const [entries, condition] = await opened(files);
  expect(Object.keys(entries)).toEqual(kept);
  expect(condition).toBe("salvaged");
  expect(await readFile(files.file("q.damaged-1"))).toEqual(Buffer.from(damaged));
  // salvaged until the machine has answered it with a save
  expect((await text(files)).startsWith(SALVAGED)).toBe(true);
  expect((await opened(files))[1]).toBe("salvaged");
  const journal = await FileJournal.open(files.file("q"));
  await journal.save(save({ z: "9" }));
  await journal.close();
  const left = LINES.filter((line) => kept.some((key) => line.startsWith(`["${key}"`)));
  expect(await text(files)).toBe(`${HEADER}${[...left, '["z","9"]', ""].join("\n")}`);
  expect((await opened(files))[1]).toBe("intact");
  expect((await readdir(files.path)).sort()).toEqual(["q", "q.damaged-1"]);
});

test("each damaged file gets a name of its own", async () => {
  await using files = await folder();
  for (const number of [1, 2, 3]) {
    await writeFile(files.file("q"), `damaged ${number}`);
    await opened(files);
    expect(await text(files, `q.damaged-${number}`)).toBe(`damaged ${number}`);
  }
});

test("a salvage that was stopped in the middle is finished", async () => {
  await using files = await folder();
  const fresh = `${SALVAGED}["a","1"]\n`;
  // stopped after the damaged file was set aside
  await writeFile(files.file("q.damaged-1"), "damaged");
  await writeFile(files.file("q.fresh"), fresh);
  expect(await opened(files)).toEqual([{ a: "1" }, "salvaged"]);
  expect((await readdir(files.path)).sort()).toEqual(["q", "q.damaged-1"]);
  // stopped before that: what is half written is written again
  await writeFile(files.file("q"), `${WHOLE}torn`);
  await writeFile(files.file("q.fresh"), "half");
  expect(await opened(files)).toEqual([{ a: "1", b: "2", c: "3" }, "salvaged"]);
  expect((await readdir(files.path)).sort()).toEqual(["q", "q.damaged-1", "q.damaged-2"]);
});

test("another program's database is left untouched", async () => {
  await using files = await folder();
  const database = Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(100, 1)]);
  await writeFile(files.file("q"), database);
  expect((await refused(files)).message).toBe(
    `${files.file("q")} is the database of another program; it was left untouched, name another file`,
  );
  expect(await readFile(files.file("q"))).toEqual(database);
  expect(await readdir(files.path)).toEqual(["q"]);
});

test("a path that can't be one is refused with what to do", async () => {
  await using files = await folder();
  expect((await refused(files, "no/such/q")).message).toBe(
    `the journal ${files.file("no/such/q")} can't be opened (no such file or directory); ` +
      "name a file in a folder that exists and is writable",
  );
  await mkdir(files.file("q"));
  expect((await refused(files)).message).toContain("can't be opened (it is no file)");
  expect(await readdir(files.path)).toEqual(["q"]);
});

test("one at a time, and the next one after close", async () => {
  await using files = await folder();
  const journal = await FileJournal.open(files.file("q"));
  const error = await refused(files);
  expect(error).toBeInstanceOf(JournalInUse);
  expect(error.message).toBe(
    `the journal ${files.file("q")} is in use by process ${process.pid}; stop that one, or name another journal`,
  );
  await journal.close();
  await opened(files);
  await rm(files.file("q"), { force: true });
  expect(await readdir(files.path)).toEqual([]);
});
