/** What the transport and the sign-in share: one request without redirects, and the reading of its answer. */

import type { Lost } from "./wasm/b24_offline_wasm.js";

/** How HTTP is spoken. */
export interface HttpSettings {
  /** The largest answer taken, in bytes after decompression; 16 MiB by default. */
  maxAnswer?: number | undefined;
  /** What sends requests; the global `fetch` by default. One that repeats requests by itself loses data. */
  fetch?: typeof fetch | undefined;
}

/** A request. */
export interface Asked {
  url: string;
  contentType: string;
  body: string;
  /** How long the whole answer may take, in milliseconds. */
  timeout: number;
  /** Gives the request up. */
  signal?: AbortSignal | undefined;
}

/** What came of it: the answer, or how it went missing. */
export type Got =
  { status: number; bytes: Uint8Array } | { notSent: string } | { lost: Exclude<Lost, "not_the_portal">; why: string };

const MIB = 1024 * 1024;
const IN_NODE = (globalThis.process as Partial<NodeJS.Process> | undefined)?.versions?.node !== undefined;

/** Posts and reads the whole answer. It never throws. */
export async function post(asked: Asked, settings: HttpSettings): Promise<Got> {
  const abort = new AbortController();
  let late = false;
  const givenUp = () => abort.abort();
  const timer = setTimeout(() => {
    late = true;
    abort.abort();
  }, asked.timeout);
  asked.signal?.addEventListener("abort", givenUp);
  if (asked.signal?.aborted === true) givenUp();
  try {
    const response = await (settings.fetch ?? fetch)(asked.url, {
      method: "POST",
      ...content(asked),
      redirect: "manual",
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: abort.signal,
    });
    // a browser hides what a redirect says
    if (response.type === "opaqueredirect") return { status: 302, bytes: new Uint8Array() };
    return await read(response, settings.maxAnswer ?? 16 * MIB);
  } catch (error) {
    if (late) return { lost: "timed_out", why: "it took too long" };
    return wasNotSent(error) ? { notSent: cause(error) } : { lost: "broken", why: cause(error) };
  } finally {
    clearTimeout(timer);
    asked.signal?.removeEventListener("abort", givenUp);
  }
}

/**
 * Fetch sends a text again by itself after a 421, and a stream never. Browsers stream over HTTP/2 only, if at all, and
 * set the length themselves.
 */
function content({ contentType, body }: Asked): RequestInit {
  const headers = { "content-type": contentType, accept: "application/json" };
  if (!IN_NODE) return { headers, body };
  const bytes = new TextEncoder().encode(body);
  const once = new ReadableStream({
    start(stream) {
      stream.enqueue(bytes);
      stream.close();
    },
  });
  const streamed = { body: once, duplex: "half" };
  return { headers: { ...headers, "content-length": String(bytes.byteLength) }, ...streamed };
}

async function read(response: Response, most: number): Promise<Got> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
    length += next.value.byteLength;
    if (length > most) {
      // it is not read on, and whether that can be said does not matter
      await reader?.cancel().catch(() => undefined);
      return { lost: "too_large", why: `it has more than ${most} bytes` };
    }
    chunks.push(next.value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return { status: response.status, bytes };
}

/** Node's words for a certificate that was not accepted and for a peer that speaks no TLS: before anything was sent. */
const NO_TLS = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
  "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
  "ERR_SSL_UNSUPPORTED_PROTOCOL",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * Whether no connection was made, which only Node can tell: a browser says the same of a refused connection as of one
 * that broke. In doubt it is no.
 */
function wasNotSent(error: unknown): boolean {
  for (const { code, syscall, message } of chain(error)) {
    if (syscall === "connect" || syscall === "getaddrinfo") return true;
    if (typeof message === "string" && message.includes("before secure TLS connection was established")) return true;
    // what fetch says of the ports that it never connects to
    if (message === "bad port") return true;
    if (typeof code === "string" && NO_TLS.has(code)) return true;
  }
  return false;
}

/** The innermost cause in plain words, in one line: the outer ones only tell which layer gave up. */
export function cause(error: unknown): string {
  const told = chain(error).filter(({ message }) => typeof message === "string" && message !== "");
  const text = String(told.at(-1)?.message ?? error);
  return text.replace(/^[A-Z][A-Z0-9]+: /, "").replace(/\p{Cc}/gu, " ");
}

interface Link {
  code?: unknown;
  syscall?: unknown;
  message?: unknown;
}

function chain(error: unknown): Link[] {
  const links: Link[] = [];
  for (let next = error; next instanceof Error && links.length < 10;) {
    links.push(next);
    // of several addresses that were tried the first one stands for all
    next = next instanceof AggregateError && next.errors.length > 0 ? next.errors[0] : next.cause;
  }
  return links;
}
