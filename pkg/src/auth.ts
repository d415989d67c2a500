/** Where the authorisation of calls comes from. */

/**
 * The authorisation of one portal: its address, a token, and a way to renew it. `OAuthFile` (in `b24-offline/node`)
 * is the one for an application with its own pair of tokens; implement this to take the token from somewhere else,
 * such as the frame in which a page runs. Keep the token in a `#private` field, so that nothing prints it.
 */
export interface AuthSource {
  /** The portal's REST base; its path ends with `/`. It never changes. */
  readonly baseUrl: string;
  /** The token that is valid as far as is known; cheap. Rejects with `AuthError`. */
  token(): Promise<string>;
  /**
   * Gets a new token, because the portal called the present one expired. It is never asked for two at once. Rejects
   * with `AuthError`.
   */
  refresh(): Promise<void>;
  /**
   * Resolves once no renewal is under way, or after a few seconds: a pair whose answer nobody waits for is lost. A
   * queue waits for it at its end.
   */
  settled?(): Promise<void>;
}
