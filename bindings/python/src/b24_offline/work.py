"""What the drive loops begin: calls, saves and deliveries, each of which puts what became of it into the inbox."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ._native import Input, Save, Status, Written
from .handler import Judged
from .inbox import Happened, Inbox
from .journal import Journal
from .report import Report, handler_failed

TransportT = TypeVar("TransportT")
ClockT = TypeVar("ClockT")
HandlerT = TypeVar("HandlerT")


class Owner(Protocol):
    """What a loop tells its queue."""

    def report(self, report: Report) -> None:
        """Something a person may want to know."""

    def written(self, written: Written) -> None:
        """The result of a write."""

    def keep(self, status: Status) -> None:
        """How the machine is doing now."""


@dataclass(frozen=True)
class Parts(Generic[TransportT, ClockT, HandlerT]):
    """What a loop works with."""

    transport: TransportT
    journal: Journal
    clock: ClockT
    handler: HandlerT
    owner: Owner

    def outcome(self, judged: Judged) -> Happened:
        """What a judged batch is for the machine; what was wrong with the handler is reported."""
        if judged.wrong is not None:
            self.owner.report(handler_failed(judged.failed, judged.wrong))
        given = Input.JUDGED(batch=judged.batch.id, verdicts=judged.verdicts)
        return Happened(given, (judged.batch, judged.verdicts))

    def judged(self, happened: Happened) -> None:
        """Tells the handler's hook `judged`, if it has one, that the machine has taken its verdicts."""
        hook = getattr(self.handler, "judged", None)
        if happened.judged is not None and hook is not None:
            hook(*happened.judged)


class Saver:
    """Makes saves durable on a thread of its own, in the order in which they are given."""

    def __init__(self, journal: Journal, inbox: Inbox) -> None:
        self._journal = journal
        self._inbox = inbox
        self._saves: queue.SimpleQueue[Save | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="b24-offline journal", daemon=True)
        self._thread.start()

    def save(self, save: Save) -> None:
        """Takes its place behind the saves before it."""
        self._inbox.begin()
        self._saves.put(save)

    def finish(self) -> None:
        """Waits for the saves that were given."""
        self._saves.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (save := self._saves.get()) is not None:
            try:
                outcome = self._journal.save(save)
                self._inbox.finish(Happened(Input.SAVED(save=save.id, outcome=outcome)))
            except BaseException as error:
                self._inbox.finish(error)
                # no later save may become durable without this one
                return


class Threads:
    """Work on threads of its own, which no end of the program waits for."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def start(self, work: Callable[[], Happened]) -> None:
        """What `work` gives or raises goes to the inbox."""

        def run() -> None:
            try:
                self._inbox.finish(work())
            except BaseException as error:
                self._inbox.finish(error)

        self._inbox.begin()
        threading.Thread(target=run, name="b24-offline work", daemon=True).start()


class Tasks:
    """Work as tasks of an asyncio loop."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._open: set[asyncio.Task[Happened]] = set()

    def start(self, work: Coroutine[Any, Any, Happened]) -> None:
        """What `work` gives or raises goes to the inbox."""
        self._inbox.begin()
        task = asyncio.ensure_future(work)
        self._open.add(task)
        task.add_done_callback(self._ended)

    async def abandon(self) -> None:
        """Cancels what is open, as a crash does."""
        left = list(self._open)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Happened]) -> None:
        self._open.discard(task)
        if task.cancelled():
            self._inbox.finish(RuntimeError("a task of the queue was cancelled by somebody else"))
            return
        error = task.exception()
        self._inbox.finish(task.result() if error is None else error)
