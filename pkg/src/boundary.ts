/** The one door to the wasm: whether it is there, whether it still works, and its errors as this package's own. */

import load, { type InitInput } from "./wasm/b24_offline_wasm.js";
import {
  B24OfflineError,
  ConfigError,
  InvalidValue,
  Misuse,
  NotAVerdict,
  NotInitialized,
  NotSendable,
  Trapped,
  WrongShape,
} from "./errors.js";

/** Where the wasm comes from: its address, a response with it, its bytes, or a compiled module. */
export type WasmSource = InitInput | Promise<InitInput>;

const CLASSES: Readonly<Record<string, new (message: string) => B24OfflineError>> = {
  ConfigError,
  InvalidValue,
  Misuse,
  NotAVerdict,
  NotSent: NotSendable,
  WrongShape,
};

let loading: Promise<void> | undefined;
let ready = false;
let trapped: string | undefined;

/** Loads the wasm once; a failed attempt may be repeated. */
export function initFrom(source: () => WasmSource | undefined): Promise<void> {
  loading ??= instantiate(source).catch((error: unknown) => {
    loading = undefined;
    throw notLoaded(error);
  });
  return loading;
}

async function instantiate(source: () => WasmSource | undefined): Promise<void> {
  const given = source();
  await load(given === undefined ? undefined : { module_or_path: given });
  ready = true;
}

function notLoaded(error: unknown): NotInitialized {
  const why = error instanceof Error ? error.message : String(error);
  const advice =
    error instanceof WebAssembly.CompileError && /content security policy|unsafe-eval/i.test(why)
      ? "the page's Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src"
      : `the wasm could not be loaded (${why}); see that its file is served, or give init() its address`;
  return new NotInitialized(advice, { cause: error });
}

/**
 * Calls into the wasm, with its errors as this package's own. A trap leaves its memory in an unknown state: it is
 * told of, and nothing is called any more.
 */
export function inside<R>(call: () => R): R {
  if (trapped !== undefined) throw new Trapped(trapped);
  if (!ready) throw new NotInitialized("the wasm is not loaded yet; call init() once at the start and await it");
  try {
    return call();
  } catch (error) {
    throw own(error);
  }
}

/** A plain copy: what an object of the caller's throws while it is read must not be thrown through the wasm. */
export function plain<T>(value: T): T {
  return typeof value === "string" ? value : structuredClone(value);
}

function own(error: unknown): unknown {
  if (error instanceof WebAssembly.RuntimeError) {
    trapped =
      `the wasm stopped in the middle of its work (${error.message}), which is a mistake in b24-offline; ` +
      "load the page or start the program again, nothing is lost";
    return new Trapped(trapped, { cause: error });
  }
  if (!(error instanceof Error)) return error;
  const known = Object.hasOwn(CLASSES, error.name) ? CLASSES[error.name] : undefined;
  return known === undefined || error instanceof B24OfflineError ? error : new known(error.message);
}
