/** The example program: what it refuses, with which code and words, and how it ends. */

import { execFileSync } from "node:child_process";
import { access, readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { Emulator } from "./support/emulator.js";
import { type Folder, folder } from "./support/folder.js";
import { Listen, listen } from "./support/listen.js";

const SECRETS = {
  access_token: "canary-access",
  refresh_token: "canary-refresh",
  client_id: "app.1",
  client_secret: "canary-secret",
  oauth_url: "https://oauth.example/oauth/token/",
};
const ENDPOINT = ["--endpoint", "https://portal.example/rest/"];
const USUAL = ["--auth", "auth.json", "--event", "ONCRMDEALADD"];

async function withAuth(document: object = SECRETS, mode = 0o600): Promise<Folder> {
  const files = await folder();
  await writeFile(files.file("auth.json"), JSON.stringify(document), { mode });
  return files;
}

/** Runs it, asserts code and words, and that no secret is shown. */
async function refused(cwd: string, args: readonly string[], code: number, words: readonly string[]): Promise<string> {
  const outcome = await listen(cwd, args);
  expect(outcome.code, outcome.said).toBe(code);
  for (const word of words) expect(outcome.said).toContain(word);
  expect(outcome.said + outcome.out).not.toContain("canary");
  return outcome.said;
}

const jsonl = (...more: string[]) => [...ENDPOINT, ...USUAL, "--jsonl", ...more];
const LONG = "x".repeat(256);

test.each<[string[], string[]]>([
  [
    ["--jsonl", ...USUAL, "--endpoint", "http://127.0.0.1:1/rest/"],
    ["plain http", "--allow-http"],
  ],
  [["--jsonl", ...USUAL, "--endpoint", "https://user:canary@portal.example/rest/"], ["user or a password"]],
  [
    ["--jsonl", ...USUAL, "--endpoint", "https://portal.example/rest/1/canary-code/"],
    ["webhook", "OAuth token"],
  ],
  [["--jsonl", ...USUAL], ["--endpoint URL is missing"]],
  [["--jsonl", ...ENDPOINT, "--event", "ONCRMDEALADD"], ["--auth FILE is missing"]],
  [["--jsonl", ...ENDPOINT, "--auth", "auth.json"], ["--event NAME is missing"]],
  [["--jsonl", ...ENDPOINT, ...USUAL.slice(2), "--auth", "none.json"], ["none.json can't be read"]],
  [
    [...ENDPOINT, ...USUAL],
    ["nothing would receive the changes", "--jsonl", "--exec"],
  ],
  [jsonl("--exec", "cat"), ["--jsonl and --exec", "give one"]],
  [
    [...ENDPOINT, ...USUAL, "--exec", " \n"],
    ["--exec is empty", "name a program"],
  ],
  [jsonl("--event", "NOT AN EVENT"), ["NOT AN EVENT", "ONCRMDEALUPDATE"]],
  [jsonl("--connector", ""), ["connector", "leave it out"]],
  [jsonl("--connector", LONG), ["256 bytes", "shorter"]],
  [jsonl("--connector", "a", "--connector", "b"), ["--connector is given twice"]],
  [jsonl("--on-reject", "register"), ["journal"]],
  [jsonl("--on-reject", "explode"), ["park, register", "'explode'"]],
  [jsonl("--mode", "x"), ["auto, reserve, delete"]],
  [jsonl("--mode", "delete"), ["needs a durable journal", "auto or reserve"]],
  [jsonl("--limits", "x"), ["standard, enterprise, off"]],
  [jsonl("--retrieve", "x"), ["list, get, none"]],
  [jsonl("--log", "xml"), ["text, json"]],
  [jsonl("--attempts", "0"), ["attempts", "1 to 1,000"]],
  [jsonl("--attempts", "many"), ["--attempts", "whole number"]],
  [jsonl("--attempts", "4294967296"), ["--attempts", "whole number"]],
  [jsonl("--batch-size", "0"), ["batch size"]],
  [jsonl("--poll", "0"), ["poll"]],
  [jsonl("--poll=-1"), ["--poll", "seconds from 0 on"]],
  [jsonl("--poll", "soon"), ["--poll", "number of seconds"]],
  [jsonl("--poll", ""), ["--poll", "number of seconds"]],
  [jsonl("--sweep", "Infinity"), ["--sweep", "number of seconds"]],
  [jsonl("--retry-delay", "1e10"), ["--retry-delay", "seconds from 0 on"]],
  [jsonl("--journal", "no/such/folder/q"), ["no/such/folder"]],
  [jsonl("--write-back", " "), ["--write-back is empty"]],
  [jsonl("--write-back", "TITLE", "--retrieve", "none"), ["--write-back", "--retrieve none"]],
  [jsonl("--jsonnl"), ["--jsonnl", "--help has the options"]],
  [jsonl("queue.db"), ["queue.db", "--help has the options"]],
  [jsonl("--journal"), ["--journal", "--help has the options"]],
  [jsonl("--journal", ""), ["path of --journal is empty", "name a file"]],
])("%j is refused with 2", async (args, words) => {
  await using files = await withAuth();
  const said = await refused(files.path, args, 2, words);
  // what is refused is not explained before, and in one line
  expect(said).toMatch(/^b24-offline: error: .+\n$/);
});

test("wrong usage is told in the form that was asked for", async () => {
  await using files = await withAuth();
  const said = await refused(files.path, jsonl("--log", "json", "--write-back", ""), 2, []);
  expect(JSON.parse(said)).toMatchObject({
    severity: "error",
    message: expect.stringContaining("--write-back is empty") as string,
  });
});

test("an auth file that others may read is refused", async () => {
  await using files = await withAuth(SECRETS, 0o644);
  await refused(files.path, jsonl(), 2, ["chmod 600", "auth.json"]);
});

test("help teaches", async () => {
  const { code, out } = await listen("/", ["--help"]);
  expect(code).toBe(0);
  for (const word of [
    "A second signal",
    "0.01 to 86400",
    "Examples:",
    "Exit codes:",
    '"verdict": "retry"',
    "--until-empty",
  ]) {
    expect(out).toContain(word);
  }
});

function on(portal: Emulator, ...more: string[]): string[] {
  const quick = ["--sweep", "1", "--poll", "0.2", "--limits", "off", "--journal", "queue.journal"];
  return ["--endpoint", portal.http, "--allow-http", ...USUAL, ...quick, ...more];
}

test("lines, notices as JSON, and a write-back", async () => {
  await using portal = await Emulator.start("documented");
  await portal.bind(["ONCRMDEALADD"]);
  await portal.control("objects/create", { kind: "crm.deal", count: 20, fields: { TITLE: "a deal" } });
  const options = ["--jsonl", "--until-empty", "--log", "json", "--write-back", "TITLE"];
  const { code, out, said } = await listen(portal.folder, on(portal, ...options));
  expect(code, said).toBe(0);
  const lines = out.trimEnd().split("\n");
  expect(lines).toHaveLength(20);
  expect(await portal.audit(lines)).toMatchObject({ lost: [], free_records: 0, reservations: [] });
  expect(JSON.parse(said.split("\n")[0] ?? "")).toEqual({
    at: expect.any(Number) as number,
    severity: "info",
    message: "ready: every event is bound",
    notice: "ready",
    bound: 0,
    parked: 0,
  });
  const requests = await portal.control<{ method: string }[]>("requests");
  expect(requests.length).toBeGreaterThan(0);
  const deals = await portal.control<{ sub_calls_by_method: Record<string, number> }>("audit");
  expect(deals.sub_calls_by_method["crm.deal.update"]).toBe(20);
});

test("what a handler says and how it ends is shown, and attempts are counted", async () => {
  await using portal = await Emulator.start("source");
  await portal.bind(["ONCRMDEALADD"]);
  await portal.deals(1);
  const tries = [
    ["exit 7", "exit status: 7"],
    ["kill -9 $$", "signal: 9 (SIGKILL)"],
    ["echo hello", "it printed a line that is no verdict of this batch: hello"],
    ["printf '\\377'", "its output is not UTF-8"],
    ["head -c 5000000 /dev/zero | tr '\\0' ' '", "it printed more than 4 MiB"],
  ];
  const cases = tries.map(([command], index) => `${index}) ${command};;`).join(" ");
  const command = `n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; case $n in ${cases} *) cat >&2;; esac`;
  const options = ["--exec", command, "--until-empty", "--retry-delay", "0.01", "--attempts", "9"];
  const { code, said } = await listen(portal.folder, on(portal, ...options));
  expect(code, said).toBe(0);
  for (const [, words = ""] of tries) expect(said).toContain(`warning: the handler failed on 1 change: ${words}`);
  // standard error is the handler's as well
  expect(said).toContain(`"attempt":${tries.length + 1}`);
});

test("a second signal ends at once, and the handler that is given up is told to end", async () => {
  await using portal = await Emulator.start("documented");
  await portal.bind(["ONCRMDEALADD"]);
  await portal.deals(3);
  const waits = "trap 'touch given-up; exit' TERM; cat > /dev/null; echo began >&2; while :; do sleep 0.05; done";
  const running = new Listen(portal.folder, on(portal, "--exec", waits));
  await running.says("began");
  running.child.kill("SIGTERM");
  await running.says("stopping");
  // as `timeout` and a terminal's group do: the same request
  running.child.kill("SIGINT");
  const again = setInterval(() => running.child.kill("SIGTERM"), 300);
  const { code, said } = await running.ended();
  clearInterval(again);
  expect(code, said).toBe(1);
  expect(said.split("stopping:")).toHaveLength(2);
  expect(said).toContain("warning: stopped at once; the next start carries on without loss");
  expect(said).toMatch(
    /warning: the handler that is process \d+ was told to end \(SIGTERM\); its changes will be delivered again/,
  );
  await until(() => access(portal.file("given-up")));
  const rest = await listen(portal.folder, on(portal, "--jsonl", "--until-empty"));
  expect(await portal.audit(rest.out.trimEnd().split("\n"))).toMatchObject({
    lost: [],
    free_records: 0,
    reservations: [],
  });
});

test.runIf(process.platform !== "win32")("signals end it while its journal does not open", async () => {
  await using portal = await Emulator.start("documented");
  // reading a pipe waits for its writer
  execFileSync("mkfifo", [portal.file("queue.journal.lock")]);
  const running = new Listen(portal.folder, on(portal, "--jsonl"));
  const asking = setInterval(() => running.child.kill("SIGTERM"), 300);
  const { said } = await running.ended();
  clearInterval(asking);
  expect(said).toContain("warning: stopped at once; the next start carries on without loss");
});

test("a closed standard output ends it with 1, and what was not taken comes again", async () => {
  await using portal = await Emulator.start("documented");
  await portal.bind(["ONCRMDEALADD"]);
  await portal.deals(5);
  const running = new Listen(portal.folder, on(portal, "--jsonl"));
  running.child.stdout?.destroy();
  const { code, said } = await running.ended();
  expect(code).toBe(1);
  expect(said).toContain(
    "error: standard output was closed; the lines that were not taken come again at the next start",
  );
  const rest = await listen(portal.folder, on(portal, "--jsonl", "--until-empty"));
  expect(rest.out.trimEnd().split("\n")).toHaveLength(5);
});

test.runIf(process.platform === "linux")("a file that can't grow counts no line as done that it did not take", async () => {
  await using portal = await Emulator.start("documented");
  await portal.bind(["ONCRMDEALADD"]);
  await portal.deals(40);
  const args = on(portal, "--jsonl", "--until-empty").filter((word) => !word.includes("journal"));
  // of a file's size the system takes what still fits, as a full disk does
  const { code, said } = await listen(portal.folder, args, "ulimit -f 2; exec > lines");
  expect(code, said).toBe(1);
  expect(said).toContain("error: standard output takes no more (");
  const taken = (await readFile(portal.file("lines"), "utf8")).split("\n").slice(0, -1);
  const rest = await listen(portal.folder, on(portal, "--jsonl", "--until-empty"));
  const lines = [...taken, ...rest.out.trimEnd().split("\n")];
  expect(await portal.audit(lines)).toMatchObject({ lost: [], free_records: 0 });
});

test("a journal of another queue is refused untouched, and one in use names its holder", async () => {
  await using portal = await Emulator.start("documented");
  await portal.bind(["ONCRMDEALADD"]);
  await listen(portal.folder, on(portal, "--jsonl", "--until-empty"));
  const before = await readFile(portal.file("queue.journal"));
  await refused(portal.folder, on(portal, "--jsonl", "--connector", "other"), 2, ["belongs to", "untouched"]);
  expect(await readFile(portal.file("queue.journal"))).toEqual(before);
  const running = new Listen(portal.folder, on(portal, "--jsonl"));
  await running.says("ready");
  const words = `the journal queue.journal is in use by process ${running.child.pid}; stop that one, or name another journal`;
  await refused(portal.folder, on(portal, "--jsonl"), 5, [words]);
  running.child.kill("SIGTERM");
  expect((await running.ended()).code).toBe(0);
});

test("without a journal it says what that means", async () => {
  await using portal = await Emulator.start("documented");
  const args = on(portal, "--jsonl", "--until-empty").filter((word) => !word.includes("journal"));
  const { code, said } = await listen(portal.folder, args);
  expect(code, said).toBe(0);
  expect(said).toContain("there is no journal: nothing is lost");
});

async function until(check: () => Promise<unknown>): Promise<void> {
  const so = () =>
    check().then(
      () => true,
      () => false,
    );
  while (!(await so())) await new Promise((resolve) => setImmediate(resolve));
}
