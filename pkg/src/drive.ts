/** The drive loop: carries out what the machine says and tells it what happened. */

import type { Clock } from "./clock.js";
import type { Happened, Mailbox } from "./mailbox.js";
import type { Batch, Call, Effect, End, Input, Notice, Reply, Save, SaveOutcome } from "./wasm/b24_offline_wasm.js";
import type { Status, Step, Verdicts, Written } from "./wasm/b24_offline_wasm.js";

/** What the loop works with. */
export interface Parts {
  machine: { handle(input: Input, now: number): Step; status(): Status };
  clock: Clock;
  mailbox: Mailbox;
  send(call: Call): Promise<Reply>;
  judge(batch: Batch): Promise<Verdicts>;
  judged(batch: Batch, verdicts: Verdicts): void;
  save(save: Save): Promise<SaveOutcome>;
  written(written: Written): void;
  notice(notice: Notice): void;
  status(status: Status): void;
}

/** Runs until the machine ends. */
export async function drive(parts: Parts): Promise<End> {
  const { machine, clock, mailbox } = parts;
  let happened: Happened = { input: "tick" };
  for (;;) {
    const step = machine.handle(happened.input, clock.now());
    happened.after?.();
    for (const effect of step.effects) carryOut(parts, effect);
    const status = machine.status();
    parts.status(status);
    if (typeof status.phase === "object") return status.phase.ended;
    happened = await mailbox.next(clock, step.wake_at?.at ?? Infinity);
  }
}

function carryOut(parts: Parts, effect: Effect): void {
  const { mailbox } = parts;
  if ("call" in effect) mailbox.expect(replied(parts, effect.call));
  else if ("deliver" in effect) mailbox.expect(judged(parts, effect.deliver));
  else if ("save" in effect) mailbox.expect(saved(parts, effect.save));
  else if ("written" in effect) parts.written(effect.written);
  else parts.notice(effect.notice);
}

async function replied(parts: Parts, call: Call): Promise<Happened> {
  return { input: { replied: { call: call.id, reply: await parts.send(call) } } };
}

async function judged(parts: Parts, batch: Batch): Promise<Happened> {
  const verdicts = await parts.judge(batch);
  return { input: { judged: { batch: batch.id, verdicts } }, after: () => parts.judged(batch, verdicts) };
}

async function saved(parts: Parts, save: Save): Promise<Happened> {
  return { input: { saved: { save: save.id, outcome: await parts.save(save) } } };
}
