"""What happened, on its way to the machine: one inbox for a drive loop."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ._native import Batch, Input, Verdicts


@dataclass(frozen=True)
class Happened:
    """What goes to the machine next."""

    input: Input
    #: The batch and the verdicts that the input holds, for the handler's hook `judged`.
    judged: tuple[Batch, Verdicts] | None = None


class Inbox:
    """Takes from every thread and gives to one drive loop: first what the user commands, so that writes of a
    handler precede what its verdicts lead to, then what is finished, each in its order."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Happened | BaseException]] = []
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._ring: Callable[[], None] | None = None
        self._began = 0

    @property
    def busy(self) -> int:
        """How many things were begun and are not taken from here yet."""
        with self._changed:
            return self._began

    def command(self, what: Input) -> None:
        """The user wants something."""
        self._put(0, Happened(what))

    def begin(self) -> None:
        """Something was begun that will be put here when it is finished."""
        with self._changed:
            self._began += 1

    def finish(self, what: Happened | BaseException) -> None:
        """Something that was begun is finished; an exception ends the loop with it."""
        self._put(1, what)

    def take(self, timeout: float | None) -> Happened | None:
        """The next, waited for at most so many seconds; None when nothing came."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(timeout)
            return self._pop()

    async def take_async(self, timeout: float | None) -> Happened | None:
        """The same on an asyncio loop."""
        loop = asyncio.get_running_loop()
        bell: asyncio.Future[None] = loop.create_future()

        def rung() -> None:
            if not bell.done():
                bell.set_result(None)

        def ring() -> None:
            loop.call_soon_threadsafe(rung)

        with self._changed:
            if self._waiting:
                return self._pop()
            self._ring = ring
        try:
            await asyncio.wait({bell}, timeout=timeout)
        finally:
            with self._changed:
                self._ring = None
        with self._changed:
            return self._pop()

    def _put(self, rank: int, what: Happened | BaseException) -> None:
        with self._changed:
            heapq.heappush(self._waiting, (rank, next(self._number), what))
            self._changed.notify()
            if self._ring is not None:
                self._ring()

    def _pop(self) -> Happened | None:
        if not self._waiting:
            return None
        rank, _, what = heapq.heappop(self._waiting)
        self._began -= rank
        if isinstance(what, BaseException):
            raise what
        return what
