/** Serves the page, the package as it is built, and what the page tells of its deliveries. */

import { readFile } from "node:fs/promises";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, normalize } from "node:path";
import { type Gate, gate } from "../test/support/gate.js";

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
const ROOTS: readonly [string, URL][] = [
  ["/dist/", new URL("../dist/", import.meta.url)],
  ["/idb/", new URL("../node_modules/idb/build/", import.meta.url)],
  ["/page/", new URL("page/", import.meta.url)],
];
const NONCE = "only-the-import-map";
const POLICY =
  `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'nonce-${NONCE}'; ` +
  "connect-src 'self' http://localhost:* http://127.0.0.1:*; require-trusted-types-for 'script'";
const PAGE = `<!doctype html><meta charset="utf-8"><title>b24-offline</title>
<script type="importmap" nonce="${NONCE}">{"imports": {"b24-offline": "/dist/index.js", "idb": "/idb/index.js"}}</script>
<script type="module" src="/page/page.mjs"></script>`;

export class PageServer implements AsyncDisposable {
  /** The lines that the page has told of, each whole and answered. */
  readonly told: string[] = [];
  /** So many lines are taken, the next one is left without an answer. */
  holdAfter = Infinity;
  /** A line is held. */
  holding: Gate = gate();
  readonly origin: string;
  readonly #close: () => Promise<void>;

  private constructor(origin: string, close: () => Promise<void>) {
    this.origin = origin;
    this.#close = close;
  }

  static async start(): Promise<PageServer> {
    const server = createServer((request, response) => {
      page.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    const page = new PageServer(`http://127.0.0.1:${port}`, close);
    return page;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = normalize(new URL(request.url ?? "/", this.origin).pathname);
    if (path === "/")
      response.setHeader("content-security-policy", POLICY).setHeader("content-type", "text/html").end(PAGE);
    else if (path === "/told") await this.#hear(request, response);
    else if (path.startsWith("/moved/")) response.writeHead(302, { location: "/told" }).end();
    else await serve(path, response);
  }

  async #hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (this.told.length >= this.holdAfter) {
      this.holding.open();
      return;
    }
    this.told.push(Buffer.concat(chunks).toString("utf8"));
    response.end();
  }
}

async function serve(path: string, response: ServerResponse): Promise<void> {
  const root = ROOTS.find(([prefix]) => path.startsWith(prefix));
  const content = root && (await readFile(new URL(path.slice(root[0].length), root[1])).catch(() => undefined));
  if (content === undefined) response.writeHead(404).end();
  else response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream").end(content);
}
