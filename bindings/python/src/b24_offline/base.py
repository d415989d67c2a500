"""What `Queue` and `AsyncQueue` share: the opening, the commands, the writes, the status."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from ._native import (
    Config,
    Durability,
    End,
    Input,
    ObjectId,
    Redrive,
    Status,
    Until,
    WriteResult,
    Written,
)
from .auth import AuthSource
from .boundary import Machine, connector as checked_connector, default_config, end_of, event_name
from .boundary import exit_code, failure_sentence
from .endpoint import portal_of
from .errors import Misuse, RunFailed, WriteEnded, WriteParams
from .inbox import Inbox
from .journal import Journal, NoJournal
from .report import Report, log, logger
from .sqlite_journal import SqliteJournal


class BaseQueue:
    """See `Queue` and `AsyncQueue`."""

    def __init__(
        self,
        auth: AuthSource,
        events: Iterable[str],
        connector: str | None,
        journal: str | os.PathLike[str] | Journal | None,
        until_empty: bool,
        configure: Callable[[Config], None] | None,
        on_notice: Callable[[Report], None] | None,
        now: int,
    ) -> None:
        names = [events] if isinstance(events, str) else events
        config = default_config(portal_of(auth.base_url), [event_name(name) for name in names])
        if connector is not None:
            config.connector = checked_connector(connector)
        config.journal = Durability.NONE if journal is None else Durability.DURABLE
        config.until = Until.EMPTY if until_empty else Until.STOPPED
        if configure is not None:
            configure(config)
        self._on_notice = on_notice or log
        self._inbox = Inbox()
        self._guard = threading.Lock()
        self._writes: dict[int, tuple[str, Future[WriteResult]]] = {}
        self._last_write = 0
        # a forked process has none of the threads, and not the journal
        self._pid = os.getpid()
        self._begun = False
        self._ended = False
        self._journal = _opened(journal)
        try:
            self._machine = Machine(config, self._journal.contents(), secrets.randbits(64), now)
            self._status = self._machine.status()
        except BaseException:
            self._journal.close()
            raise

    def nudge(self) -> None:
        """Says that there may be new records: they are looked for at once. From any thread."""
        self._inbox.command(Input.NUDGE())

    def stop(self) -> None:
        """Ends the run: nothing new is reserved, the running handler is waited for (30 s at most), what was
        judged is settled. From any thread."""
        self._inbox.command(Input.STOP())

    def redrive(self, objects: Iterable[ObjectId] | None = None) -> None:
        """Drives parked objects again; without `objects` all of them. From any thread."""
        which = Redrive.ALL() if objects is None else Redrive.OBJECTS(_object_ids(objects))
        self._inbox.command(Input.REDRIVE(which))

    def status(self) -> Status:
        """How the queue is doing; cheap. From any thread."""
        return self._status

    def submit(self, method: str, params: Mapping[str, Any] | str) -> Future[WriteResult]:
        """Calls a modifying method with the queue's connector, so that the change does not come back, within
        the queue's budget of requests. `params` is an object or the JSON text of one. The write is queued at
        once and never repeated; the future gives its result, or raises `WriteEnded`. From any thread. Raises
        `WriteParams`."""
        text = _json_object(method, params)
        future: Future[WriteResult] = Future()
        with self._guard:
            if self._ended:
                future.set_exception(WriteEnded(method))
                return future
            self._last_write += 1
            self._writes[self._last_write] = (method, future)
            self._inbox.command(Input.WRITE(write=self._last_write, method=method, params=text))
        return future

    def report(self, report: Report) -> None:
        """For the drive loop: something a person may want to know."""
        self._on_notice(report)

    def written(self, written: Written) -> None:
        """For the drive loop: the result of a write."""
        with self._guard:
            _, future = self._writes.pop(written.write)
        if future.set_running_or_notify_cancel():
            future.set_result(written.result)

    def keep(self, status: Status) -> None:
        """For the drive loop: how the machine is doing now."""
        self._status = status

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._status.phase})"

    def _is_forked(self) -> bool:
        return os.getpid() != self._pid

    def _begin(self) -> None:
        if self._is_forked():
            raise Misuse(f"the queue belongs to process {self._pid}, which opened it; open another one here")
        with self._guard:
            if self._begun or self._ended:
                raise Misuse("the queue was run before, or is closed; open another one")
            self._begun = True

    def _finish(self) -> None:
        """The loop has ended, however that happened."""
        with self._guard:
            if self._ended:
                return
            self._ended = True
            writes, self._writes = self._writes, {}
        for method, future in writes.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(WriteEnded(method))
        if self._begun and self._status.held:
            logger.info("%d objects are not settled; the next start carries on", self._status.held)
        self._machine.free()
        self._journal.close()


def outcome(end: End) -> End:
    """The end of a run that was asked for. Raises `RunFailed` for any other."""
    if end.is_FAILED():
        raise RunFailed(end[0], failure_sentence(end[0]), exit_code(end))
    return end


def has_ended(status: Status) -> bool:
    """Whether nothing more will happen."""
    return end_of(status.phase) is not None


def _opened(journal: str | os.PathLike[str] | Journal | None) -> Journal:
    if journal is None:
        return NoJournal()
    if isinstance(journal, str | os.PathLike):
        return SqliteJournal(journal)
    return journal


def _object_ids(objects: Iterable[ObjectId]) -> list[ObjectId]:
    given = list(objects)
    for one in given:
        # in the drive loop it would end the run
        if not isinstance(one, ObjectId):
            raise TypeError(f"an ObjectId names an object, not {type(one).__name__}; take change.object")
    return given


def _json_object(method: str, params: Mapping[str, Any] | str) -> str:
    if not isinstance(method, str) or not method.isascii():
        raise TypeError("the method is a text such as crm.deal.update")
    try:
        text = params if isinstance(params, str) else json.dumps(dict(params), ensure_ascii=False, allow_nan=False)
        # half of a surrogate pair is no text
        text.encode("utf-8")
        if isinstance(json.loads(text), dict):
            return text
    except (TypeError, ValueError, RecursionError):
        pass
    raise WriteParams(method)
