/** What the core says of its own types: rules and sentences that are the same on every host. */

import { inside, plain } from "./boundary.js";
import * as wasm from "./wasm/b24_offline_wasm.js";

function said<A extends unknown[], R>(call: (...given: A) => R): (...given: A) => R {
  return (...given) => inside(() => call(...(given.map(plain) as A)));
}

/** A configuration with every default, for the portal of this name and these events; change its fields. */
export const defaultConfig = said(wasm.defaultConfig);
/** Checks a connector and gives it back. */
export const connector = said(wasm.connector);
/** The change as one line of JSON, without the line's end. */
export const changeLine = said(wasm.changeLine);
/** Reads what a handler program printed for a batch; throws `NotAVerdict` with the first line that is none. */
export const verdictsFromHandlerOutput = said(wasm.verdictsFromHandlerOutput);
/** Gives each change of the batch exactly one verdict, whatever the handler answered. */
export const completeVerdicts = said(wasm.completeVerdicts);
/** The verdict of the change with this key; undefined when it follows later. */
export const verdictOf = said(wasm.verdictOf);
/** The call that writes a field of a delivered object back; undefined where there is no such call. */
export const writeBack = said(wasm.writeBack);
/** Why there is no such call, where that is worth telling. */
export const whyNotWrittenBack = said(wasm.whyNotWrittenBack);
/** What went wrong with a write, to be put behind the name of what was written; undefined when it was executed. */
export const writeTrouble = said(wasm.writeTrouble);
/** A notice in one sentence, without secrets. */
export const noticeSentence = said(wasm.noticeSentence);
/** How loud a notice is. */
export const noticeSeverity = said(wasm.noticeSeverity);
/** A failure in one sentence that says what to do. */
export const failureSentence = said(wasm.failureSentence);
/** The exit code of the `listen` programs. */
export const exitCode = said(wasm.exitCode);
/** The body of a call with token and connector beside the parameters; throws `NotSendable`. */
export const requestBody = said(wasm.requestBody);
/** Whether an answer says that the token has expired. */
export const isExpired = said(wasm.isExpired);
/** The body of an answer without the token where it would be shown. */
export const withoutToken = said(wasm.withoutToken);
/** A text with every secret of 8 bytes or more replaced. */
export const withoutSecrets = said(wasm.withoutSecrets);
/** The version of the core. */
export const version = said(wasm.version);
