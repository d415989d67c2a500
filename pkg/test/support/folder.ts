import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Folder extends AsyncDisposable {
  path: string;
  file(name: string): string;
}

/** A folder that is gone after the test. */
export async function folder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "b24-offline-"));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}
