/** The example program in a process of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../examples/listen.mjs", import.meta.url));

export interface Outcome {
  code: number | null;
  out: string;
  said: string;
}

export class Listen {
  readonly child: ChildProcess;
  #out = "";
  #said = "";
  #news: () => void = () => undefined;

  /** `first` is what a shell does before it becomes the program. */
  constructor(cwd: string, args: readonly string[], first = ":") {
    const words = ["-c", `${first}; exec "$0" "$@"`, process.execPath, PROGRAM, ...args];
    this.child = spawn("sh", words, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#out += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
      this.#news();
    });
  }

  /** Waits until standard error holds these words, or it has ended. */
  async says(words: string): Promise<void> {
    while (!this.#said.includes(words)) {
      if (this.child.exitCode !== null) throw new Error(`it ended without '${words}': ${this.#said}`);
      await Promise.race([once(this.child, "exit"), new Promise<void>((resolve) => (this.#news = resolve))]);
    }
  }

  async ended(): Promise<Outcome> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "close");
    return { code: this.child.exitCode, out: this.#out, said: this.#said };
  }
}

/** Runs it to its end. */
export function listen(cwd: string, args: readonly string[], first?: string): Promise<Outcome> {
  return new Listen(cwd, args, first).ended();
}
