"""Where the authorisation of calls comes from."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol


class AuthSource(Protocol):
    """The authorisation of one portal: its address, a token, and a way to renew it.

    `OAuthFile` is the one for an application with its own pair of tokens; any object with these three will do.
    The two methods may be coroutines or plain functions, which then run on a thread of their own.
    """

    @property
    def base_url(self) -> str:
        """The portal's REST base; it ends with `/` and never changes."""

    def token(self) -> str | Awaitable[str]:
        """The token that is valid as far as is known; cheap. Raises `AuthNetwork` or `SignInAgain`."""

    def refresh(self) -> None | Awaitable[None]:
        """Gets a new token, because the portal called the present one expired. The transport never asks for two
        at once. Raises `AuthNetwork` where that may work later, `SignInAgain` where only a person can help."""
