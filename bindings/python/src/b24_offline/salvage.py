"""A damaged journal: what can be read goes into a fresh one, the damaged file is kept aside."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from .disk import sync_folder
from .lock import beside

#: "B24o": tells a journal from other programs' databases.
APPLICATION_ID = 0x4232_346F
#: `user_version` of a journal whose salvage the machine has not yet heard of and answered.
SALVAGED = 1


def create(connection: sqlite3.Connection, version: int) -> None:
    """Makes an empty database a journal."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("CREATE TABLE journal (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    connection.execute("COMMIT")


def renew(path: Path) -> None:
    """Puts a fresh journal with what can be read in the damaged one's place. Raises `OSError` or
    `sqlite3.Error`."""
    entries = _readable(path)
    fresh = _fresh_path(path)
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        create(connection, SALVAGED)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO journal VALUES (?, ?)", sorted(entries.items()))
        connection.execute("COMMIT")
    # from here on a stop in the middle is finished by the next start
    _set_aside(path)
    os.replace(fresh, path)
    sync_folder(path)


def finish(path: Path) -> None:
    """A salvage that was stopped after the damaged file was set aside: the fresh one takes its place."""
    fresh = _fresh_path(path)
    if fresh.exists() and not path.exists():
        # beside the fresh one SQLite would take the damaged one's log for its own
        kept = (aside for aside in reversed(_asides(path)) if aside.exists())
        _move_log(path, next(kept, _asides(path)[0]))
        os.replace(fresh, path)
        sync_folder(path)


def _fresh_path(path: Path) -> Path:
    return beside(path, ".fresh")


def _readable(path: Path) -> dict[str, str]:
    """The entries that can be read, from both ends of the table towards the damage."""
    entries: dict[str, str] = {}
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.text_factory = bytes
            for order in ("ASC", "DESC"):
                _read_until_damage(connection, order, entries)
    except sqlite3.Error:
        # nothing of it can be read
        return entries
    return entries


def _read_until_damage(connection: sqlite3.Connection, order: str, entries: dict[str, str]) -> None:
    sql = f"SELECT typeof(key), typeof(value), key, value FROM journal ORDER BY key {order}"
    try:
        for key_type, value_type, key, value in connection.execute(sql):
            if (key_type, value_type) != (b"text", b"text"):
                continue
            try:
                entries[key.decode("utf-8")] = value.decode("utf-8")
            except UnicodeDecodeError:
                continue
    except sqlite3.Error:
        # the damage
        return


def _set_aside(path: Path) -> None:
    """Renames the damaged file, with its log, to the first free `.damaged-N`."""
    aside = next((candidate for candidate in _asides(path) if not candidate.exists()), None)
    if aside is None:
        raise OSError("there are 9,999 damaged journals beside it; remove some")
    os.rename(path, aside)
    _move_log(path, aside)


def _asides(path: Path) -> list[Path]:
    return [beside(path, f".damaged-{number}") for number in range(1, 10_000)]


def _move_log(path: Path, aside: Path) -> None:
    for end in ("-wal", "-shm"):
        try:
            os.rename(beside(path, end), beside(aside, end))
        except FileNotFoundError:
            continue
