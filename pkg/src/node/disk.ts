/** What the files of this package share. */

import { open, realpath, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { cause } from "../http.js";

/** Puts a whole new text in a file's place, durably: at each moment the file is the old one or the new one. */
export async function replace(path: string, fresh: string, text: string, mode: number): Promise<void> {
  try {
    await writeNew(fresh, text, mode);
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(path);
}

/** Writes a file that must not be there yet, and waits until it is on the disk. */
export async function writeNew(path: string, text: string, mode: number): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a rename durable; Windows neither needs nor allows it. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The file that a link names; the path itself where there is none yet. */
export async function linked(path: string): Promise<string> {
  return realpath(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return path;
    throw error;
  });
}

/** The system's code of an error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** The system's words, without its code and its paths. */
export function systemWords(error: unknown): string {
  const words = cause(error);
  return codeOf(error) === undefined ? words : words.replace(/, [a-z0-9]+(?: '.*)?$/u, "");
}
