"""The queue as a user's program sees it, on asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

from ._native import Config, End, WriteResult
from .auth import AuthSource
from .base import BaseQueue, outcome
from .clock import AsyncClock, SystemClock
from .drive_async import drive_async
from .handler import AsyncHandler, Each
from .http import HttpSettings
from .journal import Journal
from .report import Report
from .transport import AsyncHttpTransport, AsyncTransport
from .work import Parts


class AsyncQueue(BaseQueue):
    """The offline-event queue of one application on one portal, for asyncio.

    As `Queue`, whose page says what the arguments are; the handler may be a coroutine function or a plain
    function, which then runs on a thread of its own. Leaving its `async with` block stops it in an orderly way.
    """

    def __init__(
        self,
        auth: AuthSource,
        events: Iterable[str],
        *,
        connector: str | None = None,
        journal: str | os.PathLike[str] | Journal | None = None,
        until_empty: bool = False,
        configure: Callable[[Config], None] | None = None,
        on_notice: Callable[[Report], None] | None = None,
        http: HttpSettings | None = None,
        transport: AsyncTransport | None = None,
        clock: AsyncClock | None = None,
    ) -> None:
        """Opens the journal and checks everything; nothing is sent yet. Raises `InvalidValue`, `ConfigError`,
        `JournalError`, `HttpError`."""
        self._clock = clock or SystemClock()
        self._task: asyncio.Task[End] | None = None
        super().__init__(
            auth, events, connector, journal, until_empty, configure, on_notice, self._clock.now()
        )
        self._own_transport: AsyncHttpTransport | None = None
        try:
            self._transport = transport or self._over_http(auth, http)
        except BaseException:
            self._finish()
            raise

    async def run(self, handler: AsyncHandler | Each) -> End:
        """Drains the queue into `handler` until `stop`, or until it is empty where that was asked for. Raises
        `RunFailed` when it can't go on without a person. Cancelling it stops in an orderly way, cancelling it
        again at once."""
        self._begin()
        parts = Parts[AsyncTransport, AsyncClock, AsyncHandler | Each](
            self._transport, self._journal, self._clock, handler, self
        )
        self._task = asyncio.ensure_future(drive_async(self._machine, parts, self._inbox))
        try:
            return outcome(await asyncio.shield(self._task))
        finally:
            # after a cancellation it still runs
            await self.aclose()

    def write(self, method: str, params: Mapping[str, Any] | str) -> asyncio.Future[WriteResult]:
        """Calls a modifying method as `submit` does; the result is awaited. The write is queued at once, before
        that. On the loop's own thread."""
        return asyncio.wrap_future(self.submit(method, params))

    async def aclose(self) -> None:
        """Stops the run, if there is one, waits for its end and frees everything. Cancelling it ends the run at
        once."""
        if self._is_forked():
            return
        try:
            if self._task is not None and not self._task.done():
                self.stop()
                await asyncio.wait({self._task})
        finally:
            if self._task is not None and not self._task.done():
                self._task.cancel()
                await asyncio.wait({self._task})
            self._finish()
            if self._own_transport is not None:
                await self._own_transport.aclose()

    async def __aenter__(self) -> AsyncQueue:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _over_http(self, auth: AuthSource, http: HttpSettings | None) -> AsyncHttpTransport:
        self._own_transport = own = AsyncHttpTransport(auth, http)
        return own
