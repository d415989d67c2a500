/** One process at a time: a file beside the journal that names its holder. */

import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { light, shines } from "./beacon.js";
import { codeOf } from "./disk.js";

/** Another process has it. */
export class Held extends Error {
  override readonly name: string = "Held";
  /** That process, where it could be read. */
  readonly pid: number | undefined;

  constructor(pid: number | undefined) {
    super("the lock is held");
    this.pid = pid;
  }
}

interface Holder {
  pid: number | undefined;
  /** When it started, where the system tells: an id that is used again must not look like its holder. */
  start: string;
  /** Names this taking of the lock. */
  mark: string;
}

/**
 * Takes the lock and gives what frees it.
 *
 * A lock file appears whole, by `link`, and only its holder removes it while that lives. One whose holder is gone is
 * replaced by whoever holds the lock *on that taking of it*, `PATH.MARK`, and still finds it there: so of several that
 * find it stale at once, and of one that comes late, a single one wins.
 *
 * @throws Held when another process has it
 */
export async function take(path: string): Promise<() => Promise<void>> {
  const mine: Holder = { pid: process.pid, start: await startOf(process.pid), mark: randomBytes(8).toString("hex") };
  const fresh = `${path}.${mine.mark}`;
  await writeFile(fresh, `${mine.pid} ${mine.start} ${mine.mark}\n`, { flag: "wx" });
  const beacon = await light(beaconOf(path, mine.mark));
  try {
    while (!(await linkedOrReplaced(path, fresh)));
  } catch (error) {
    await beacon?.out();
    throw error;
  } finally {
    await rm(fresh, { force: true });
  }
  return async () => {
    await free(path, mine.mark);
    await beacon?.out();
  };
}

/** A short name, for the paths of sockets are limited. */
function beaconOf(path: string, mark: string): string {
  return join(dirname(path), `.${mark}.alive`);
}

async function linkedOrReplaced(path: string, fresh: string): Promise<boolean> {
  try {
    await link(fresh, path);
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
  const holder = await read(path);
  // freed in the meantime
  if (holder === undefined) return false;
  const beacon = beaconOf(path, holder.mark);
  if ((await shines(beacon)) ?? (await isAlive(holder))) throw new Held(holder.pid);
  const release = await take(`${path}.${holder.mark}.stale`);
  try {
    if ((await read(path))?.mark !== holder.mark) return false;
    await rename(fresh, path);
    await rm(beacon, { force: true });
    return true;
  } finally {
    await release();
  }
}

async function free(path: string, mark: string): Promise<void> {
  if ((await read(path))?.mark === mark) await rm(path, { force: true });
}

/** The holder that a lock file names; one that can't be read names nobody. */
async function read(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, "latin1").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const [pid = "", start = "", mark = ""] = text.trimEnd().split(" ");
  return {
    pid: /^[1-9][0-9]{0,9}$/.test(pid) ? Number(pid) : undefined,
    start,
    mark: /^[0-9a-f]{16}$/.test(mark) ? mark : "unmarked",
  };
}

/** Whether there is such a process, as far as it is seen from here. */
async function isAlive({ pid, start }: Holder): Promise<boolean> {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // another user's process is alive as well
    if (codeOf(error) !== "EPERM") return false;
  }
  const now = await startOf(pid);
  return start === "" || start === "-" || now === "-" || now === start;
}

/** When a process started, in the system's own count; `-` where it is not told. */
async function startOf(pid: number): Promise<string> {
  if (process.platform !== "linux") return "-";
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  // the name before the last bracket may hold anything; the count is the 20th field after it
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "-";
}
