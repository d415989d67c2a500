/** Each fault of the wire: what surely did not happen, what perhaps did. */

import { inspect } from "node:util";
import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { AuthError, type AuthSource, type Call, HttpTransport, type Lost, type Reply, init } from "b24-offline";
import { type Answer, json, scripted, whole } from "./support/scripted-server.js";

const TOKEN = "canary-token-1";
const OPEN = new AbortController().signal;

beforeAll(() => init());

/** A token that can't be renewed. */
class Fixed implements AuthSource {
  readonly baseUrl: string;
  readonly #token = TOKEN;

  constructor(baseUrl: string) {
    this.baseUrl = baseUrl;
  }

  token(): Promise<string> {
    return Promise.resolve(this.#token);
  }

  refresh(): Promise<void> {
    return Promise.reject(new AuthError("sign_in_again", "it is fixed"));
  }
}

function call(timeout = 20_000, more: Partial<Call> = {}): Call {
  return { id: 1, method: "crm.deal.list", params: '{"start":-1}', connector: null, timeout, ...more };
}

function transport(base: string): HttpTransport {
  return new HttpTransport(new Fixed(base), { maxAnswer: 1024 * 1024 });
}

async function replyTo(
  answer: Answer,
  sent = call(),
): Promise<{ reply: Reply; requests: { path: string; body: string }[] }> {
  await using server = await scripted(() => answer);
  return { reply: await transport(server.base).send(sent, OPEN), requests: server.requests };
}

const unknown = (why: Lost): Reply => ({ unknown: { why } });
const answer = (status: number, body: string): Reply => ({ answer: { status, body } });

test("an answer is given as it is", async () => {
  const { reply, requests } = await replyTo(json("200 OK", '{"result":[]}'));
  expect(reply).toEqual(answer(200, '{"result":[]}'));
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({ path: "/rest/crm.deal.list", body: `{"auth":"${TOKEN}","start":-1}` });
});

test("the token and the connector stand in the body alone", async () => {
  await using server = await scripted(() => json("200 OK", "{}"));
  await transport(server.base).send(call(20_000, { connector: "ware house" }), OPEN);
  const [{ headers, body, path } = { headers: "", body: "", path: "" }] = server.requests;
  expect(headers + path).not.toContain(TOKEN);
  expect(headers).toMatch(/^content-type: application\/json$/m);
  expect(JSON.parse(body)).toEqual({ auth: TOKEN, auth_connector: "ware house", start: -1 });
});

test("a call that no transport sends is refused", async () => {
  const { reply, requests } = await replyTo("silence", call(20_000, { method: "https://elsewhere.example/x" }));
  expect(reply).toEqual({
    not_sent: { refused: { why: expect.stringContaining("is no name of a method") as string } },
  });
  expect(requests).toEqual([]);
});

test("a refusal that repeats the token does not hold it", async () => {
  const body = `{"error":"X","error_description":"no ${TOKEN}"}`;
  expect((await replyTo(json("403 Forbidden", body))).reply).toEqual(
    answer(403, '{"error":"X","error_description":"no …"}'),
  );
});

test.each(["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])(
  "%s is an answer and not followed",
  async (status) => {
    await using elsewhere = await scripted(() => json("200 OK", "{}"));
    const { reply } = await replyTo(whole(status, `location: ${elsewhere.base}\r\n`, "moved"));
    expect(reply).toEqual(answer(Number(status.slice(0, 3)), "moved"));
    expect(elsewhere.requests).toEqual([]);
  },
);

test("a redirect that a browser hides counts as one all the same", async () => {
  const opaque = { type: "opaqueredirect", status: 0, body: null } as Response;
  const hiding = new HttpTransport(new Fixed("https://portal.example/rest/"), { fetch: () => Promise.resolve(opaque) });
  expect(await hiding.send(call(), OPEN)).toEqual(answer(302, ""));
});

test("a status outside of success is given with its page, in whatever encoding", async () => {
  const page = Buffer.from("Ошибка 502 \xff", "latin1");
  const { reply } = await replyTo(whole("502 Bad Gateway", "content-type: text/html\r\n", page));
  expect(reply).toEqual({ answer: { status: 502, body: expect.stringContaining("502 \ufffd") as string } });
});

test.each<[string, Answer]>([
  ["a body that is cut", { send: "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{" }],
  ["a chunked body that is cut", { send: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{" }],
  ["a closed connection", "drop"],
  ["a reset connection", "reset"],
  ["what is no HTTP", { send: "SSH-2.0-OpenSSH_9.6\r\n\r\n" }],
  ["a success that is no UTF-8", whole("200 OK", "", Buffer.from('{"result":"\xff"}', "latin1"))],
  ["what is said to be gzip and is not", whole("200 OK", "content-encoding: gzip\r\n", '{"result":true}')],
])("%s is unknown, and nothing is repeated", async (_, played) => {
  const { reply, requests } = await replyTo(played);
  expect(reply).toEqual(unknown("broken"));
  expect(requests).toHaveLength(1);
});

test.each(["401 Unauthorized", "408 Request Timeout", "421 Misdirected Request", "425 Too Early", "503 Busy"])(
  "%s is an answer, and fetch repeats nothing",
  async (status) => {
    const { reply, requests } = await replyTo(json(status, "{}"));
    expect(reply).toEqual(answer(Number(status.slice(0, 3)), "{}"));
    expect(requests).toHaveLength(1);
  },
);

test("an answer in gzip is unpacked", async () => {
  const body = gzipSync('{"result":true}');
  const { reply } = await replyTo(whole("200 OK", "content-encoding: gzip\r\n", body));
  expect(reply).toEqual(answer(200, '{"result":true}'));
});

test("truncated gzip is never a result", async () => {
  const body = gzipSync('{"result":{"process_id":"0123456789abcdef"}}');
  const { reply } = await replyTo(whole("200 OK", "content-encoding: gzip\r\n", body.subarray(0, body.length - 12)));
  // fetch may give what it could unpack: no JSON, so the machine takes it as unknown as well
  if ("answer" in reply) expect(() => JSON.parse(reply.answer.body) as unknown).toThrow(SyntaxError);
  else expect(reply).toEqual(unknown("broken"));
});

test("an answer without an end is not read to its end", async () => {
  const start = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${100 * 1024 * 1024}\r\n\r\n${" ".repeat(64 * 1024)}`);
  expect((await replyTo({ endless: start })).reply).toEqual(unknown("too_large"));
});

test("the limit counts after decompression", async () => {
  const bomb = gzipSync(Buffer.alloc(2 * 1024 * 1024, " "));
  expect(bomb.byteLength).toBeLessThan(8 * 1024);
  expect((await replyTo(whole("200 OK", "content-encoding: gzip\r\n", bomb))).reply).toEqual(unknown("too_large"));
});

test("an answer of just the limit is taken", async () => {
  const body = `"${"x".repeat(1024 * 1024 - 2)}"`;
  expect((await replyTo(json("200 OK", body))).reply).toEqual(answer(200, body));
});

test("silence is unknown after the call's own time, before the answer and in the middle of it", async () => {
  expect((await replyTo("silence", call(100))).reply).toEqual(unknown("timed_out"));
  const started = { begin: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{" };
  expect((await replyTo(started, call(100))).reply).toEqual(unknown("timed_out"));
});

test("a call that is given up is unknown", async () => {
  const abort = new AbortController();
  await using server = await scripted(() => {
    abort.abort();
    return "silence";
  });
  expect(await transport(server.base).send(call(), abort.signal)).toEqual(unknown("broken"));
  expect(await transport(server.base).send(call(), abort.signal)).toEqual(unknown("broken"));
});

function network(reply: Reply): string {
  if ("not_sent" in reply && "network" in reply.not_sent) return reply.not_sent.network.why;
  throw new Error(inspect(reply));
}

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test.each(["127.0.0.1", "localhost"])("no connection to %s is surely not sent", async (host) => {
  const reply = await transport(`http://${host}:${await closedPort()}/rest/`).send(call(), OPEN);
  expect(network(reply)).toMatch(/^the portal can't be reached \(connect ECONNREFUSED .+\)$/);
  expect(network(reply)).not.toContain("/rest/");
});

test("a port that fetch refuses is surely not sent", async () => {
  const reply = await transport("http://127.0.0.1:6000/rest/").send(call(), OPEN);
  expect(network(reply)).toBe("the portal can't be reached (bad port)");
});

test("no such name is surely not sent", async () => {
  expect(network(await transport("https://portal.invalid/rest/").send(call(), OPEN))).toContain("portal.invalid");
});

test("TLS that fails is surely not sent", async () => {
  await using plain = await scripted(() => json("200 OK", "{}"));
  const reply = await transport(`https://localhost:${plain.port}/rest/`).send(call(), OPEN);
  expect(network(reply)).not.toBe("");
  expect(plain.requests).toEqual([]);
});

test.each([
  [Object.assign(new Error("x"), { code: "ECONNRESET", syscall: "read" }), false],
  [Object.assign(new Error("x"), { code: "EPIPE", syscall: "write" }), false],
  [Object.assign(new Error("x"), { code: "UND_ERR_SOCKET" }), false],
  [Object.assign(new Error("x"), { code: "UND_ERR_HEADERS_TIMEOUT" }), false],
  [new Error("Failed to fetch"), false],
  [Object.assign(new Error("x"), { code: "UND_ERR_CONNECT_TIMEOUT" }), true],
  [Object.assign(new Error("x"), { code: "EHOSTUNREACH", syscall: "connect" }), true],
  [Object.assign(new Error("x"), { code: "EAI_AGAIN", syscall: "getaddrinfo" }), true],
  [Object.assign(new Error("x"), { code: "CERT_HAS_EXPIRED" }), true],
  [Object.assign(new Error("x"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" }), true],
])("%s: surely not sent is %s", async (cause, sure) => {
  const failing = () => Promise.reject(new TypeError("fetch failed", { cause }));
  const reply = await new HttpTransport(new Fixed("https://portal.example/rest/"), { fetch: failing }).send(
    call(),
    OPEN,
  );
  expect(reply).toEqual(
    sure ? { not_sent: { network: { why: `the portal can't be reached (${cause.message})` } } } : unknown("broken"),
  );
});

test("a token that can't be renewed asks for a person, and is not renewed again", async () => {
  await using server = await scripted(() => json("401 Unauthorized", '{"error":"expired_token"}'));
  const sender = transport(server.base);
  for (let time = 1; time <= 2; time += 1) {
    expect(await sender.send(call(), OPEN)).toEqual({ not_sent: { sign_in_again: { why: "it is fixed" } } });
  }
  expect(server.requests, "nothing is repeated without a new token").toHaveLength(2);
});

test("a token that an authorisation can't give is no call", async () => {
  const auth: AuthSource = {
    baseUrl: "https://portal.example/rest/",
    token: () => Promise.reject(new AuthError("network", "the disk is full")),
    refresh: () => Promise.resolve(),
  };
  expect(network(await new HttpTransport(auth).send(call(), OPEN))).toBe("the disk is full");
  const broken: AuthSource = { ...auth, token: () => Promise.reject(new RangeError("a mistake")) };
  await expect(new HttpTransport(broken).send(call(), OPEN)).rejects.toThrow(RangeError);
});

test("a renewal that takes longer than the call may is not sent", async () => {
  await using server = await scripted(() => json("401 Unauthorized", '{"error":"expired_token"}'));
  const auth: AuthSource = {
    baseUrl: server.base,
    token: () => Promise.resolve(TOKEN),
    refresh: () => new Promise(() => undefined),
  };
  expect(network(await new HttpTransport(auth).send(call(3_000), OPEN))).toContain("took too long");
});

test("nothing prints a secret", async () => {
  await using server = await scripted(() => json("200 OK", "{}"));
  const auth = new Fixed(server.base);
  const sender = new HttpTransport(auth);
  const shown = inspect([auth, sender], { depth: 9, showHidden: true }) + JSON.stringify([auth, sender]);
  expect(shown).not.toContain("canary");
});
