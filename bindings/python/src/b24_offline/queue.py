"""The queue as a user's program sees it, on threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Any

from ._native import Config, End, WriteResult
from .auth import AuthSource
from .base import BaseQueue, outcome
from .clock import Clock, SystemClock
from .drive import drive
from .errors import Misuse
from .handler import Each, Handler, refuse_async
from .http import HttpSettings
from .journal import Journal
from .report import Report
from .transport import HttpTransport, Transport
from .work import Parts


class Queue(BaseQueue):
    """The offline-event queue of one application on one portal.

    It runs once; a program that dies loses nothing, the next start on the same journal carries on. Leaving its
    `with` block stops it in an orderly way: what was judged is settled.

    - `auth`: the authorisation, which also names the portal.
    - `events`: events to be recorded and delivered, such as `ONCRMDEALUPDATE`.
    - `connector`: the source key, a queue of its own that leaves out this program's own writes.
    - `journal`: a path for a SQLite file, or a `Journal`; without one a restart drives parked changes again.
    - `until_empty`: ends the run by itself when the queue is empty.
    - `configure`: changes anything else of the configuration.
    - `on_notice`: called, by several threads, with what a person may want to know; it should return at once.
      Without it the logger `b24_offline` gets that.
    - `http`, `transport`, `clock`: how HTTP is spoken, or one's own parts.
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
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Opens the journal and checks everything; nothing is sent yet. Raises `InvalidValue`, `ConfigError`,
        `JournalError`, `HttpError`."""
        self._clock = clock or SystemClock()
        self._thread: threading.Thread | None = None
        self._abandoned = False
        # taken again by a signal's handler that closes what is being closed
        self._closing = threading.RLock()
        super().__init__(
            auth, events, connector, journal, until_empty, configure, on_notice, self._clock.now()
        )
        self._own_transport: HttpTransport | None = None
        try:
            self._transport = transport or self._over_http(auth, http)
        except BaseException:
            self._finish()
            raise

    def run(self, handler: Handler | Each) -> End:
        """Drains the queue into `handler` until `stop`, or until it is empty where that was asked for. Raises
        `RunFailed` when it can't go on without a person. Ctrl-C stops it in an orderly way and is raised then;
        a second one ends at once."""
        refuse_async(handler)
        self._begin()
        parts = Parts[Transport, Clock, Handler | Each](
            self._transport, self._journal, self._clock, handler, self
        )
        ended: Future[End] = Future()

        def run() -> None:
            try:
                ended.set_result(drive(self._machine, parts, self._inbox))
            except BaseException as error:
                ended.set_exception(error)

        self._thread = threading.Thread(target=run, name="b24-offline drive", daemon=True)
        self._thread.start()
        try:
            # in parts, because a wait without a time can't be interrupted everywhere
            while wait([ended], timeout=1).not_done:
                continue
        except BaseException:
            self.stop()
            self._abandoned = True
            wait([ended])
            self._abandoned = False
            raise
        finally:
            if ended.done():
                self.close()
        return outcome(ended.result())

    def write(self, method: str, params: Mapping[str, Any] | str) -> WriteResult:
        """Calls a modifying method as `submit` does and waits for its result. From any thread but the drive
        loop's own (`on_notice`, the hook `judged`)."""
        if threading.current_thread() is self._thread:
            raise Misuse("write waits for its result, which this thread brings; use submit here")
        return self.submit(method, params).result()

    def close(self) -> None:
        """Stops the run, if there is one, waits for its end and frees everything. From any thread but the drive
        loop's own."""
        if self._abandoned or self._is_forked():
            # its threads end with the program, as in a crash; or with the program that has them
            return
        if threading.current_thread() is self._thread:
            raise Misuse("close waits for the end of the run, which this thread brings; use stop here")
        with self._closing:
            if self._thread is not None:
                self.stop()
                self._thread.join()
            self._finish()
            if self._own_transport is not None:
                self._own_transport.close()

    def __enter__(self) -> Queue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _over_http(self, auth: AuthSource, http: HttpSettings | None) -> HttpTransport:
        self._own_transport = own = HttpTransport(auth, http)
        return own
