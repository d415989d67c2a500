/** The auth file on the disk. */

import { type FileHandle, open, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AuthFileError } from "../errors.js";
import { replace, systemWords } from "./disk.js";

/** The fields that an auth file needs. */
export const FIELDS = ["access_token", "refresh_token", "client_id", "client_secret", "oauth_url"] as const;

/** A JSON object, with the fields of an auth file and others that are kept as they are. */
export type Document = Record<string, unknown>;

const MOST = 1024 * 1024;

/** A text of a document; empty where there is none. */
export function text(document: Document, field: string): string {
  const value = Object.hasOwn(document, field) ? document[field] : undefined;
  return typeof value === "string" ? value : "";
}

/** Why a file can't be read. */
export function unreadable(path: string, error: unknown): AuthFileError {
  const advice = "name the JSON file with the tokens";
  return new AuthFileError(`the auth file ${path} can't be read (${systemWords(error)}); ${advice}`);
}

/** Reads and checks the file. No error repeats anything of its content. */
export async function read(path: string): Promise<Document> {
  const document = parsed(path, await content(path));
  for (const field of FIELDS) {
    if (text(document, field) === "") {
      throw new AuthFileError(`the auth file ${path} lacks the field '${field}', which must be a text; add it`);
    }
  }
  return document;
}

/** Puts the document in the file's place: at each moment the file is the old one or the new one. */
export function write(path: string, document: Document): Promise<void> {
  const fresh = join(dirname(path), `${basename(path)}.${process.pid}.new`);
  return replace(path, fresh, `${JSON.stringify(document, null, 2)}\n`, 0o600);
}

async function content(path: string): Promise<string> {
  let file: FileHandle | undefined;
  try {
    // a pipe is not opened: that would wait for its writer
    const is = await stat(path);
    if (!is.isFile()) throw new AuthFileError(`the auth file ${path} is no file; name the JSON file with the tokens`);
    file = await open(path, "r");
    if (process.platform !== "win32" && ((await file.stat()).mode & 0o007) !== 0) {
      throw new AuthFileError(
        `the auth file ${path} is open to every user of this machine; close it with: chmod 600 '${path}'`,
      );
    }
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(MOST), position: 0 });
    return buffer.toString("utf8", 0, bytesRead);
  } catch (error) {
    throw error instanceof AuthFileError ? error : unreadable(path, error);
  } finally {
    await file?.close();
  }
}

function parsed(path: string, json: string): Document {
  let why = "";
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Document;
  } catch (error) {
    // the reader's own words repeat the text
    why = place(json, error instanceof Error ? error.message : "");
  }
  throw new AuthFileError(`the auth file ${path} is not a JSON object${why}; it needs ${FIELDS.join(", ")}`);
}

function place(json: string, words: string): string {
  const at = /at position (\d+)/.exec(words)?.[1];
  if (at === undefined) return "";
  const before = json.slice(0, Number(at)).split("\n");
  return ` (see line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`;
}
