"""Both queues behind one face, so that each test of the drive loops runs on threads and on asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from portal import AsyncPortal, FakeClock, FixedToken, ScriptedPortal

from b24_offline import AsyncQueue, Config, End, Journal, Limits, Queue, Report, WriteResult


class Driven:
    """A queue of the kind `threads` or `asyncio` on a scripted portal and a clock that is turned."""

    def __init__(
        self, kind: str, portal: ScriptedPortal, *, journal: Journal | None = None, until_empty: bool = True,
        configure: Callable[[Config], None] = lambda config: None,
    ) -> None:
        self.clock = FakeClock()
        self.reports: list[Report] = []
        self.kind = kind

        def configured(config: Config) -> None:
            config.limits = Limits.OFF
            configure(config)

        arguments: dict[str, Any] = {
            "journal": journal, "until_empty": until_empty, "configure": configured,
            "on_notice": self.reports.append, "clock": self.clock,
        }
        auth, events = FixedToken(), ["ONCRMDEALADD"]
        self.queue: Queue | AsyncQueue
        if kind == "threads":
            self.queue = Queue(auth, events, transport=portal, **arguments)
        else:
            self.queue = AsyncQueue(auth, events, transport=AsyncPortal(portal), **arguments)

    def run(self, handler: Any) -> End:
        """Runs it to its end."""
        if isinstance(self.queue, Queue):
            return self.queue.run(handler)
        return asyncio.run(self.queue.run(handler))

    def run_aside(self, handler: Any) -> Aside:
        """Runs it on a thread of its own."""
        return Aside(lambda: self.run(handler))

    def write(self, method: str, params: Any) -> WriteResult:
        """A write and its result, from the thread of a handler."""
        return self.queue.submit(method, params).result(30)

    def said(self) -> str:
        """All sentences so far."""
        return "\n".join(map(str, self.reports))


class Aside:
    """A run on a thread of its own."""

    def __init__(self, work: Callable[[], End]) -> None:
        self._end: End | BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def end(self) -> End:
        """Its end, waited for."""
        self._thread.join(60)
        assert not self._thread.is_alive(), "it did not end"
        if isinstance(self._end, BaseException):
            raise self._end
        return self._end

    def _run(self, work: Callable[[], End]) -> None:
        try:
            self._end = work()
        except BaseException as error:
            self._end = error
