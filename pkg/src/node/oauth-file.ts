import { realpath } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { AuthSource } from "../auth.js";
import type { Endpoint } from "../endpoint.js";
import { AuthError, AuthFileError, EndpointError } from "../errors.js";
import { type HttpSettings, post } from "../http.js";
import { withoutSecrets } from "../say.js";
import { type Document, read, text, unreadable, write } from "./auth-document.js";
import { systemWords } from "./disk.js";

/** How long the token endpoint may take, in milliseconds. */
const PATIENCE = 60_000;
/** How long it may still take when the program is to end. */
const LAST_PATIENCE = 10_000;
const TOKENS = ["access_token", "refresh_token"] as const;

/**
 * The authorisation of an application in a JSON file: `access_token`, `refresh_token`, `client_id`, `client_secret`,
 * `oauth_url` (the address of the token endpoint), optionally `expires_at` (Unix seconds); other fields are kept.
 *
 * A renewed pair is written back atomically with mode 0600, and the old one stays in the file until then. A file that
 * another process has renewed is taken over instead of renewing twice.
 */
export class OAuthFile implements AuthSource {
  readonly baseUrl: string;
  readonly #path: string;
  readonly #oauthUrl: string;
  readonly #settings: HttpSettings;
  #document: Document;
  /** Whether the file already has the document. */
  #stored = true;
  /** The tokens of the pair before this one: calls with them may still be under way. */
  #previous: string[] = [];
  #renewing: Promise<void> | undefined;
  #storing: Promise<void> | undefined;

  private constructor(path: string, endpoint: Endpoint, document: Document, settings: HttpSettings) {
    this.#path = path;
    this.baseUrl = endpoint.url;
    this.#document = document;
    this.#oauthUrl = oauthUrl(path, endpoint, document);
    this.#settings = settings;
  }

  /**
   * Reads the file for the application's portal at `endpoint`.
   *
   * @throws AuthFileError when the file is missing, no file, unreadable, open to all users, without one of its fields,
   * or names a token endpoint that would leak the secrets
   */
  static async open(path: string, endpoint: Endpoint, settings: HttpSettings = {}): Promise<OAuthFile> {
    // a link stays a link: the file that it names is the one replaced
    const real = await realpath(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    return new OAuthFile(real, endpoint, await read(real), settings);
  }

  async token(): Promise<string> {
    if (!this.#stored) await this.#store();
    return text(this.#document, "access_token");
  }

  /** A caller that gives up does not stop it: a pair that was just made is stored all the same. */
  refresh(): Promise<void> {
    this.#renewing ??= this.#renew(text(this.#document, "access_token")).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async settled(): Promise<void> {
    const renewed = this.#renewing?.catch(() => undefined);
    await Promise.race([renewed, pause(LAST_PATIENCE, undefined, { ref: false })]);
    // why a pair can't be stored was told when it came
    if (!this.#stored) await this.#store().catch(() => undefined);
  }

  /**
   * Replaces the tokens, those before the last renewal too, and the client secret in a text that is to be shown, should
   * a portal have repeated them.
   */
  redact(shown: string): string {
    const hidden = [...TOKENS, "client_secret"].map((field) => text(this.#document, field));
    return withoutSecrets(shown, [...this.#previous, ...hidden]);
  }

  async #renew(stale: string): Promise<void> {
    if (await this.#takenOver(stale)) return;
    try {
      this.#take(await this.#ask());
    } catch (error) {
      // two processes may have used the same refresh token: the other one has the new pair
      const refused = error instanceof AuthError && error.kind === "sign_in_again";
      if (refused && (await this.#takenOver(stale))) return;
      throw error;
    }
    await this.#store();
  }

  /** Takes the file's pair if it is another one than ours. */
  async #takenOver(stale: string): Promise<boolean> {
    if (!this.#stored) return false;
    const document = await read(this.#path).catch((error: unknown) => {
      if (error instanceof AuthFileError) return undefined;
      throw error;
    });
    if (document === undefined || text(document, "access_token") === stale) return false;
    this.#remember();
    this.#document = document;
    return true;
  }

  async #ask(): Promise<Document> {
    const body = this.#form();
    const contentType = "application/x-www-form-urlencoded";
    const got = await post({ url: this.#oauthUrl, contentType, body, timeout: PATIENCE }, this.#settings);
    if ("notSent" in got) throw notRenewed(got.notSent);
    if ("lost" in got) throw notRenewed(got.lost === "too_large" ? "the answer was cut or too large" : got.why);
    const answer = objectIn(got.bytes);
    if (answer === undefined) throw notRenewed(`HTTP ${got.status} without JSON`);
    if (text(answer, "access_token") !== "") return answer;
    const code = text(answer, "error");
    const told = this.redact(`${code} ${text(answer, "error_description")}`).replace(/\p{Cc}/gu, " ");
    const why = Array.from(told.trim()).slice(0, 300).join("");
    const forNow = got.status >= 500 || got.status === 408 || got.status === 429;
    if (forNow || code === "") throw notRenewed(`HTTP ${got.status} ${why}`.trim());
    throw new AuthError("sign_in_again", `the renewal of the token was refused: ${why}`);
  }

  #form(): string {
    const form = new URLSearchParams({ grant_type: "refresh_token" });
    for (const field of ["client_id", "client_secret", "refresh_token"]) form.set(field, text(this.#document, field));
    return form.toString();
  }

  #take(answer: Document): void {
    this.#remember();
    const document = { ...this.#document };
    for (const field of TOKENS) {
      if (text(answer, field) !== "") document[field] = text(answer, field);
    }
    const lives = String(answer.expires_in);
    if (/^\d{1,10}$/.test(lives)) document.expires_at = Math.floor(Date.now() / 1_000) + Number(lives);
    else delete document.expires_at;
    this.#document = document;
    this.#stored = false;
  }

  #remember(): void {
    this.#previous = TOKENS.map((field) => text(this.#document, field));
  }

  #store(): Promise<void> {
    this.#storing ??= this.#written().finally(() => {
      this.#storing = undefined;
    });
    return this.#storing;
  }

  async #written(): Promise<void> {
    try {
      let written: Document;
      do {
        // another pair may come while this one is written
        written = this.#document;
        await write(this.#path, written);
      } while (written !== this.#document);
      this.#stored = true;
    } catch (error) {
      const advice = "make room or make its folder writable";
      const why = `the renewed token can't be stored in ${this.#path} (${systemWords(error)}); ${advice}`;
      throw new AuthError("network", why);
    }
  }
}

function oauthUrl(path: string, endpoint: Endpoint, document: Document): string {
  try {
    return endpoint.sibling(text(document, "oauth_url"), "oauth_url");
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    throw new AuthFileError(`the auth file ${path}: ${error.message}`);
  }
}

function notRenewed(why: string): AuthError {
  return new AuthError("network", `the token could not be renewed (${why})`);
}

function objectIn(bytes: Uint8Array): Document | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Document) : undefined;
  } catch {
    return undefined;
  }
}
