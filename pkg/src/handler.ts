/** The user's code: what receives changes and judges them. */

import { Trapped } from "./errors.js";
import { completeVerdicts } from "./say.js";
import type { Batch, Change, Judgement, Verdict, Verdicts } from "./wasm/b24_offline_wasm.js";

/** What a handler gets beside the batch. */
export interface Delivery {
  /** Aborted when the queue has ended and the answer is not waited for any more: its changes come again. */
  readonly signal: AbortSignal;
  /** Reports that the handler failed on so many changes; what becomes of them its verdicts say. */
  failed(changes: number, why: string): void;
}

/**
 * Makes the changes of a batch safe in the other system, and says which of them are. It takes as long as it takes;
 * meanwhile its objects are not delivered again. Up to four batches are handled side by side, no object in two of
 * them. What throws, leaves changes unnamed or names others has those changes given to it again.
 */
export type BatchHandler = (batch: Batch, delivery: Delivery) => Promise<Verdicts> | Verdicts;

/** A handler that also hears when its verdicts have been taken. */
export interface Handler {
  handle: BatchHandler;
  /** Called when the verdicts of a batch have been taken: the place to start what should follow. */
  judged?(batch: Batch, verdicts: Verdicts): void;
}

/** The change is safe in the other system. */
export const done: Verdict = "done";

/** Gives the change again, after so many milliseconds, or after a growing delay. */
export function retry(after: number | null = null): Verdict {
  return { retry: { after } };
}

/** Gives the change up; the reason is reported. */
export function reject(reason: string): Verdict {
  return { reject: { reason } };
}

/**
 * Makes a handler of a function that judges one change. One after the other of a batch is given to it; `atOnce`
 * raises that. What it throws is a failure of its change only.
 */
export function each(
  judge: (change: Change, delivery: Delivery) => Promise<Verdict> | Verdict,
  { atOnce = 1 }: { atOnce?: number } = {},
): BatchHandler {
  return async (batch, delivery) => {
    const waiting = batch.changes.values();
    const some: Judgement[] = [];
    const worker = async () => {
      for (const change of waiting) {
        try {
          const verdict: unknown = await judge(change, delivery);
          if (!isVerdict(verdict)) throw new TypeError(`it answered ${shown(verdict)}, which is no verdict`);
          some.push({ key: change.key, verdict });
        } catch (error) {
          delivery.failed(1, words(error));
        }
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, atOnce) }, worker));
    return { some };
  };
}

/** Lets the handler judge a batch; whatever it does, each change gets exactly one verdict. */
export async function judge(handle: BatchHandler, batch: Batch, delivery: Delivery): Promise<Verdicts> {
  try {
    // the batch is the handler's own, to be used up
    const answer = await handle(structuredClone(batch), delivery);
    const { verdicts, wrong } = completeVerdicts(batch, answer);
    if (wrong !== null) delivery.failed(batch.changes.length, wrong);
    return verdicts;
  } catch (error) {
    if (error instanceof Trapped) throw error;
    delivery.failed(batch.changes.length, words(error));
    return { all: { verdict: retry(), except: [] } };
  }
}

function isVerdict(value: unknown): value is Verdict {
  return value === "done" || (typeof value === "object" && value !== null && ("retry" in value || "reject" in value));
}

function shown(value: unknown): string {
  return typeof value === "string" ? `'${value}'` : typeof value === "object" ? "an object" : String(value);
}

/** What was thrown, in one line. */
export function words(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.replace(/\p{Cc}/gu, " ");
}
