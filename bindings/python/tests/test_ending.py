"""How a run ends from outside: Ctrl-C, a cancelled task, a block that is left, a second run."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator

import pytest
from driven import Driven
from portal import AsyncPortal, FixedToken, ScriptedPortal

from b24_offline import (
    AsyncQueue,
    Batch,
    Change,
    Config,
    HttpTransport,
    Limits,
    MemoryJournal,
    Misuse,
    Queue,
    Report,
    each,
    reject,
)


def off(config: Config) -> None:
    config.limits = Limits.OFF


class Slow:
    """A handler that says that it has begun and waits until it may go on."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, batch: Batch) -> None:
        self.begun.set()
        assert self.go.wait(30)

    @contextlib.contextmanager
    def once_begun(self, act: object) -> Iterator[None]:
        """Calls `act` when the handler has begun, on a thread of its own, then lets the handler go on."""

        def wait() -> None:
            assert self.begun.wait(30)
            act()  # type: ignore[operator]
            self.go.set()

        thread = threading.Thread(target=wait)
        thread.start()
        yield
        thread.join(30)


def test_ctrl_c_settles_what_was_judged_and_is_raised() -> None:
    portal, slow, journal = ScriptedPortal(3), Slow(), MemoryJournal()
    queue = Queue(FixedToken(), ["ONCRMDEALADD"], journal=journal, transport=portal, configure=off)
    main = threading.main_thread().ident
    assert main is not None
    with slow.once_begun(lambda: signal.pthread_kill(main, signal.SIGINT)), pytest.raises(KeyboardInterrupt), queue:
        queue.run(slow)
    assert not portal.reserved and not portal.free
    assert queue.status().phase.is_ENDED()


def test_leaving_the_block_stops_a_run_on_another_thread() -> None:
    portal, slow = ScriptedPortal(3), Slow()
    driven = Driven("threads", portal, until_empty=False)
    queue = driven.queue
    assert isinstance(queue, Queue)
    with queue:
        running = driven.run_aside(slow)
        assert slow.begun.wait(30)
        slow.go.set()
    assert running.end().is_STOPPED()
    assert not portal.reserved


def test_a_cancelled_run_settles_what_was_judged() -> None:
    portal, begun, go = ScriptedPortal(3), asyncio.Event(), asyncio.Event()

    async def slow(batch: Batch) -> None:
        begun.set()
        await go.wait()

    async def cancelled() -> AsyncQueue:
        queue = AsyncQueue(
            FixedToken(), ["ONCRMDEALADD"], journal=MemoryJournal(), transport=AsyncPortal(portal), configure=off
        )
        async with queue:
            running = asyncio.ensure_future(queue.run(slow))
            await begun.wait()
            running.cancel()
            asyncio.get_running_loop().call_soon(go.set)
            with pytest.raises(asyncio.CancelledError):
                await running
        return queue

    queue = asyncio.run(cancelled())
    assert not portal.reserved and queue.status().phase.is_ENDED()


def test_a_run_that_is_cancelled_twice_ends_at_once() -> None:
    portal, begun = ScriptedPortal(3), asyncio.Event()
    abandoned: list[bool] = []

    async def hanging(batch: Batch) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            abandoned.append(True)
            raise

    async def cancelled() -> None:
        queue = AsyncQueue(FixedToken(), ["ONCRMDEALADD"], transport=AsyncPortal(portal), configure=off)
        running = asyncio.ensure_future(queue.run(hanging))
        await begun.wait()
        running.cancel()
        # so that the first one has arrived
        await asyncio.wait({running}, timeout=0)
        await asyncio.wait({running}, timeout=0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    assert abandoned == [True]
    assert len(portal.reserved) == 3, "the next start carries on"


def test_threads_that_close_at_once_do_not_wait_for_each_other_for_ever() -> None:
    for _ in range(40):
        transport, meet = HttpTransport(FixedToken()), threading.Barrier(3)

        def close(transport: HttpTransport = transport, meet: threading.Barrier = meet) -> None:
            meet.wait(30)
            transport.close()

        threads = [threading.Thread(target=close, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()


def test_a_close_by_the_loops_own_thread_is_refused() -> None:
    refused: list[str] = []

    def close(report: Report) -> None:
        try:
            queue.close()
        except Misuse as error:
            refused.append(str(error))

    queue = Queue(
        FixedToken(), ["ONCRMDEALADD"], transport=ScriptedPortal(1), until_empty=True, configure=off, on_notice=close
    )
    handler = each(lambda change: reject("no"))
    assert queue.run(handler).is_EMPTY()
    assert "close waits for the end of the run, which this thread brings; use stop here" in refused


def test_a_queue_runs_once() -> None:
    for kind in ("threads", "asyncio"):
        driven = Driven(kind, ScriptedPortal(0))
        assert driven.run(each(lambda change: None)).is_EMPTY()
        with pytest.raises(Misuse, match="open another one"):
            driven.run(each(lambda change: None))


def test_a_closed_queue_does_not_run() -> None:
    queue = Queue(FixedToken(), ["ONCRMDEALADD"], transport=ScriptedPortal(0))
    queue.close()
    queue.close()
    with pytest.raises(Misuse, match="closed"):
        queue.run(each(lambda change: None))


def test_coroutine_functions_are_for_the_asyncio_queue() -> None:
    async def one(change: Change) -> None:
        return None

    async def all_of(batch: Batch) -> None:
        return None

    for handler in (each(one), all_of):
        queue = Queue(FixedToken(), ["ONCRMDEALADD"], transport=ScriptedPortal(0))
        with queue, pytest.raises(TypeError, match="AsyncQueue"):
            queue.run(handler)


def test_the_asyncio_queue_takes_every_kind_of_handler() -> None:
    async def one(change: Change) -> None:
        await asyncio.sleep(0)

    async def all_of(batch: Batch) -> None:
        await asyncio.sleep(0)

    class Called:
        async def __call__(self, batch: Batch) -> None:
            await asyncio.sleep(0)

    handlers = [each(one, at_once=3), all_of, Called(), lambda batch: all_of(batch), lambda batch: None]
    for handler in handlers:
        portal = ScriptedPortal(7)
        driven = Driven("asyncio", portal)
        assert driven.run(handler).is_EMPTY()
        assert not portal.reserved and driven.queue.status().counters.done == 7, driven.said()


def test_a_write_that_would_wait_for_itself_is_refused() -> None:
    portal, caught = ScriptedPortal(1), list[Exception]()
    driven = Driven("threads", portal)

    class Handler:
        def __call__(self, batch: Batch) -> None:
            return None

        def judged(self, batch: Batch, verdicts: object) -> None:
            assert isinstance(driven.queue, Queue)
            try:
                driven.queue.write("crm.deal.update", {"id": "1"})
            except Misuse as error:
                caught.append(error)
            driven.queue.submit("crm.deal.update", {"id": "1"})

    assert driven.run(Handler()).is_EMPTY()
    assert len(caught) == 1 and "use submit here" in str(caught[0])
    assert portal.calls.count("crm.deal.update") == 1
