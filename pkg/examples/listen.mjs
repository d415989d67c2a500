#!/usr/bin/env node
// Drains a queue and hands each change to a handler: the whole of b24-offline in one small program.
// `node listen.mjs --help` has the options.

import { realpathSync } from "node:fs";
import { Endpoint, JournalError, Queue, init } from "b24-offline";
import { FileJournal, OAuthFile } from "b24-offline/node";
import { Exec } from "./listen/exec.mjs";
import { codeOf } from "./listen/exit-codes.mjs";
import { FollowUp } from "./listen/follow-up.mjs";
import { HELP } from "./listen/help.mjs";
import { Log } from "./listen/log.mjs";
import { configure, parse } from "./listen/options.mjs";
import { Signals } from "./listen/signals.mjs";
import { StdoutLines } from "./listen/stdout-lines.mjs";

/** @import { Options } from "./listen/options.mjs" */

const NO_JOURNAL =
  "there is no journal: nothing is lost, but a restart delivers again what was in hand and drives parked changes " +
  "again; give --journal PATH to avoid that";

/**
 * @param {string} one
 * @param {string} other
 */
function isSameFile(one, other) {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    // a journal is made where there is none
    return false;
  }
}

/**
 * @param {Options} options
 * @param {Log} log
 */
async function open(options, log) {
  const endpoint = Endpoint.parse(options.endpoint, { allowHttp: options.allowHttp });
  const auth = await OAuthFile.open(options.auth, endpoint);
  log.hide(auth);
  if (options.journal !== undefined && isSameFile(options.journal, options.auth)) {
    throw new JournalError("the journal and the auth file are one file; name another journal");
  }
  const journal = options.journal === undefined ? undefined : await FileJournal.open(options.journal);
  const queue = await Queue.open({
    auth,
    events: options.events,
    connector: options.connector,
    journal,
    untilEmpty: options.untilEmpty,
    configure: (config) => configure(config, options),
    onNotice: (report) => log.report(report),
  });
  if (journal === undefined) log.info(NO_JOURNAL);
  return queue;
}

/**
 * @param {Options} options
 * @param {Queue} queue
 * @param {Signals} signals
 * @param {Log} log
 */
async function drain(options, queue, signals, log) {
  const exec = options.exec === undefined ? undefined : new Exec(options.exec, log);
  const lines = new StdoutLines(queue);
  const followUp = new FollowUp(queue, options.writeBack, log);
  const running = queue.run({
    handle: (batch) => (exec ?? lines).handle(batch),
    judged: (batch, verdicts) => followUp.judged(batch, verdicts),
  });
  const ended = running.then(
    () => 0,
    (error) => codeOf(error, log),
  );
  const code = await Promise.race([ended.then((ended) => followUp.finish(ended)), signals.obeyed(queue)]);
  exec?.endAll();
  if (lines.refused === undefined) return code;
  log.error(`${lines.refused}; the lines that were not taken come again at the next start`);
  return 1;
}

/** @returns {Promise<number>} the exit code */
async function main() {
  const options = parse(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(HELP);
    return 0;
  }
  if ("wrong" in options) {
    new Log(options.log).error(options.wrong);
    return 2;
  }
  const log = new Log(options.log);
  // before the first reservation, so that no signal ends the program without settling
  const signals = new Signals(log);
  await init();
  let queue;
  try {
    queue = await open(options, log);
  } catch (error) {
    return codeOf(error, log);
  }
  return drain(options, queue, signals, log);
}

const code = await main();
// a handler that was given up, or a full pipe, must not keep the program from ending
process.exit(code);
