/** Sends the machine's calls and says what became of them. */

import type { AuthSource } from "./auth.js";
import { AuthError, NotSendable } from "./errors.js";
import { type Got, type HttpSettings, post } from "./http.js";
import { isExpired, requestBody, withoutToken } from "./say.js";
import type { Call, Reply } from "./wasm/b24_offline_wasm.js";

/**
 * Sends a call and tells the machine what became of it. Whoever implements it repeats nothing by itself, follows no
 * redirect, and answers `not_sent` only when the portal surely did not execute the call: in doubt it is `unknown`.
 * Several calls are open at once. A rejection is taken as a mistake of the program's own and ends the run.
 */
export interface Transport {
  /** Sends it; `signal` abandons it. */
  send(call: Call, signal: AbortSignal): Promise<Reply>;
}

/**
 * HTTP with the token of an {@link AuthSource}: JSON posted to the portal's REST base. An `expired_token` is met by one
 * renewal, shared by all open calls, and one repeat.
 */
export class HttpTransport implements Transport {
  readonly #auth: AuthSource;
  readonly #settings: HttpSettings;
  /** The token whose renewal was refused, and the words. */
  #refused: { token: string; why: string } | undefined;
  /** One renewal at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(auth: AuthSource, settings: HttpSettings = {}) {
    this.#auth = auth;
    this.#settings = settings;
  }

  async send(call: Call, signal: AbortSignal): Promise<Reply> {
    const until = performance.now() + call.timeout;
    const token = await settled(this.#auth.token());
    if ("reply" in token) return token.reply;
    const first = await this.#post(call, token.value, until, signal);
    if (!("answer" in first) || !isExpired(first.answer.status, first.answer.body)) return first;
    // refused for its token, the call was not executed
    const fresh = await within(until, settled(this.#renewed(token.value)));
    if (fresh === undefined) return network("the renewal of the token took too long");
    return "reply" in fresh ? fresh.reply : await this.#post(call, fresh.value, until, signal);
  }

  async #post(call: Call, token: string, until: number, signal: AbortSignal): Promise<Reply> {
    const body = bodyOf(call, token);
    if (typeof body !== "string") return body;
    const timeout = Math.max(0, until - performance.now());
    const url = new URL(call.method, this.#auth.baseUrl).href;
    const got = await post({ url, contentType: "application/json", body, timeout, signal }, this.#settings);
    return replyOf(got, token);
  }

  /** A token in place of a stale one; one renewal serves all calls that wait here. */
  #renewed(stale: string): Promise<string> {
    const renewed = this.#turn.then(() => this.#renew(stale));
    this.#turn = renewed.catch(() => undefined);
    return renewed;
  }

  async #renew(stale: string): Promise<string> {
    const current = await this.#auth.token();
    if (current !== stale) return current;
    if (this.#refused?.token === stale) throw new AuthError("sign_in_again", this.#refused.why);
    try {
      await this.#auth.refresh();
    } catch (error) {
      if (error instanceof AuthError && error.kind === "sign_in_again") {
        this.#refused = { token: current, why: error.message };
      }
      throw error;
    }
    return this.#auth.token();
  }
}

function bodyOf(call: Call, token: string): string | Reply {
  try {
    return requestBody(call, token);
  } catch (error) {
    if (!(error instanceof NotSendable)) throw error;
    return { not_sent: { refused: { why: error.message } } };
  }
}

function replyOf(got: Got, token: string): Reply {
  if ("notSent" in got) return network(`the portal can't be reached (${got.notSent})`);
  if ("lost" in got) return { unknown: { why: got.lost } };
  const { status, bytes } = got;
  // an error page in another encoding says as much as one in UTF-8
  const success = status >= 200 && status < 300;
  try {
    const body = new TextDecoder("utf-8", { fatal: success, ignoreBOM: true }).decode(bytes);
    return { answer: { status, body: withoutToken(status, body, token) } };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { unknown: { why: "broken" } };
  }
}

function network(why: string): Reply {
  return { not_sent: { network: { why } } };
}

/** A token, or the reply to a call for which there is none. */
async function settled(token: Promise<string>): Promise<{ value: string } | { reply: Reply }> {
  try {
    return { value: await token };
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    const why = error.message;
    return { reply: error.kind === "network" ? network(why) : { not_sent: { sign_in_again: { why } } } };
  }
}

/** What comes before the time is over, else undefined. */
async function within<T>(until: number, work: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, until - performance.now()));
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
