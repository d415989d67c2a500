import { parseArgs } from "node:util";

/** @import { ParseArgsConfig } from "node:util" */
/** @import { Config, Limits, Mode, OnReject, Retrieve } from "b24-offline" */

/**
 * @typedef {object} Options
 * @property {string} endpoint
 * @property {boolean} allowHttp
 * @property {string} auth
 * @property {string | undefined} connector
 * @property {string[]} events
 * @property {string | undefined} journal
 * @property {string | undefined} exec
 * @property {boolean} untilEmpty
 * @property {number | undefined} poll milliseconds
 * @property {number | undefined} sweep milliseconds
 * @property {number | undefined} retryDelay milliseconds
 * @property {number | undefined} attempts
 * @property {Limits} limits
 * @property {OnReject} onReject
 * @property {Mode} mode
 * @property {Retrieve} retrieve
 * @property {number | undefined} batchSize
 * @property {string | undefined} writeBack
 * @property {"text" | "json"} log
 */

/**
 * @typedef {object} Refusal
 * @property {string} wrong what is wrong, in a sentence
 * @property {"text" | "json"} log the form in which to tell it
 */

/** Wrong usage, in a sentence. */
class Wrong extends Error {}

const OPTIONS = /** @satisfies {NonNullable<ParseArgsConfig["options"]>} */ ({
  endpoint: { type: "string" },
  "allow-http": { type: "boolean" },
  auth: { type: "string" },
  connector: { type: "string" },
  event: { type: "string", multiple: true },
  journal: { type: "string" },
  jsonl: { type: "boolean" },
  exec: { type: "string" },
  "until-empty": { type: "boolean" },
  poll: { type: "string" },
  sweep: { type: "string" },
  "retry-delay": { type: "string" },
  attempts: { type: "string" },
  limits: { type: "string" },
  "on-reject": { type: "string" },
  mode: { type: "string" },
  retrieve: { type: "string" },
  "batch-size": { type: "string" },
  "write-back": { type: "string" },
  log: { type: "string" },
  help: { type: "boolean", short: "h" },
});

/**
 * Reads the command line: the options, `"help"`, or what is wrong with it.
 *
 * @param {string[]} args
 * @returns {Options | Refusal | "help"}
 */
export function parse(args) {
  /** @type {Refusal["log"]} */
  let log = "text";
  try {
    const given = read(args);
    if (given.help === true) return "help";
    log = form(given.log);
    const options = checked(given);
    checkTogether(given, options);
    return options;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return { wrong: `${error.message}; --help has the options`, log };
  }
}

/**
 * Changes what was given; the journal, the events and the connector are told to the queue.
 *
 * @param {Config} config
 * @param {Options} options
 */
export function configure(config, options) {
  config.poll = options.poll ?? config.poll;
  config.sweep = options.sweep ?? config.sweep;
  config.retry.first_delay = options.retryDelay ?? config.retry.first_delay;
  config.retry.attempts = options.attempts ?? config.retry.attempts;
  if (options.batchSize !== undefined) config.batch_size = { fixed: options.batchSize };
  config.limits = options.limits;
  config.on_reject = options.onReject;
  config.mode = options.mode;
  config.retrieve = options.retrieve;
}

/** @param {string[]} args */
function read(args) {
  try {
    const { values, tokens } = parseArgs({ args, options: OPTIONS, tokens: true });
    const seen = new Set();
    for (const token of tokens) {
      if (token.kind !== "option" || token.name === "event") continue;
      if (seen.has(token.name)) throw new Wrong(`--${token.name} is given twice; give it once`);
      seen.add(token.name);
    }
    return values;
  } catch (error) {
    if (error instanceof Wrong || !(error instanceof TypeError)) throw error;
    throw new Wrong(error.message.replace(/\s+/g, " ").replace(/\.$/, ""));
  }
}

/**
 * @param {ReturnType<typeof read>} given
 * @returns {Options}
 */
function checked(given) {
  return {
    endpoint: required(given.endpoint, "endpoint", "URL"),
    allowHttp: given["allow-http"] === true,
    auth: required(given.auth, "auth", "FILE"),
    connector: given.connector,
    events: required(given.event, "event", "NAME"),
    journal: given.journal,
    exec: given.exec,
    untilEmpty: given["until-empty"] === true,
    poll: seconds(given.poll, "poll"),
    sweep: seconds(given.sweep, "sweep"),
    retryDelay: seconds(given["retry-delay"], "retry-delay"),
    attempts: count(given.attempts, "attempts"),
    limits: oneOf(given.limits, "limits", ["standard", "enterprise", "off"]),
    onReject: oneOf(given["on-reject"], "on-reject", ["park", "register"]),
    mode: oneOf(given.mode, "mode", ["auto", "reserve", "delete"]),
    retrieve: oneOf(given.retrieve, "retrieve", ["list", "get", "none"]),
    batchSize: count(given["batch-size"], "batch-size"),
    writeBack: given["write-back"],
    log: form(given.log),
  };
}

/**
 * What is wrong with options that make no sense together, or no sense at all.
 *
 * @param {ReturnType<typeof read>} given
 * @param {Options} options
 */
function checkTogether(given, options) {
  if (given.jsonl === true && options.exec !== undefined) {
    throw new Wrong("--jsonl and --exec are both given; give one of them");
  }
  if (given.jsonl !== true && options.exec === undefined) {
    throw new Wrong(
      "nothing would receive the changes; give --jsonl to print them, or --exec COMMAND to run a program for each batch",
    );
  }
  if (options.journal === "") {
    throw new Wrong("the path of --journal is empty; name a file, or leave the option out");
  }
  if (options.exec?.trim() === "") {
    throw new Wrong("the command of --exec is empty, so every change would count as done; name a program");
  }
  if (options.writeBack?.trim() === "") {
    throw new Wrong("the field of --write-back is empty; name one, or leave the option out");
  }
  if (options.writeBack !== undefined && options.retrieve === "none") {
    throw new Wrong("--write-back writes what was read, and --retrieve none reads nothing; leave one of them out");
  }
}

/**
 * @template T
 * @param {T | undefined} value
 * @param {string} option
 * @param {string} what
 * @returns {T}
 */
function required(value, option, what) {
  if (value === undefined) throw new Wrong(`--${option} ${what} is missing; give it`);
  return value;
}

/**
 * @template {string} T
 * @param {string | undefined} value
 * @param {string} option
 * @param {[T, ...T[]]} choices the first is the default
 * @returns {T}
 */
function oneOf(value, option, choices) {
  if (value === undefined) return choices[0];
  const chosen = choices.find((choice) => choice === value);
  if (chosen === undefined) throw new Wrong(`--${option} takes ${choices.join(", ")}, not '${value}'`);
  return chosen;
}

/** @param {string | undefined} value */
function form(value) {
  return oneOf(value, "log", /** @type {["text", "json"]} */ (["text", "json"]));
}

/**
 * @param {string | undefined} value
 * @param {string} option
 * @returns {number | undefined} milliseconds
 */
function seconds(value, option) {
  if (value === undefined) return undefined;
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : NaN;
  if (Number.isNaN(number)) throw new Wrong(`--${option}: '${value}' is not a number of seconds`);
  if (number < 0 || number > 1e9) throw new Wrong(`--${option} takes seconds from 0 on, fractions allowed`);
  return Math.round(number * 1_000);
}

/**
 * @param {string | undefined} value
 * @param {string} option
 * @returns {number | undefined}
 */
function count(value, option) {
  if (value === undefined) return undefined;
  if (!/^\d{1,10}$/.test(value) || Number(value) > 0xffff_ffff) {
    throw new Wrong(`--${option}: '${value}' is not a whole number from 0 on`);
  }
  return Number(value);
}
