"""Drains the offline-event queue of a Bitrix24 portal and hands each change to a handler.

The same program as the native `b24-offline listen`, on asyncio; `python listen.py --help` says what it does.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import signal
import sys
import time
from pathlib import Path

from listen_handlers import Exec, FollowUp, StdoutLines
from listen_log import Log
from listen_options import check, configure, parse

from b24_offline import AsyncQueue, B24OfflineError, Endpoint, HttpSettings, OAuthFile, RunFailed

#: Signals closer than this to the first are the same request, sent twice: to the program and to its group, as
#: `timeout` does. In seconds.
_ONE_REQUEST = 1.0


class Refused(Exception):
    """Wrong usage or configuration, found before anything was sent."""

    exit_code = 2


def same_file(one: str, other: str) -> bool:
    """Whether both are there and the same. Raises nothing: what can't be opened is told when it is."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def opened(options: argparse.Namespace, log: Log) -> AsyncQueue:
    """The queue that the options describe. Raises `Refused` or `B24OfflineError`."""
    wrong = check(options)
    if wrong is not None:
        raise Refused(wrong)
    endpoint = Endpoint(options.endpoint, allow_http=options.allow_http)
    http = HttpSettings(ca=None if options.ca is None else read_ca(Path(options.ca)))
    auth = OAuthFile(options.auth, endpoint, http)
    log.hide(auth)
    if options.journal is not None and same_file(options.journal, options.auth):
        raise Refused("the journal and the auth file are one file; name another journal")
    queue = AsyncQueue(
        auth,
        options.events,
        connector=options.connector,
        journal=options.journal,
        until_empty=options.until_empty,
        configure=lambda config: configure(options, config),
        on_notice=log.report,
        http=http,
    )
    if options.journal is None:
        log.info(
            "there is no journal: nothing is lost, but a restart delivers again what was in hand and drives "
            "parked changes again; give --journal PATH to avoid that"
        )
    return queue


def read_ca(path: Path) -> bytes:
    """The certificate authorities in a file. Raises `Refused`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(
            f"the certificate authorities in {path} can't be read ({error.strerror}); name a PEM file"
        ) from None


class Signals:
    """SIGINT and SIGTERM: the first stops the queue in an orderly way, a later one ends at once."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._asked: float | None = None
        self._queue: AsyncQueue | None = None
        #: Set by a later signal.
        self.at_once = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self._asked_to_end)
            except NotImplementedError:
                # Windows: Ctrl-C cancels the run, which stops it in an orderly way too
                continue

    def stop(self, queue: AsyncQueue) -> None:
        """From here on signals stop this queue; one that came before does so now."""
        self._queue = queue
        if self._asked is not None:
            queue.stop()

    def _asked_to_end(self) -> None:
        if self._asked is None:
            self._asked = time.monotonic()
            self._log.info(
                "stopping: what was judged is settled; a second signal, a second or more from now, ends at once"
            )
            if self._queue is not None:
                self._queue.stop()
        elif time.monotonic() - self._asked >= _ONE_REQUEST:
            self.at_once.set()


async def drained(queue: AsyncQueue, handler: FollowUp, signals: Signals, log: Log) -> int:
    """Runs the queue to its end, or until a second signal, and gives the exit code."""
    running = asyncio.ensure_future(queue.run(handler))
    at_once = asyncio.ensure_future(signals.at_once.wait())
    await asyncio.wait({running, at_once}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        log.warning("stopped at once; the next start carries on without loss")
        return 1
    at_once.cancel()
    await handler.finish()
    try:
        await running
    except RunFailed as error:
        # it was reported by the machine's own notice
        return error.exit_code
    return 0


async def run(options: argparse.Namespace, log: Log) -> int:
    """Runs to the end and gives the exit code."""
    # before the first reservation, so that no signal ends the program without settling
    signals = Signals(log)
    try:
        queue = opened(options, log)
    except (Refused, B24OfflineError) as error:
        log.error(str(error))
        return error.exit_code
    signals.stop(queue)
    lines = StdoutLines(queue.stop)
    program = Exec(options.exec or "", log)
    inner = lines if options.exec is None else program
    code = await drained(queue, FollowUp(inner, options.write_back, queue, log), signals, log)
    for pid in sorted(program.running):
        became = "was told to end (SIGTERM)" if program.end_group(pid) else "still runs"
        log.warning(f"the handler that is process {pid} {became}; its changes will be delivered again")
    if lines.refused is not None:
        log.error(f"{happened_to_stdout(lines.refused)}; the lines that were not taken come again at the next start")
        return 1
    return code


def happened_to_stdout(error: OSError) -> str:
    """What happened to standard output."""
    if error.errno in (errno.EPIPE, errno.EBADF):
        return "standard output was closed"
    return f"standard output takes no more ({error.strerror})"


async def main() -> None:
    """Ends the program by itself: neither a handler that hangs nor a full pipe may keep it from ending."""
    options = parse()
    log = Log(options.log)
    try:
        code = await run(options, log)
    except Exception as error:
        log.error(f"unexpected: {type(error).__name__}: {error}")
        code = 1
    os._exit(code)


def fill_standard_files() -> None:
    """Where one of the three was closed from the start, no other file may get its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(descriptor)


if __name__ == "__main__":
    fill_standard_files()
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(1)
