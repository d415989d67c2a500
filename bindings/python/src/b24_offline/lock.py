"""One process at a time: a lock held for the whole run on a file beside the journal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .disk import words
from .errors import JournalInUse, JournalUnusable

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class Lock:
    """Held until `release`; the system frees it when the process ends, however that happens."""

    def __init__(self, journal: Path) -> None:
        """Takes it. Raises `JournalInUse` with the holder's id, or `JournalUnusable`."""
        try:
            descriptor = os.open(beside(journal, ".lock"), os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise JournalUnusable(journal, words(error)) from None
        except ValueError:
            # empty, a root, or with a null character
            raise JournalUnusable(journal, "it is no name of a file") from None
        try:
            if not _try_lock(descriptor):
                raise JournalInUse(journal, _holder(descriptor))
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        except OSError as error:
            os.close(descriptor)
            raise JournalUnusable(journal, words(error)) from None
        except JournalInUse:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Frees it."""
        # the file stays: removing it would let two processes lock two files of the same name
        os.ftruncate(self._descriptor, 0)
        _unlock(self._descriptor)
        os.close(self._descriptor)


def beside(journal: Path, end: str) -> Path:
    """The path with `end` behind its name."""
    return journal.with_name(journal.name + end)


def _holder(descriptor: int) -> int | None:
    try:
        text = os.pread(descriptor, 20, 0) if sys.platform != "win32" else b""
        return int(text.decode("ascii").strip())
    except (OSError, ValueError):
        return None
