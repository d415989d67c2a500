import {
  AuthFileError,
  ConfigError,
  EndpointError,
  InvalidValue,
  JournalError,
  JournalInUse,
  QueueFailed,
} from "b24-offline";

/** @import { Log } from "./log.mjs" */

const CONFIGURED = [AuthFileError, ConfigError, EndpointError, InvalidValue, JournalError];

/**
 * The exit code of an error: 5 for a journal in use, 2 for all that the user configured, the failure's own, 1 for the
 * rest, which is a mistake of the program's and shown as such.
 *
 * @param {unknown} error
 * @param {Log} log
 */
export function codeOf(error, log) {
  // a failure was reported by the machine's own notice
  if (error instanceof QueueFailed) return error.exitCode;
  if (error instanceof JournalInUse || CONFIGURED.some((kind) => error instanceof kind)) {
    log.error(/** @type {Error} */ (error).message);
    return error instanceof JournalInUse ? 5 : 2;
  }
  log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}
