import { spawn } from "node:child_process";
import { constants } from "node:os";
import { changeLine, verdictsFromHandlerOutput } from "b24-offline";

/** @import { ChildProcessByStdio } from "node:child_process" */
/** @import { Readable, Writable } from "node:stream" */
/** @import { Batch, Verdicts } from "b24-offline" */
/** @import { Log } from "./log.mjs" */
/** @typedef {ChildProcessByStdio<Writable, Readable, null>} Child */

const MIB = 1024 * 1024;
/** The most that is read of a program's answer, in bytes. */
const MOST_OUTPUT = 4 * MIB;

/**
 * `--exec`: a program of the user's for each batch, started through the shell in a process group of its own: a signal
 * from the terminal ends this program in an orderly way and lets the handler finish.
 */
export class Exec {
  #command;
  #log;
  /** The programs that have not ended. @type {Set<Child>} */
  #running = new Set();

  /**
   * @param {string} command
   * @param {Log} log
   */
  constructor(command, log) {
    this.#command = command;
    this.#log = log;
  }

  /**
   * What it throws is a failure of the whole batch.
   *
   * @param {Batch} batch
   * @returns {Promise<Verdicts>}
   */
  async handle(batch) {
    const child = shell(this.#command);
    this.#running.add(child);
    try {
      const [output] = await Promise.all([read(child), ended(child), feed(child, batch)]);
      return verdictsFromHandlerOutput(batch, text(output));
    } finally {
      this.#running.delete(child);
    }
  }

  /** Tells the programs that are given up to end. */
  endAll() {
    for (const { pid } of this.#running) {
      if (pid === undefined) continue;
      const became = endGroup(pid) ? "was told to end (SIGTERM)" : "still runs";
      this.#log.warning(`the handler that is process ${pid} ${became}; its changes will be delivered again`);
    }
  }
}

/**
 * @param {string} command
 * @returns {Child}
 */
function shell(command) {
  /** @type {["pipe", "pipe", "inherit"]} */
  const stdio = ["pipe", "pipe", "inherit"];
  return process.platform === "win32"
    ? spawn(command, { stdio, shell: true })
    : spawn("sh", ["-c", command], { stdio, detached: true });
}

/**
 * @param {Child} child
 * @returns {Promise<void>}
 */
function ended(child) {
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Error(`it could not be started: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve();
      else if (signal === null) reject(new Error(`exit status: ${code}`));
      else reject(new Error(`signal: ${constants.signals[signal]} (${signal})`));
    });
  });
}

/**
 * @param {Child} child
 * @param {Batch} batch
 * @returns {Promise<void>}
 */
function feed({ stdin }, batch) {
  return new Promise((resolve) => {
    stdin.on("close", resolve);
    // a program that does not read to the end says by its exit whether that was right
    stdin.on("error", () => resolve());
    stdin.end(batch.changes.map((change) => `${changeLine(change)}\n`).join(""));
  });
}

/**
 * Reads to the end, so that the program can end, and keeps no more than is taken.
 *
 * @param {Child} child
 * @returns {Promise<Buffer[]>}
 */
function read({ stdout }) {
  return new Promise((resolve, reject) => {
    /** @type {Buffer[]} */
    const chunks = [];
    let length = 0;
    stdout.on("data", (/** @type {Buffer} */ chunk) => {
      if (length <= MOST_OUTPUT) chunks.push(chunk);
      length += chunk.byteLength;
    });
    stdout.on("error", (error) => reject(new Error(`its output could not be read: ${error.message}`)));
    stdout.on("close", () => resolve(chunks));
  });
}

/** @param {Buffer[]} chunks */
function text(chunks) {
  const bytes = Buffer.concat(chunks);
  if (bytes.byteLength > MOST_OUTPUT) throw new Error(`it printed more than ${MOST_OUTPUT / MIB} MiB`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("its output is not UTF-8");
  }
}

/**
 * Sends SIGTERM to a process group; `false` where that can't be done.
 *
 * @param {number} group
 */
function endGroup(group) {
  if (process.platform === "win32") return false;
  try {
    return process.kill(-group, "SIGTERM");
  } catch {
    return false;
  }
}
