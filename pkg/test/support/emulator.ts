/** The emulated portal, as a process of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { AuthSource } from "b24-offline";
import { AuthError } from "b24-offline";

export const PERSONALITIES = ["documented", "source"] as const;
export type Personality = (typeof PERSONALITIES)[number];

/** What the emulated portal's own audit says, as far as it is looked at here. */
export interface Audit {
  lost: unknown[];
  reservations: unknown[];
  free_records: number;
  error_records: number;
  changes: number;
  deliveries: number;
  regressions: number;
  own_writes_returned: Record<string, number>;
}

interface Ready {
  http: string;
  https: string | null;
  control: string;
}

export class Emulator implements AsyncDisposable {
  /** The portal's REST base over plain HTTP, and over HTTPS with the authority in `ca.pem`. */
  readonly http: string;
  readonly https: string;
  readonly folder: string;
  readonly #control: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, folder: string, ready: Ready) {
    this.#child = child;
    this.folder = folder;
    this.http = ready.http;
    this.https = ready.https ?? "";
    this.#control = ready.control;
  }

  /** Starts it; `auth.json` in its folder is the administrator's. */
  static async start(personality: Personality, more: readonly string[] = []): Promise<Emulator> {
    const folder = await mkdtemp(join(tmpdir(), "b24-offline-"));
    const options = ["--personality", personality, "--limits", "off", "--auth-out", "auth.json", ...more];
    const child = spawn(program(), ["emulator", ...options], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    const failed = new Promise<never>((_, reject) => {
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`the emulated portal ended with ${code}`)));
    });
    // its end after the test is nobody's concern
    failed.catch(() => undefined);
    for await (const line of createInterface({ input: child.stdout })) {
      return new Emulator(child, folder, JSON.parse(line) as Ready);
    }
    return failed;
  }

  /** A control call: GET without a body, else POST. */
  async control<T>(path: string, body?: unknown): Promise<T> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(this.#control + path, body === undefined ? {} : { method: "POST", body: text });
    const value: unknown = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(value)}`);
    return value as T;
  }

  /** Binds the events without a call of the application's. */
  async bind(events: readonly string[], connector = ""): Promise<void> {
    for (const event of events) await this.control("bindings", { event, connector });
  }

  /** People make deals. */
  async deals(count: number): Promise<void> {
    await this.control("objects/create", { kind: "crm.deal", count });
  }

  /** The administrator's token, which no test outlives. */
  async administrator(): Promise<AuthSource> {
    const { access_token: token } = await this.control<{ access_token: string }>("token", {});
    return {
      baseUrl: this.http,
      token: () => Promise.resolve(token),
      refresh: () => Promise.reject(new AuthError("sign_in_again", "no test lives for an hour")),
    };
  }

  /** A file in its folder. */
  file(name: string): string {
    return join(this.folder, name);
  }

  /** The audit, after it was told of these deliveries. */
  async audit(lines: readonly string[]): Promise<Audit> {
    if (lines.length > 0) await this.control("delivered", lines.join("\n"));
    return this.control("audit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill();
    await gone;
    await rm(this.folder, { recursive: true });
  }
}

function program(): string {
  const path = process.env.B24_OFFLINE_BIN;
  if (path === undefined || path === "") {
    throw new Error(
      "B24_OFFLINE_BIN is not set; build the native program (cargo build -p b24-offline) and set it to its path",
    );
  }
  return path;
}
