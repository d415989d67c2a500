/** The address of a portal's REST interface, checked once. */

import { EndpointError } from "./errors.js";

/** The rules that an address that gets secrets is checked by. */
export interface EndpointOptions {
  /** Lets it be plain http on an address of this machine, for the emulator. */
  allowHttp?: boolean | undefined;
}

/**
 * The REST base of a portal, such as `https://portal.example/rest/`: https, or plain http on a loopback address where
 * that was allowed; without userinfo and query; its path ends with `/`.
 */
export class Endpoint {
  /** The address. */
  readonly url: string;
  /**
   * What names the portal in the journal: the host in lower case, with the port if the address has one that is not
   * its scheme's own.
   */
  readonly portal: string;
  readonly #allowHttp: boolean;

  private constructor(url: URL, allowHttp: boolean) {
    this.url = url.href;
    this.portal = url.host;
    this.#allowHttp = allowHttp;
  }

  /**
   * Checks an address.
   *
   * @throws EndpointError says what is wrong with it, without repeating more of it than its host
   */
  static parse(text: string, { allowHttp = false }: EndpointOptions = {}): Endpoint {
    const what = "the endpoint";
    const url = checked(text, what, allowHttp);
    if (url.href.includes("?") || url.href.includes("#")) {
      throw new EndpointError(`${what} holds a query or a fragment; leave out everything from '?' or '#' on`);
    }
    const path = url.pathname.replace(/\/+$/, "");
    if (path === "") {
      throw new EndpointError("the endpoint lacks its path; a portal's REST base is https://HOST/rest/");
    }
    if (/\/rest\/[0-9]+\//.test(path)) {
      throw new EndpointError(
        "the endpoint is an inbound webhook (/rest/USER/CODE/), and portals refuse the offline queue to webhooks; " +
          "use https://HOST/rest/ with the OAuth token of an application",
      );
    }
    url.pathname = `${path}/`;
    return new Endpoint(url, allowHttp);
  }

  /** Checks another address that gets secrets, such as the token endpoint's, by the same rules. */
  sibling(text: string, what: string): string {
    return checked(text, what, this.#allowHttp).href;
  }
}

/** What names the portal of a REST base in the journal. */
export function portalOf(baseUrl: string): string {
  return new URL(baseUrl).host;
}

function checked(text: string, what: string, allowHttp: boolean): URL {
  const url = parsed(text.trim(), what);
  if (url.username !== "" || url.password !== "") {
    throw new EndpointError(
      `${what} holds a user or a password before the host; remove it, the token of --auth is all that is needed`,
    );
  }
  if (url.protocol === "https:") return url;
  if (url.protocol !== "http:") {
    throw new EndpointError(`${what} is neither https nor http; it looks like https://portal.example/rest/`);
  }
  if (!allowHttp) {
    throw new EndpointError(
      `${what} is plain http, which shows the token to everybody on the way; use https, or give --allow-http for an ` +
        "address of this machine such as http://127.0.0.1/",
    );
  }
  if (!isLoopback(url.hostname)) {
    throw new EndpointError(
      `${what} is plain http to ${url.hostname}, and --allow-http is for addresses of this machine only ` +
        "(localhost, 127.0.0.1, [::1]); use https",
    );
  }
  return url;
}

function parsed(text: string, what: string): URL {
  try {
    return new URL(text);
  } catch {
    // the parser's own words may repeat the text
    const why = /^[a-z][a-z0-9+.-]*:/i.test(text) ? "invalid address" : "relative URL without a base";
    throw new EndpointError(`${what} is no address (${why}); it looks like https://portal.example/rest/`);
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
