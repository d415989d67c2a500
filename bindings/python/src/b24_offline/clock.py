"""Time for the drive loops."""

from __future__ import annotations

import time
from typing import Protocol

from .inbox import Happened, Inbox

#: How often a long wait looks at the wall clock, in seconds.
_SLICE = 10.0


class Clock(Protocol):
    """Where `Queue` gets its time from."""

    def now(self) -> int:
        """The present time in Unix milliseconds."""

    def wait(self, inbox: Inbox, at: int | None) -> Happened | None:
        """What comes next; None when `at` has come, or earlier: a tick too early does no harm."""


class AsyncClock(Protocol):
    """Where `AsyncQueue` gets its time from."""

    def now(self) -> int:
        """The present time in Unix milliseconds."""

    async def wait_async(self, inbox: Inbox, at: int | None) -> Happened | None:
        """What comes next; None when `at` has come, or earlier: a tick too early does no harm."""


class SystemClock:
    """The system's wall clock.

    A wait ends early when the clock was set or the machine was suspended, so that nothing waits for a time that
    has moved.
    """

    def now(self) -> int:
        """The present time in Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def wait(self, inbox: Inbox, at: int | None) -> Happened | None:
        """What comes next; None when `at` has come or the clock was set."""
        while True:
            slice_ = _Slice(self, at)
            happened = inbox.take(slice_.seconds)
            if happened is not None or slice_.is_last():
                return happened

    async def wait_async(self, inbox: Inbox, at: int | None) -> Happened | None:
        """The same on an asyncio loop."""
        while True:
            slice_ = _Slice(self, at)
            happened = await inbox.take_async(slice_.seconds)
            if happened is not None or slice_.is_last():
                return happened


class _Slice:
    """A part of a wait, short enough to notice a clock that was set."""

    def __init__(self, clock: SystemClock, at: int | None) -> None:
        self._clock = clock
        self._at = at
        self._wall = clock.now()
        self._began = time.monotonic()
        self.seconds = _SLICE if at is None else min(max(0, at - self._wall) / 1_000, _SLICE)

    def is_last(self) -> bool:
        wall = self._clock.now()
        passed = (time.monotonic() - self._began) * 1_000
        was_set = abs(wall - self._wall - passed) > 1_000
        return was_set or (self._at is not None and wall >= self._at)
