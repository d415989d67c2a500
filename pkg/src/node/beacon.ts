/** A sign of life that ends with its process, however that ends, and is seen from other containers too. */

import { rm } from "node:fs/promises";
import { type Server, connect, createServer } from "node:net";
import { codeOf } from "./disk.js";

/** What the shortest limit of the systems for the path of a socket leaves, in bytes. */
const LONGEST = 100;

/** A socket that this process listens at. */
export interface Beacon {
  /** Takes it away. */
  out(): Promise<void>;
}

/** Listens at the path; undefined where there are no such sockets: on Windows, in a long path, on some file systems. */
export async function light(path: string): Promise<Beacon | undefined> {
  if (!fits(path)) return undefined;
  const server = createServer((seen) => seen.destroy());
  const listens = await new Promise<boolean>((resolve) => {
    server.on("error", () => resolve(false));
    server.listen(path, () => resolve(true));
  });
  if (!listens) return undefined;
  // it must not keep the program from ending
  server.unref();
  return { out: () => closed(server, path) };
}

/** Whether a living process listens at the path; undefined where that can't be told. */
export async function shines(path: string): Promise<boolean | undefined> {
  if (!fits(path)) return undefined;
  return new Promise((resolve) => {
    const seen = connect(path, () => {
      seen.destroy();
      resolve(true);
    });
    // a socket without a listener is left by a process that is gone
    seen.on("error", (error) => resolve(codeOf(error) === "ECONNREFUSED" ? false : undefined));
  });
}

function fits(path: string): boolean {
  return process.platform !== "win32" && Buffer.byteLength(path) <= LONGEST;
}

async function closed(server: Server, path: string): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
  await rm(path, { force: true });
}
