package io.github.b24offline

import java.net.URI

/**
 * The authorisation of one portal: its address, a token, and a way to renew it.
 *
 * [OAuthFile] is the one for an application with its own pair of tokens; implement this to take the token
 * from somewhere else. An [java.io.IOException] thrown here counts as [AuthException.Network].
 */
public interface AuthSource {
    /** The portal's REST base; its path ends with `/`. It never changes. */
    public val baseUrl: URI

    /**
     * The token that is valid as far as is known; cheap.
     *
     * @throws AuthException when there is none
     */
    public suspend fun token(): Secret

    /**
     * Gets a new token, because the portal called the present one expired. The transport never asks for two
     * at once.
     *
     * @throws AuthException when it gets none
     */
    public suspend fun refresh()

    /** Waits until no renewal is under way and none is being stored: what a program's end would lose. */
    public suspend fun settled() {}
}

/** There is no valid token. The texts hold no secrets. */
public sealed class AuthException(message: String) : Exception(message) {
    /** It could not be got or kept just now; later it may work. */
    public class Network(why: String) : AuthException(why)

    /** None can be had until a person signs in again. */
    public class SignInAgain(why: String) : AuthException(why)
}
