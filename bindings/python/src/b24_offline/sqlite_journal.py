"""A journal in a SQLite file, the same that the native program writes."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

from ._native import JournalCondition, JournalContents, JournalEntry, Save, SaveOutcome
from .disk import words
from .errors import JournalUnusable, NotAJournal
from .lock import Lock
from .salvage import APPLICATION_ID, SALVAGED, create, finish, renew

_PUT = (
    "INSERT INTO journal (key, value) VALUES (?, ?) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


class _Damaged(Exception):
    """The file is a journal that can't be read as a whole, or nothing at all any more."""


class _Foreign(Exception):
    """The file is another program's database."""


class SqliteJournal:
    """A journal in one SQLite file, used by one process at a time (a lock on `PATH.lock`).

    It writes ahead (`journal_mode=WAL`) with `synchronous=FULL`. A damaged file is kept aside as
    `PATH.damaged-N`, what can be read of it starts a fresh one, and the condition is `SALVAGED` until the first
    save. Until the first save nothing is written to a journal that is sound.
    """

    def __init__(self, path: str | os.PathLike[str], most_bytes: int | None = None) -> None:
        """Locks and opens the journal, or makes a new one, and reads it. `most_bytes` bounds the file: a save
        that would make it larger fails. Raises `JournalInUse`, `JournalUnusable` or `NotAJournal`."""
        self._path = Path(path)
        self._most_bytes = most_bytes
        # a forked process has the lock and the connection too, and must use neither
        self._pid = os.getpid()
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._lock: Lock | None = Lock(self._path)
        try:
            self._contents = self._opened()
        except BaseException:
            self.close()
            raise

    def contents(self) -> JournalContents:
        """What was read at the opening."""
        return self._contents

    def save(self, save: Save) -> SaveOutcome:
        """Makes it durable, all or nothing. Fails in a process that was forked from the one that opened it."""
        if os.getpid() != self._pid:
            why = f"the journal belongs to process {self._pid}, which opened it; open another one here"
            return SaveOutcome.FAILED(why=why)
        with self._guard:
            if self._lock is None:
                return SaveOutcome.FAILED(why="the journal was closed")
            try:
                self._write(save)
            except sqlite3.Error as error:
                return SaveOutcome.FAILED(why=str(error))
        return SaveOutcome.DONE()

    def close(self) -> None:
        """Closes the file, then frees the lock; both stay open for the process that opened them."""
        if os.getpid() != self._pid:
            return
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def __repr__(self) -> str:
        return f"SqliteJournal({str(self._path)!r})"

    def _opened(self) -> JournalContents:
        try:
            finish(self._path)
            try:
                return self._read_file()
            except _Damaged:
                renew(self._path)
                return self._read_file()
        except _Foreign:
            raise NotAJournal(self._path) from None
        except _Damaged:
            raise JournalUnusable(self._path, "it is damaged again and again") from None
        except sqlite3.Error as error:
            raise JournalUnusable(self._path, str(error)) from None
        except OSError as error:
            raise JournalUnusable(self._path, words(error)) from None

    def _read_file(self) -> JournalContents:
        """Reads without writing, where there is something to read: the machine may refuse the journal. A
        connection that may write would merge the log into the file when it is closed."""
        new = not self._path.exists() or self._path.stat().st_size == 0
        kept_as_it_is = not new and _writes_ahead(self._path)
        if new or not kept_as_it_is:
            self._prepare()
        connection = self._connect("ro" if kept_as_it_is else "rw")
        try:
            return _read(connection)
        except sqlite3.Error as error:
            raise _trouble(error) from None
        finally:
            connection.close()

    def _prepare(self) -> None:
        """A new file becomes a journal, one that does not write ahead does."""
        connection = self._connect("rwc")
        try:
            if _whose(connection) is None:
                create(connection, 0)
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.Error as error:
            raise _trouble(error) from None
        finally:
            connection.close()

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"{self._path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)

    def _write(self, save: Save) -> None:
        first = self._connection is None
        if first:
            self._connection = self._to_write()
        connection = self._connection
        assert connection is not None
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("DELETE FROM journal WHERE key = ?", [(key,) for key in save.deletes])
            connection.executemany(_PUT, [(entry.key, entry.value) for entry in save.puts])
            # the machine knows of a salvage
            connection.execute("PRAGMA user_version = 0")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _to_write(self) -> sqlite3.Connection:
        connection = self._connect("rw")
        connection.execute("PRAGMA synchronous = FULL")
        if self._most_bytes is not None:
            page = connection.execute("PRAGMA page_size").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {self._most_bytes // max(page, 1)}").fetchone()
        return connection


def _writes_ahead(path: Path) -> bool:
    """Whether the file's header says so; SQLite alone judges everything else of it."""
    with path.open("rb") as file:
        header = file.read(20)
    return header.startswith(b"SQLite format 3\0") and header[18:20] == b"\x02\x02"


def _whose(connection: sqlite3.Connection) -> int | None:
    """The application's mark; None for an empty database. Raises `_Foreign`."""
    mark: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if mark == APPLICATION_ID:
        return mark
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if mark == 0 and tables == 0:
        return None
    raise _Foreign


def _read(connection: sqlite3.Connection) -> JournalContents:
    if _whose(connection) is None:
        raise _Damaged
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise _Damaged
    sql = "SELECT typeof(key), typeof(value), key, value FROM journal ORDER BY key"
    entries = []
    for key_type, value_type, key, value in connection.execute(sql):
        if (key_type, value_type) != ("text", "text"):
            raise _Damaged
        entries.append(JournalEntry(key=key, value=value))
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    condition = JournalCondition.SALVAGED if version == SALVAGED else JournalCondition.INTACT
    return JournalContents(entries=entries, condition=condition)


def _trouble(error: sqlite3.Error) -> Exception:
    """A damaged file, or the error itself. The class tells a corrupt file or one that is no database; an error
    of the SQL or of the text means a table or a value of another shape than ours, in a file with our mark."""
    misshapen = str(error).startswith(("no such ", "Could not decode to UTF-8"))
    return _Damaged() if type(error) is sqlite3.DatabaseError or misshapen else error
