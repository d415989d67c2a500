/** The queue as a user's program sees it. */

import type { AuthSource } from "./auth.js";
import { type Clock, systemClock } from "./clock.js";
import { drive } from "./drive.js";
import { portalOf } from "./endpoint.js";
import { Freed, Misuse, QueueFailed, RunTwice, WriteError } from "./errors.js";
import { type BatchHandler, type Handler, judge } from "./handler.js";
import { type HttpSettings, cause } from "./http.js";
import type { Journal } from "./journal.js";
import { Machine } from "./machine.js";
import { Mailbox } from "./mailbox.js";
import { type Report, handlerFailed, reportOf } from "./report.js";
import { connector, defaultConfig, exitCode, failureSentence } from "./say.js";
import { HttpTransport, type Transport } from "./transport.js";
import type {
  Batch,
  Config,
  End,
  Redrive,
  Save,
  SaveOutcome,
  Status,
  Verdicts,
  WriteResult,
} from "./wasm/b24_offline_wasm.js";

/** What a queue is opened with. */
export interface QueueOptions {
  /** The authorisation, which also names the portal. */
  auth: AuthSource;
  /** Events to be recorded and delivered, such as `ONCRMDEALUPDATE`; at least one. */
  events: readonly string[];
  /** The source key: a queue of its own that leaves out this program's own writes. */
  connector?: string | undefined;
  /** Where the machine keeps what has to outlive a restart; the queue closes it. Without one nothing is kept. */
  journal?: Journal | undefined;
  /** Ends the run by itself when the queue is empty. */
  untilEmpty?: boolean | undefined;
  /** Changes anything else of the configuration. */
  configure?: ((config: Config) => void) | undefined;
  /** Called with everything a person may want to know; it should return at once. What it throws ends the run. */
  onNotice?: ((report: Report) => void) | undefined;
  /** How HTTP is spoken. */
  http?: HttpSettings | undefined;
  /** What sends the calls instead; HTTP with the authorisation's token by default. */
  transport?: Transport | undefined;
  /** Where the time comes from; the system's clock by default. */
  clock?: Clock | undefined;
  /** What the jitter of back-offs is made of; random by default. */
  seed?: bigint | undefined;
}

interface Open {
  method: string;
  resolve(result: WriteResult): void;
  reject(error: WriteError): void;
}

/**
 * The offline-event queue of one application on one portal.
 *
 * A queue that is closed, or whose program ends, in the middle of its work is the same as a crash: the next start on
 * the same journal carries on without loss.
 */
export class Queue {
  readonly #auth: AuthSource;
  readonly #machine: Machine;
  readonly #transport: Transport;
  readonly #journal: Journal | undefined;
  readonly #clock: Clock;
  readonly #onNotice: (report: Report) => void;
  readonly #mailbox = new Mailbox();
  readonly #over = new AbortController();
  readonly #writes = new Map<number, Open>();
  #nextWrite = 1;
  #status: Status;
  #state: "opened" | "running" | "ended" = "opened";
  #closed: Promise<void> | undefined;

  private constructor(options: QueueOptions, machine: Machine) {
    this.#auth = options.auth;
    this.#machine = machine;
    this.#transport = options.transport ?? new HttpTransport(options.auth, options.http);
    this.#journal = options.journal;
    this.#clock = options.clock ?? systemClock;
    this.#onNotice = options.onNotice ?? (() => undefined);
    this.#status = machine.status();
  }

  /**
   * Checks everything; nothing is sent yet. Where it refuses, the journal is closed and unchanged.
   *
   * @throws InvalidValue for a wrong name of an event or connector
   * @throws ConfigError when the configuration can't work or the journal is another queue's
   */
  static async open(options: QueueOptions): Promise<Queue> {
    try {
      const contents = options.journal?.contents() ?? { entries: [], condition: "intact" };
      const seed = options.seed ?? (crypto.getRandomValues(new BigUint64Array(1))[0] as bigint);
      const now = (options.clock ?? systemClock).now();
      return new Queue(options, new Machine(configOf(options), contents, seed, now));
    } catch (error) {
      await options.journal?.close();
      throw error;
    }
  }

  /**
   * Drains the queue until {@link stop}, or until it is empty where that was asked for; then the queue is closed. A
   * function gets whole batches; {@link each} makes one of a function for single changes.
   *
   * @throws QueueFailed when it can't go on without a person
   * @throws RunTwice when it runs or has run
   * @throws Freed when it was or is closed
   */
  async run(handler: Handler | BatchHandler): Promise<End> {
    if (this.#closed !== undefined && this.#state === "opened") throw freed();
    if (this.#state !== "opened") throw new RunTwice("a queue runs once; open another one on the same journal");
    this.#state = "running";
    const given: Handler = typeof handler === "function" ? { handle: handler } : handler;
    try {
      return this.#ended(await this.#drive(given));
    } catch (error) {
      throw error instanceof Misuse && !(error instanceof Freed) ? broken(error) : error;
    } finally {
      this.#state = "ended";
      await this.close();
    }
  }

  /** Says that there may be new records: they are looked for at once. */
  nudge(): void {
    this.#mailbox.command("nudge");
  }

  /** Drives parked objects again: all, or those named. */
  redrive(which: Redrive = "all"): void {
    this.#mailbox.command({ redrive: which });
  }

  /**
   * Ends the run: nothing new is reserved, the running handlers are waited for (30 s at most), what was judged is
   * settled.
   */
  stop(): void {
    this.#mailbox.command("stop");
  }

  /**
   * Calls a modifying method with the queue's connector, so that the change does not come back, within the queue's
   * budget of requests. `params` is an object, or the JSON text of one, which is sent as it is. The write is queued
   * when this is called; it is never repeated.
   *
   * @throws WriteError when it was not tried, or the queue ended first
   */
  async write(method: string, params: object | string): Promise<WriteResult> {
    const text = typeof params === "string" ? params : JSON.stringify(params);
    if (!isObject(text)) throw new WriteError(`the parameters of ${method} are not the JSON text of an object`);
    if (this.#state === "ended" || this.#closed !== undefined) throw unfinished(method);
    const write = this.#nextWrite++;
    const result = new Promise<WriteResult>((resolve, reject) => {
      this.#writes.set(write, { method, resolve, reject });
    });
    this.#mailbox.command({ write: { write, method, params: text } });
    return result;
  }

  /** How the queue is doing; cheap. */
  status(): Status {
    return this.#status;
  }

  /**
   * Gives everything back, the journal's lock included. In the middle of a run that is the same as a crash: the run
   * rejects with {@link Freed}.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.dispose](): void {
    // what fails here would have nobody to hear it; close() tells
    this.close().catch(() => undefined);
  }

  #drive(handler: Handler): Promise<End> {
    return drive({
      machine: this.#machine,
      clock: this.#clock,
      mailbox: this.#mailbox,
      send: (call) => this.#transport.send(call, this.#over.signal),
      judge: (batch) => this.#judge(handler, batch),
      judged: (batch, verdicts) => handler.judged?.(batch, verdicts),
      save: (save) => this.#save(save),
      written: ({ write, result }) => {
        this.#writes.get(write)?.resolve(result);
        this.#writes.delete(write);
      },
      notice: (notice) => this.#onNotice(reportOf(notice)),
      status: (status) => {
        this.#status = status;
      },
    });
  }

  #judge(handler: Handler, batch: Batch): Promise<Verdicts> {
    const failed = (changes: number, why: string) => {
      // once the run has ended there is nobody to tell
      if (!this.#over.signal.aborted) this.#tell(handlerFailed(changes, why));
    };
    return judge((given, delivery) => handler.handle(given, delivery), batch, { signal: this.#over.signal, failed });
  }

  /** A report from outside the loop; what the user's function throws ends the run all the same. */
  #tell(report: Report): void {
    try {
      this.#onNotice(report);
    } catch (error) {
      this.#mailbox.break(error);
    }
  }

  async #save(save: Save): Promise<SaveOutcome> {
    if (this.#journal === undefined) return { failed: { why: "there is no journal" } };
    try {
      await this.#journal.save(save);
      return "done";
    } catch (error) {
      return { failed: { why: cause(error) } };
    }
  }

  #ended(end: End): End {
    if (typeof end === "string") return end;
    throw new QueueFailed(end.failed, failureSentence(end.failed), exitCode(end));
  }

  async #close(): Promise<void> {
    this.#over.abort();
    if (this.#state === "running") this.#mailbox.break(freed());
    for (const { method, reject } of this.#writes.values()) reject(unfinished(method));
    this.#writes.clear();
    // a call from inside the machine's own would find it at work
    await Promise.resolve();
    this.#machine.free();
    await Promise.all([this.#journal?.close(), this.#auth.settled?.()]);
  }
}

function configOf(options: QueueOptions): Config {
  const config = defaultConfig(portalOf(options.auth.baseUrl), [...options.events]);
  if (options.connector !== undefined) config.connector = connector(options.connector);
  config.journal = options.journal === undefined ? "none" : "durable";
  if (options.untilEmpty === true) config.until = "empty";
  options.configure?.(config);
  return config;
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function freed(): Freed {
  return new Freed("the queue was closed; open another one on the same journal");
}

function unfinished(method: string): WriteError {
  return new WriteError(`the queue ended before the result of ${method} was known`);
}

function broken(error: Misuse): Misuse {
  const sentence = `the drive loop broke its contract, which is a mistake in b24-offline: ${error.message}`;
  return new Misuse(sentence, { cause: error });
}
