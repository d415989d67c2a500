/** Addresses that would leak are refused, and no refusal repeats a secret. */

import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Endpoint, EndpointError } from "b24-offline";

function refusal(text: string, allowHttp = false): string {
  try {
    Endpoint.parse(text, { allowHttp });
  } catch (error) {
    if (error instanceof EndpointError) return error.message;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

test.each([
  ["http://127.0.0.1:1/rest/", "plain http", "--allow-http"],
  ["https://u:p@portal.example/rest/", "user or a password", "remove it"],
  ["https://u@portal.example/rest/", "user or a password", "remove it"],
  ["https://portal.example/rest/?auth=x", "query", "leave out"],
  ["https://portal.example/rest/#", "query", "leave out"],
  ["ftp://portal.example/rest/", "neither https nor http", "https://portal.example/rest/"],
  ["https://portal.example", "lacks its path", "https://HOST/rest/"],
  ["https://portal.example//", "lacks its path", "https://HOST/rest/"],
  ["portal.example", "is no address", "https://portal.example/rest/"],
  ["https://", "is no address", "https://portal.example/rest/"],
  ["https://portal.example/rest/1/abc123/", "webhook", "OAuth token"],
  ["https://portal.example/rest/1/abc123", "webhook", "OAuth token"],
  ["https://portal.example/rest/1/abc/crm.deal.list", "webhook", "OAuth token"],
])("%s", (text, what, advice) => {
  expect(refusal(text)).toContain(what);
  expect(refusal(text)).toContain(advice);
});

test("plain http is for this machine only", () => {
  expect(refusal("http://portal.example/rest/", true)).toContain("this machine only");
  expect(refusal("http://127.0.0.1.example/rest/", true)).toContain("127.0.0.1.example");
  for (const host of ["localhost:8080", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080"]) {
    expect(Endpoint.parse(`http://${host}/rest/`, { allowHttp: true }).portal).toBe(host);
  }
});

test("an address is brought into its one form", () => {
  const endpoint = Endpoint.parse(" https://Portal.Example:443/rest ");
  expect(endpoint.url).toBe("https://portal.example/rest/");
  expect(endpoint.portal).toBe("portal.example");
  expect(Endpoint.parse("https://portal.example:8443/intern/rest//").url).toBe(
    "https://portal.example:8443/intern/rest/",
  );
  expect(() => endpoint.sibling("http://oauth.example/", "oauth_url")).toThrow("oauth_url is plain http");
});

test.each([
  "https://user:canary-1@portal.example/rest/",
  "https://portal.example/rest/1/canary-1/",
  "https://portal.example/rest/?auth=canary-1",
  "http://portal.example/rest/1/canary-1/",
  "canary-1",
  "https://canary-1 /",
])("no secret of %s is repeated", (text) => {
  try {
    Endpoint.parse(text);
    expect.unreachable();
  } catch (error) {
    expect(inspect(error, { depth: 5 })).not.toContain("canary-1");
  }
});
