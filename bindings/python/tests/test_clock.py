"""The system's clock: waits in slices, and notices a clock that was set."""

from __future__ import annotations

import asyncio
import time

import pytest

from b24_offline import Happened, Inbox, Input, SystemClock


class Turned(Inbox):
    """An inbox in which nothing comes; a wait for it turns the clocks instead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.wall, self.steady = 1_000_000.0, 50.0
        #: By how much the wall clock is set at the wait of this number, in seconds.
        self.set_at: dict[int, float] = {}
        self.waits: list[float | None] = []
        monkeypatch.setattr(time, "time_ns", lambda: int(self.wall * 1e9))
        monkeypatch.setattr(time, "monotonic", lambda: self.steady)

    def take(self, timeout: float | None) -> Happened | None:
        assert timeout is not None
        self.waits.append(timeout)
        self.wall += timeout + self.set_at.get(len(self.waits), 0.0)
        self.steady += timeout
        return None

    async def take_async(self, timeout: float | None) -> Happened | None:
        return self.take(timeout)


@pytest.fixture(params=["threads", "asyncio"])
def inbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Turned:
    turned = Turned(monkeypatch)
    clock = SystemClock()
    if request.param == "threads":
        turned.wait = clock.wait  # type: ignore[attr-defined]
    else:
        def wait(given: Inbox, at: int | None) -> Happened | None:
            loop = asyncio.new_event_loop()
            waiting = clock.wait_async(given, at)
            try:
                # nothing in it suspends, so no loop with its own clock is needed
                waiting.send(None)
            except StopIteration as done:
                result: Happened | None = done.value
                return result
            finally:
                loop.close()
            raise AssertionError("it suspended")

        turned.wait = wait  # type: ignore[attr-defined]
    return turned


def wait(inbox: Turned, at: int) -> None:
    assert inbox.wait(inbox, at) is None  # type: ignore[attr-defined]


def test_a_long_wait_is_cut_into_slices(inbox: Turned) -> None:
    wait(inbox, 1_000_025_000)
    assert inbox.waits == [10.0, 10.0, 5.0]


def test_a_time_that_has_come_is_not_waited_for(inbox: Turned) -> None:
    wait(inbox, 999_000_000)
    assert inbox.waits == [0.0]


@pytest.mark.parametrize("seconds", [3_600.0, -3_600.0, 1.5])
def test_a_clock_that_was_set_ends_the_wait(inbox: Turned, seconds: float) -> None:
    inbox.set_at = {2: seconds}
    wait(inbox, 1_000_900_000)
    assert inbox.waits == [10.0, 10.0]


def test_a_small_correction_does_not(inbox: Turned) -> None:
    inbox.set_at = {1: 0.5}
    wait(inbox, 1_000_015_000)
    assert inbox.waits == [10.0, 4.5]


def test_commands_come_before_what_is_finished() -> None:
    inbox = Inbox()
    for _ in range(2):
        inbox.begin()
    inbox.finish(Happened(Input.TICK()))
    inbox.command(Input.NUDGE())
    inbox.finish(Happened(Input.TICK()))
    inbox.command(Input.STOP())
    taken = [inbox.take(0) for _ in range(4)]
    assert [happened.input for happened in taken if happened] == [
        Input.NUDGE(), Input.STOP(), Input.TICK(), Input.TICK()
    ]
    assert (inbox.take(0), inbox.busy) == (None, 0)


def test_an_inbox_rings_across_threads() -> None:
    async def rung() -> Happened | None:
        inbox = Inbox()
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(inbox.take_async(30))
        await loop.run_in_executor(None, inbox.command, Input.NUDGE())
        return await waiting

    happened = asyncio.run(rung())
    assert happened is not None and happened.input == Input.NUDGE()
