import { verdictOf, whyNotWrittenBack, writeBack, writeTrouble } from "b24-offline";

/** @import { Batch, Change, Queue, Verdicts, WriteBack } from "b24-offline" */
/** @import { Log } from "./log.mjs" */

/** `--write-back`: after a change was judged done, a field of its object is written back. */
export class FollowUp {
  #queue;
  #field;
  #log;
  /** The writes that have no result yet. @type {Set<Promise<void>>} */
  #open = new Set();
  /** The kinds of whose objects nothing can be written back; each is told of once. @type {Set<string>} */
  #told = new Set();

  /**
   * @param {Queue} queue
   * @param {string | undefined} field
   * @param {Log} log
   */
  constructor(queue, field, log) {
    this.#queue = queue;
    this.#field = field;
    this.#log = log;
  }

  /**
   * @param {Batch} batch
   * @param {Verdicts} verdicts
   */
  judged(batch, verdicts) {
    const field = this.#field;
    if (field === undefined) return;
    for (const change of batch.changes) {
      if (verdictOf(verdicts, change.key) !== "done") continue;
      const call = writeBack(change, field, []);
      if (call === undefined) this.#tellWhyNot(change, field);
      else this.#write(change, call);
    }
  }

  /**
   * Waits until each write has its result, or its queue has ended; then gives back what it was given.
   *
   * @template T
   * @param {T} then
   */
  async finish(then) {
    await Promise.all(this.#open);
    return then;
  }

  /**
   * @param {Change} change
   * @param {string} field
   */
  #tellWhyNot(change, field) {
    const why = whyNotWrittenBack(change, field);
    if (why === undefined || this.#told.has(change.object.kind)) return;
    this.#told.add(change.object.kind);
    this.#log.warning(why);
  }

  /**
   * @param {Change} change
   * @param {WriteBack} call
   */
  #write({ object }, { method, params }) {
    const tell = (/** @type {string | undefined} */ trouble) => {
      if (trouble !== undefined) this.#log.warning(`the write-back of ${object.kind} ${object.id} ${trouble}`);
    };
    const writing = this.#queue.write(method, params).then(
      (result) => tell(writeTrouble(result)),
      (/** @type {Error} */ error) => tell(`has no result: ${error.message}`),
    );
    const open = writing.finally(() => this.#open.delete(open));
    this.#open.add(open);
  }
}
