/** What a queue tells a person. */

import { noticeSentence, noticeSeverity } from "./say.js";
import type { Notice, Severity } from "./wasm/b24_offline_wasm.js";

/** The handler threw, or answered what makes no sense; that was an attempt of its changes. */
export interface HandlerFailed {
  notice: "handler_failed";
  /** How many changes. */
  changes: number;
  /** What was wrong. */
  why: string;
}

/** Something a person may want to know. */
export interface Report {
  /** How loud it is. */
  severity: Severity;
  /** One sentence without secrets. */
  sentence: string;
  /** The same for programs. */
  notice: Notice | HandlerFailed;
}

/** Tells of a notice of the machine's. */
export function reportOf(notice: Notice): Report {
  return { severity: noticeSeverity(notice), sentence: noticeSentence(notice), notice };
}

/** Tells of a handler that failed. */
export function handlerFailed(changes: number, why: string): Report {
  const noun = changes === 1 ? "change" : "changes";
  const sentence = `the handler failed on ${changes} ${noun}: ${why}`;
  return { severity: "warning", sentence, notice: { notice: "handler_failed", changes, why } };
}
