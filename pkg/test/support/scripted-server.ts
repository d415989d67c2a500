/** A server that plays one answer after the other, down to the bytes on the wire. */

import { type AddressInfo, type Socket, createServer } from "node:net";

const TLS_HANDSHAKE = 0x16;

/** What happens to a request once it has been read. */
export type Answer =
  | { send: Buffer | string }
  | { begin: string }
  | { endless: Buffer }
  | { after: Promise<void>; then: Answer }
  | "drop"
  | "reset"
  | "silence";

export interface Request {
  path: string;
  headers: string;
  body: string;
}

export interface Scripted extends AsyncDisposable {
  base: string;
  port: number;
  requests: Request[];
}

/** A whole answer with its length. */
export function whole(status: string, headers: string, body: Buffer | string): Answer {
  const bytes = Buffer.from(body);
  const head = `HTTP/1.1 ${status}\r\ncontent-length: ${bytes.byteLength}\r\nconnection: close\r\n${headers}\r\n`;
  return { send: Buffer.concat([Buffer.from(head), bytes]) };
}

export function json(status: string, body: string): Answer {
  return whole(status, "content-type: application/json\r\n", body);
}

export async function scripted(script: (request: Request) => Answer): Promise<Scripted> {
  const requests: Request[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // a client that hangs up is part of the play
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    let read = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      read = Buffer.concat([read, chunk]);
      // a client that wants TLS is told so in plain HTTP
      if (read[0] === TLS_HANDSHAKE) return void play(socket, json("400 Bad Request", "{}"));
      const request = parsed(read);
      if (request === undefined) return;
      read = Buffer.alloc(0);
      requests.push(request);
      void play(socket, script(request));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return { base: `http://127.0.0.1:${port}/rest/`, port, requests, [Symbol.asyncDispose]: close };
}

async function play(socket: Socket, answer: Answer): Promise<void> {
  if (answer === "drop") socket.end();
  else if (answer === "reset") socket.resetAndDestroy();
  else if (answer === "silence") return;
  else if ("send" in answer) socket.end(answer.send);
  else if ("begin" in answer) socket.write(answer.begin);
  else if ("endless" in answer) goOn(socket, answer.endless);
  else {
    await answer.after;
    await play(socket, answer.then);
  }
}

function goOn(socket: Socket, chunk: Buffer): void {
  while (!socket.destroyed && socket.write(chunk));
  if (!socket.destroyed) socket.once("drain", () => goOn(socket, chunk));
}

function parsed(read: Buffer): Request | undefined {
  const end = read.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const headers = read.toString("latin1", 0, end);
  const length = Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0);
  if (read.byteLength < end + 4 + length) return undefined;
  return { path: headers.split(" ")[1] ?? "", headers, body: read.toString("utf8", end + 4, end + 4 + length) };
}
