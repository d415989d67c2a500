/** The auth file, and the renewal of its pair against a token endpoint that plays each case. */

import { chmod, lstat, mkdir, readFile, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { inspect } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { AuthFileError, type Call, Endpoint, Freed, HttpTransport, Queue, type Reply, init } from "b24-offline";
import { OAuthFile } from "b24-offline/node";
import { type Folder, folder } from "./support/folder.js";
import { gate } from "./support/gate.js";
import { type Answer, type Scripted, json, scripted } from "./support/scripted-server.js";

const OPEN = new AbortController().signal;
const FIELDS = ["access_token", "refresh_token", "client_id", "client_secret", "oauth_url"];
const CALL: Call = { id: 1, method: "batch", params: "{}", connector: null, timeout: 20_000 };
const DONE: Reply = { answer: { status: 200, body: '{"result":true}' } };

beforeAll(() => init());

/** A portal that takes one token, and the token endpoint beside it. */
function portal(valid: string, oauth: () => Answer): Promise<Scripted> {
  return scripted(({ path, body }) => {
    if (path.startsWith("/oauth/")) return oauth();
    const { auth } = JSON.parse(body) as { auth: string };
    if (auth === valid) return json("200 OK", '{"result":true}');
    return json("401 Unauthorized", '{"error":"expired_token","error_description":"old"}');
  });
}

const newPair = () =>
  json("200 OK", '{"access_token":"canary-new","refresh_token":"canary-refresh-2","expires_in":"3600"}');

function document(oauthUrl: string, more: object = {}): Record<string, unknown> {
  return {
    access_token: "canary-old",
    refresh_token: "canary-refresh",
    client_id: "app.1",
    client_secret: "canary-secret",
    oauth_url: oauthUrl,
    member: { kept: [1, null] },
    ...more,
  };
}

async function write(path: string, content: unknown, mode = 0o600): Promise<void> {
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  await chmod(path, mode);
}

async function stored(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
}

interface SetUp extends AsyncDisposable {
  server: Scripted;
  files: Folder;
  path: string;
  auth: OAuthFile;
  transport: HttpTransport;
}

async function setUp(valid: string, oauth: () => Answer): Promise<SetUp> {
  const server = await portal(valid, oauth);
  const files = await folder();
  const path = files.file("auth.json");
  await write(path, document(`http://127.0.0.1:${server.port}/oauth/token/`));
  const auth = await OAuthFile.open(path, Endpoint.parse(server.base, { allowHttp: true }));
  const close = async () => {
    await server[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  };
  return { server, files, path, auth, transport: new HttpTransport(auth), [Symbol.asyncDispose]: close };
}

const renewals = ({ server }: SetUp) => server.requests.filter(({ path }) => path.startsWith("/oauth/"));

test("an expired token is renewed once and the call repeated once", async () => {
  await using it = await setUp("canary-new", newPair);
  const before = Math.floor(Date.now() / 1_000);
  expect(await it.transport.send(CALL, OPEN)).toEqual(DONE);
  expect(renewals(it).map(({ body }) => body)).toEqual([
    "grant_type=refresh_token&client_id=app.1&client_secret=canary-secret&refresh_token=canary-refresh",
  ]);
  expect(it.server.requests).toHaveLength(3);
  const now = await stored(it.path);
  expect(now).toMatchObject({
    access_token: "canary-new",
    refresh_token: "canary-refresh-2",
    member: { kept: [1, null] },
  });
  expect(now.expires_at).toBeGreaterThanOrEqual(before + 3_600);
  expect((await stat(it.path)).mode & 0o777).toBe(0o600);
  expect(await readdir(it.files.path)).toEqual(["auth.json"]);
});

test("calls that are open together share one renewal", async () => {
  await using it = await setUp("canary-new", newPair);
  const replies = await Promise.all(Array.from({ length: 8 }, () => it.transport.send(CALL, OPEN)));
  expect(replies).toEqual(Array(8).fill(DONE));
  expect(renewals(it)).toHaveLength(1);
});

test("two transports of one file share one renewal", async () => {
  await using it = await setUp("canary-new", newPair);
  await Promise.all([it.auth.refresh(), it.auth.refresh()]);
  expect(renewals(it)).toHaveLength(1);
});

test("a token that stays expired is given to the machine", async () => {
  await using it = await setUp("another", newPair);
  expect(await it.transport.send(CALL, OPEN)).toMatchObject({ answer: { status: 401 } });
  expect(renewals(it), "one renewal, one repeat").toHaveLength(1);
});

test("a refused renewal asks for a person, is not repeated, and keeps the file", async () => {
  const refusal = '{"error":"invalid_grant","error_description":"canary-refresh is\\nrevoked"}';
  await using it = await setUp("canary-new", () => json("400 Bad Request", refusal));
  const before = await readFile(it.path, "utf8");
  const why = "the renewal of the token was refused: invalid_grant … is revoked";
  expect(await it.transport.send(CALL, OPEN)).toEqual({ not_sent: { sign_in_again: { why } } });
  expect(await it.transport.send(CALL, OPEN)).toEqual({ not_sent: { sign_in_again: { why } } });
  expect(renewals(it)).toHaveLength(1);
  expect(await readFile(it.path, "utf8")).toBe(before);
});

test.each<[string, Answer]>([
  ["a closed connection", "drop"],
  ["a cut answer", { send: 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"access_token":' }],
  ["a page", json("200 OK", "<html>maintenance</html>")],
  ["an empty object", json("200 OK", "{}")],
  ["a redirect", json("302 Found", "{}")],
  ["503", json("503 Service Unavailable", '{"error":"overloaded"}')],
  ["429", json("429 Too Many Requests", '{"error":"slow_down"}')],
])("%s from the token endpoint is never a refusal", async (_, answer) => {
  await using it = await setUp("canary-new", () => answer);
  const reply = await it.transport.send(CALL, OPEN);
  expect(reply).toEqual({ not_sent: { network: { why: expect.stringContaining("could not be renewed") as string } } });
  expect(JSON.stringify(reply)).not.toContain("canary");
  expect((await stored(it.path)).refresh_token).toBe("canary-refresh");
});

test("a pair that another process renewed is taken over, before asking and after a refusal", async () => {
  const other = (it: SetUp) =>
    write(it.path, document("http://127.0.0.1:1/oauth/", { access_token: "canary-other", refresh_token: "canary-9" }));
  await using before = await setUp("canary-other", () => "drop");
  await other(before);
  expect(await before.transport.send(CALL, OPEN)).toEqual(DONE);
  expect(renewals(before)).toEqual([]);
  const [asked, go] = [gate(), gate()];
  await using after = await setUp("canary-other", () => {
    asked.open();
    return { after: go.opened, then: json("400 Bad Request", '{"error":"invalid_grant"}') };
  });
  const sent = after.transport.send(CALL, OPEN);
  await asked.opened;
  await other(after);
  go.open();
  expect(await sent).toEqual(DONE);
});

test("a pair that can't be stored is kept until it can", async () => {
  await using it = await setUp("canary-new", newPair);
  const aside = `${it.files.path}-aside`;
  await rename(it.files.path, aside);
  const reply = await it.transport.send(CALL, OPEN);
  expect(reply).toEqual({ not_sent: { network: { why: expect.stringContaining("can't be stored in") as string } } });
  expect(JSON.stringify(reply)).not.toContain("canary");
  await rename(aside, it.files.path);
  expect(await it.transport.send(CALL, OPEN)).toEqual(DONE);
  expect(renewals(it)).toHaveLength(1);
  expect((await stored(it.path)).refresh_token).toBe("canary-refresh-2");
});

test("a pair that comes while another one is being stored is stored as well", async () => {
  await using files = await folder();
  const path = files.file("auth.json");
  await write(path, document("https://oauth.example/"));
  let pairs = 0;
  const fetch = () => {
    pairs += 1;
    return Promise.resolve(Response.json({ access_token: `canary-a${pairs}`, refresh_token: `canary-r${pairs}` }));
  };
  const auth = await OAuthFile.open(path, PORTAL, { fetch });
  const aside = `${files.path}-aside`;
  await rename(files.path, aside);
  await expect(auth.refresh()).rejects.toThrow("can't be stored in");
  await rename(aside, files.path);
  await Promise.all([auth.token(), auth.refresh()]);
  expect(await auth.token()).toBe("canary-a2");
  expect(await stored(path)).toMatchObject({ access_token: "canary-a2", refresh_token: "canary-r2" });
});

test("a caller that gives up does not lose the new pair", async () => {
  const [asked, go] = [gate(), gate()];
  await using it = await setUp("canary-new", () => {
    asked.open();
    return { after: go.opened, then: newPair() };
  });
  expect(await it.transport.send({ ...CALL, timeout: 3_000 }, OPEN)).toEqual({
    not_sent: { network: { why: "the renewal of the token took too long" } },
  });
  await asked.opened;
  go.open();
  expect(await it.transport.send(CALL, OPEN)).toEqual(DONE);
  expect(renewals(it)).toHaveLength(1);
  expect((await stored(it.path)).refresh_token).toBe("canary-refresh-2");
});

test("a queue that ends in the middle of a renewal keeps the new pair", async () => {
  const [asked, go] = [gate(), gate()];
  await using it = await setUp("canary-new", () => {
    asked.open();
    return { after: go.opened, then: newPair() };
  });
  const queue = await Queue.open({ auth: it.auth, events: ["ONCRMDEALADD"] });
  const crashed = expect(queue.run(() => ({ some: [] }))).rejects.toThrow(Freed);
  await asked.opened;
  const closed = queue.close();
  go.open();
  await closed;
  expect((await stored(it.path)).refresh_token).toBe("canary-refresh-2");
  await crashed;
});

test("a link stays a link", async () => {
  await using it = await setUp("canary-new", newPair);
  const link = it.files.file("link.json");
  await symlink("auth.json", link);
  const auth = await OAuthFile.open(link, Endpoint.parse(it.server.base, { allowHttp: true }));
  await auth.refresh();
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect((await stored(it.path)).access_token).toBe("canary-new");
});

test("what a portal repeats is redacted, and nothing prints a secret", async () => {
  await using it = await setUp("canary-new", newPair);
  expect(it.auth.redact("token canary-old, secret canary-secret, refresh canary-refresh")).toBe(
    "token …, secret …, refresh …",
  );
  await it.auth.refresh();
  // a call with the former token may still be answered
  expect(it.auth.redact("canary-old canary-refresh canary-new canary-refresh-2")).not.toContain("canary");
  const shown = inspect(it.auth, { depth: 9, showHidden: true }) + JSON.stringify(it.auth) + String(it.auth);
  expect(shown).not.toContain("canary");
});

const PORTAL = Endpoint.parse("https://portal.example/rest/");

async function refusal(path: string): Promise<string> {
  const error: unknown = await OAuthFile.open(path, PORTAL).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(AuthFileError);
  expect(inspect(error, { depth: 5 })).not.toContain("canary");
  return (error as AuthFileError).message;
}

test("files that are not used", async () => {
  await using files = await folder();
  const path = files.file("auth.json");
  expect(await refusal(path)).toContain("can't be read (no such file or directory); name the JSON file");
  await mkdir(path);
  expect(await refusal(path)).toContain("is no file");
  await rm(path, { recursive: true });
  for (const mode of [0o604, 0o602, 0o644, 0o666]) {
    await write(path, document("https://oauth.example/"), mode);
    expect(await refusal(path)).toContain(`close it with: chmod 600 '${path}'`);
  }
  for (const field of FIELDS) {
    for (const wrong of [undefined, "", 7]) {
      await write(path, document("https://oauth.example/", { [field]: wrong }));
      expect(await refusal(path)).toContain(`lacks the field '${field}'`);
    }
  }
  for (const text of ['"canary-1"', "canary-1", '{"access_token": canary-1}', '["canary-1"]', "", "{\n canary-1"]) {
    await write(path, text);
    expect(await refusal(path)).toContain("is not a JSON object");
  }
  await write(path, document("https://oauth.example/"), 0o640);
  expect((await OAuthFile.open(path, PORTAL)).baseUrl).toBe("https://portal.example/rest/");
});

test.each([
  ["http://127.0.0.1/oauth/token/", "--allow-http"],
  ["https://u:canary-pw@oauth.example/", "password"],
  ["oauth.example", "oauth_url"],
])("a token endpoint at %s is refused", async (oauthUrl, word) => {
  await using files = await folder();
  await write(files.file("auth.json"), document(oauthUrl));
  expect(await refusal(files.file("auth.json"))).toContain(word);
});
