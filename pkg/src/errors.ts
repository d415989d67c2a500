/** The errors of this package: each has its class and its `name`, and says in a sentence what to do. */

import type { Failure } from "./wasm/b24_offline_wasm.js";

/** What all errors of this package have in common. */
export class B24OfflineError extends Error {
  // a field of each class, because minifiers rename classes
  override readonly name: string = "B24OfflineError";
}

/** The wasm is not there: `init()` was not awaited, or it failed. */
export class NotInitialized extends B24OfflineError {
  override readonly name: string = "NotInitialized";
}

/** The configuration can't work, or the journal is another queue's. */
export class ConfigError extends B24OfflineError {
  override readonly name: string = "ConfigError";
}

/** A text that is no name of an event or no connector. */
export class InvalidValue extends B24OfflineError {
  override readonly name: string = "InvalidValue";
}

/** A value of another shape than its type says. */
export class WrongShape extends B24OfflineError {
  override readonly name: string = "WrongShape";
}

/** A line that a handler program printed and that is no verdict. */
export class NotAVerdict extends B24OfflineError {
  override readonly name: string = "NotAVerdict";
}

/** A call that no transport sends. */
export class NotSendable extends B24OfflineError {
  override readonly name: string = "NotSendable";
}

/** The contract of the machine or of a queue was broken; nothing has changed. */
export class Misuse extends B24OfflineError {
  override readonly name: string = "Misuse";
}

/** The machine or the queue has been closed. */
export class Freed extends Misuse {
  override readonly name: string = "Freed";
}

/** The machine was called while it was at work. */
export class Reentered extends Misuse {
  override readonly name: string = "Reentered";
}

/** A queue was run twice. */
export class RunTwice extends Misuse {
  override readonly name: string = "RunTwice";
}

/** The wasm stopped in the middle of its work, which is a mistake in b24-offline; it can't be used any more. */
export class Trapped extends B24OfflineError {
  override readonly name: string = "Trapped";
}

/** An address that is not used. */
export class EndpointError extends B24OfflineError {
  override readonly name: string = "EndpointError";
}

/** An auth file that is not used. */
export class AuthFileError extends B24OfflineError {
  override readonly name: string = "AuthFileError";
}

/**
 * There is no valid token; the text holds no secrets. `network`: it could not be got or kept just now, later it may
 * work. `sign_in_again`: none can be had until a person signs in again.
 */
export class AuthError extends B24OfflineError {
  override readonly name: string = "AuthError";

  readonly kind: "network" | "sign_in_again";

  constructor(kind: "network" | "sign_in_again", why: string) {
    super(why);
    this.kind = kind;
  }
}

/** A journal that can't be used. */
export class JournalError extends B24OfflineError {
  override readonly name: string = "JournalError";
}

/** Another process, or another tab, has the journal. */
export class JournalInUse extends JournalError {
  override readonly name: string = "JournalInUse";
}

/** A write that was not tried, or whose queue ended before there was a result: then it was perhaps executed. */
export class WriteError extends B24OfflineError {
  override readonly name: string = "WriteError";
}

/** The queue can't go on without a person; nothing is lost. */
export class QueueFailed extends B24OfflineError {
  override readonly name: string = "QueueFailed";

  /** What is wrong. */
  readonly failure: Failure;
  /** The exit code of the `listen` programs. */
  readonly exitCode: number;

  constructor(failure: Failure, sentence: string, exitCode: number) {
    super(sentence);
    this.failure = failure;
    this.exitCode = exitCode;
  }
}
