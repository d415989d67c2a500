"""Both transports behind one face, and the calls that they are given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from b24_offline import (
    AsyncHttpTransport,
    AuthSource,
    Call,
    HttpSettings,
    HttpTransport,
    Lost,
    Reply,
    SignInAgain,
)

TOKEN = "canary-token-1"


class Fixed:
    """A token that can't be renewed."""

    def __init__(self, base: str) -> None:
        self.base_url = base
        self.refreshes = 0

    def token(self) -> str:
        return TOKEN

    def refresh(self) -> None:
        self.refreshes += 1
        raise SignInAgain("it is fixed")


class FixedAsync(Fixed):
    """The same with coroutines."""

    async def token(self) -> str:  # type: ignore[override]
        return TOKEN

    async def refresh(self) -> None:  # type: ignore[override]
        super().refresh()


def call(timeout: int = 20_000, method: str = "crm.deal.list") -> Call:
    return Call(id=1, method=method, params='{"start":-1}', connector=None, timeout=timeout)


def send(kind: str, auth: AuthSource, calls: list[Call], http: HttpSettings | None = None) -> list[Reply]:
    """Sends calls one after the other by one transport of the kind `threads` or `asyncio`."""
    if kind == "threads":
        transport = HttpTransport(auth, http)
        try:
            return [transport.send(one) for one in calls]
        finally:
            transport.close()

    async def each(own: AsyncHttpTransport) -> list[Reply]:
        return [await own.send(one) for one in calls]

    return with_async(auth, each, http)


def with_async(
    auth: AuthSource,
    work: Callable[[AsyncHttpTransport], Awaitable[list[Reply]]],
    http: HttpSettings | None = None,
) -> list[Reply]:
    """Runs `work` with an asyncio transport."""

    async def run() -> list[Reply]:
        transport = AsyncHttpTransport(auth, http)
        try:
            return await work(transport)
        finally:
            await transport.aclose()

    return asyncio.run(run())


def unknown(why: Lost) -> Reply:
    return Reply.UNKNOWN(why=why)


def network(reply: Reply) -> str:
    """Why it was not sent."""
    assert reply.is_NOT_SENT() and reply[0].is_NETWORK(), str(reply)
    why: str = reply[0].why
    return why
