"""What receives the changes of `listen`: a program for each batch, or standard output; and what follows."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO

from listen_log import Log

from b24_offline import (
    AsyncQueue,
    Batch,
    NotAVerdict,
    ObjectId,
    Verdict,
    Verdicts,
    WriteError,
    WriteResult,
    change_line,
    handler_failed,
    verdict_of,
    verdicts_from_handler_output,
    why_not_written_back,
    write_back,
    write_trouble,
)

#: The most that is read of a program's answer, in bytes.
_MOST_OUTPUT = 4 * 1024 * 1024


class _Failed(Exception):
    """The program failed on its batch."""


class Exec:
    """`--exec`: starts the command through the shell, in a process group of its own: a signal from the terminal
    ends this program in an orderly way and lets the handler finish."""

    def __init__(self, command: str, log: Log) -> None:
        self._command = command
        self._log = log
        #: The ids of the programs that have not ended.
        self.running: set[int] = set()

    def __call__(self, batch: Batch) -> Verdicts:
        try:
            return self._run(batch)
        except _Failed as error:
            self._log.report(handler_failed(len(batch.changes), str(error)))
            return Verdicts.ALL(Verdict.RETRY(after=None), [])

    def _run(self, batch: Batch) -> Verdicts:
        pipe = subprocess.PIPE
        try:
            program = subprocess.Popen(
                self._command, shell=True, stdin=pipe, stdout=pipe, start_new_session=True
            )
        except OSError as error:
            raise _Failed(f"it could not be started: {error}") from None
        self.running.add(program.pid)
        output = self._exchange(program, batch)
        code = program.wait()
        self.running.discard(program.pid)
        if code != 0:
            raise _Failed(_signal(-code) if code < 0 else f"exit status: {code}")
        if len(output) > _MOST_OUTPUT:
            raise _Failed(f"it printed more than {_MOST_OUTPUT // 1024 // 1024} MiB")
        try:
            return verdicts_from_handler_output(batch, output.decode("utf-8"))
        except UnicodeDecodeError:
            raise _Failed("its output is not UTF-8") from None
        except NotAVerdict as error:
            raise _Failed(str(error)) from None

    def _exchange(self, program: subprocess.Popen[bytes], batch: Batch) -> bytes:
        """Feeds it and reads its answer, at most a byte more than is taken."""
        assert program.stdin is not None and program.stdout is not None
        feeding = threading.Thread(target=_feed, args=(program.stdin, batch), daemon=True)
        feeding.start()
        with program.stdout as answer:
            output = answer.read(_MOST_OUTPUT + 1)
            # read on, so that it can end
            while answer.read(65_536):
                continue
        feeding.join()
        return output

    def end_group(self, pid: int) -> bool:
        """Sends SIGTERM to a program's process group; False where that can't be done."""
        if sys.platform == "win32":
            return False
        try:
            os.killpg(pid, signal.SIGTERM)
        except OSError:
            return False
        return True


def _signal(number: int) -> str:
    try:
        return f"signal: {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal: {number}"


def _feed(program: IO[bytes], batch: Batch) -> None:
    try:
        with program:
            for change in batch.changes:
                program.write(change_line(change).encode("utf-8") + b"\n")
    except OSError:
        # a program that does not read to the end says by its exit whether that was right
        return


class StdoutLines:
    """`--jsonl`: each change as one JSON line on standard output; a batch's lines stand together."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._turn = threading.Lock()
        #: Why standard output takes no more.
        self.refused: OSError | None = None

    def __call__(self, batch: Batch) -> Verdicts:
        lines = "".join(change_line(change) + "\n" for change in batch.changes)
        with self._turn:
            try:
                if sys.stdout is None:
                    # it was closed from the start
                    raise OSError(errno.EBADF, os.strerror(errno.EBADF))
                sys.stdout.buffer.write(lines.encode("utf-8"))
                sys.stdout.buffer.flush()
            except OSError as error:
                # which lines still went through is not known; the first error is the cause
                self.refused = self.refused or error
                self._stop()
                return Verdicts.ALL(Verdict.RETRY(after=None), [])
        return Verdicts.ALL(Verdict.DONE(), [])


class FollowUp:
    """`--write-back`: a handler whose done changes are followed by a write, where a field was named."""

    def __init__(
        self, inner: Callable[[Batch], Verdicts], field: str | None, queue: AsyncQueue, log: Log
    ) -> None:
        self._inner = inner
        self._field = field
        self._queue = queue
        self._log = log
        # the kinds of whose objects nothing can be written back; each is told of once
        self._told: set[str] = set()
        self._open: set[asyncio.Task[None]] = set()

    def __call__(self, batch: Batch) -> Verdicts:
        return self._inner(batch)

    def judged(self, batch: Batch, verdicts: Verdicts) -> None:
        """Called when the machine has taken the verdicts, on the loop's own thread."""
        if self._field is None:
            return
        for change in batch.changes:
            verdict = verdict_of(verdicts, change.key)
            if verdict is None or not verdict.is_DONE():
                continue
            call = write_back(change, self._field, [])
            if call is None:
                why = why_not_written_back(change, self._field)
                if why is not None and change.object.kind not in self._told:
                    self._told.add(change.object.kind)
                    self._log.warning(why)
                continue
            task = asyncio.ensure_future(self._tell(change.object, self._queue.write(call.method, call.params)))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def finish(self) -> None:
        """Waits until each write has its result, or its queue has ended."""
        await asyncio.gather(*self._open)

    async def _tell(self, name: ObjectId, writing: asyncio.Future[WriteResult]) -> None:
        try:
            trouble = write_trouble(await writing)
        except WriteError as error:
            trouble = f"has no result: {error}"
        if trouble is not None:
            self._log.warning(f"the write-back of {name.kind} {name.id} {trouble}")
