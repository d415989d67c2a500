import { writeSync } from "node:fs";

/** @import { Report, Severity } from "b24-offline" */
/** @import { OAuthFile } from "b24-offline/node" */

/** How often a full pipe is tried again before a line is given up. */
const TRIES = 200;
const LOUD = { info: "", warning: "warning: ", error: "error: " };

/** Notices on standard error, one line each, never a token in them. */
export class Log {
  #form;
  /** @type {OAuthFile | undefined} */
  #auth;

  /** @param {"text" | "json"} form */
  constructor(form) {
    this.#form = form;
  }

  /**
   * From here on, tokens and secrets of this file are hidden, should a portal repeat them.
   *
   * @param {OAuthFile} auth
   */
  hide(auth) {
    this.#auth = auth;
  }

  /** @param {Report} report */
  report({ severity, sentence, notice }) {
    this.#write(severity, sentence, notice);
  }

  /** @param {string} sentence */
  info(sentence) {
    this.#write("info", sentence, {});
  }

  /** @param {string} sentence */
  warning(sentence) {
    this.#write("warning", sentence, {});
  }

  /** @param {string} sentence */
  error(sentence) {
    this.#write("error", sentence, {});
  }

  /**
   * @param {Severity} severity
   * @param {string} sentence
   * @param {object} fields
   */
  #write(severity, sentence, fields) {
    const line =
      this.#form === "json"
        ? JSON.stringify({ ...fields, at: Date.now(), severity, message: sentence })
        : `b24-offline: ${LOUD[severity]}${sentence.replace(/\p{Cc}/gu, " ")}`;
    put(`${this.#auth?.redact(line) ?? line}\n`);
  }
}

/**
 * Not through `process.stderr`, which would make the pipe non-blocking for the handlers that share it.
 *
 * @param {string} line
 */
function put(line) {
  let left = Buffer.from(line);
  for (let tries = 0; left.byteLength > 0 && tries < TRIES; tries += 1) {
    try {
      left = left.subarray(writeSync(2, left));
    } catch (error) {
      // nobody is left to be told that standard error is closed
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EAGAIN") return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
