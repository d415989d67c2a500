"""The SQLite journal: order, damage, a full or closed disk, one process at a time."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from b24_offline import (
    JournalCondition,
    JournalContents,
    JournalEntry,
    JournalInUse,
    JournalUnusable,
    NotAJournal,
    Save,
    SaveOutcome,
    SqliteJournal,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


def saving(puts: Mapping[str, str], deletes: Iterable[str] = ()) -> Save:
    entries = [JournalEntry(key=key, value=value) for key, value in puts.items()]
    return Save(id=1, puts=entries, deletes=list(deletes))


def save(journal: SqliteJournal, puts: Mapping[str, str], deletes: Iterable[str] = ()) -> None:
    assert journal.save(saving(puts, deletes)) == SaveOutcome.DONE()


def pairs(contents: JournalContents) -> dict[str, str]:
    return {entry.key: entry.value for entry in contents.entries}


def read(path: Path) -> JournalContents:
    """What a start finds."""
    journal = SqliteJournal(path)
    journal.close()
    return journal.contents()


def filled(path: Path, count: int) -> None:
    """A journal of `count` entries, each of 400 bytes."""
    journal = SqliteJournal(path)
    save(journal, {f"key-{number:05}": "v" * 400 for number in range(count)})
    journal.close()


def test_saves_are_found_again(path: Path) -> None:
    journal = SqliteJournal(path)
    assert pairs(journal.contents()) == {}
    assert journal.contents().condition == JournalCondition.INTACT
    save(journal, {"a": "1", "b": "1"})
    save(journal, {"b": "ä€"}, ["a", "never-there"])
    journal.close()
    contents = read(path)
    assert pairs(contents) == {"b": "ä€"}
    assert contents.condition == JournalCondition.INTACT


def test_the_file_is_that_of_the_native_program(path: Path) -> None:
    filled(path, 1)
    connection = sqlite3.connect(path)
    pragmas = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in
               ("application_id", "user_version", "journal_mode")}
    schema = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    connection.close()
    assert pragmas == {"application_id": 0x4232_346F, "user_version": 0, "journal_mode": "wal"}
    assert schema == [("CREATE TABLE journal (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",)]


def test_a_second_holder_is_told_who_has_it(path: Path) -> None:
    journal = SqliteJournal(path)
    with pytest.raises(JournalInUse) as raised:
        SqliteJournal(path)
    assert (raised.value.pid, raised.value.exit_code) == (os.getpid(), 5)
    words = f"the journal {path} is in use by process {os.getpid()}; stop that one, or name another journal"
    assert str(raised.value) == words
    journal.close()
    assert path.with_name("queue.db.lock").read_text() == ""
    SqliteJournal(path).close()


def test_a_holder_that_was_killed_holds_nothing(path: Path) -> None:
    script = (
        "import os, sys; from b24_offline import *; journal = SqliteJournal(sys.argv[1]);"
        "journal.save(Save(id=1, puts=[JournalEntry(key='a', value='1')], deletes=[]));"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)]).returncode == -9
    assert pairs(read(path)) == {"a": "1"}


def test_a_full_disk_fails_the_save_and_harms_nothing(path: Path) -> None:
    journal = SqliteJournal(path, most_bytes=32 * 1024)
    save(journal, {"small": "1"})
    outcome = journal.save(saving({"small": "2", "large": "x" * 64 * 1024}))
    assert outcome.is_FAILED() and "full" in outcome.why
    save(journal, {"other": "1"})
    journal.close()
    assert pairs(read(path)) == {"other": "1", "small": "1"}


def test_a_closed_journal_takes_nothing(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.close()
    journal.close()
    assert journal.save(saving({"a": "1"})).is_FAILED()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="missing.*folder that exists") as raised:
        SqliteJournal(tmp_path / "missing" / "queue.db")
    assert raised.value.exit_code == 2


def test_a_bare_name_lies_in_the_working_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    path.write_bytes(b"torn to pieces")
    assert read(Path("queue.db")).condition == JournalCondition.SALVAGED


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_another_programs_database_is_left_untouched(path: Path, mode: str) -> None:
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA journal_mode = {mode}")
    other.execute("CREATE TABLE books (title TEXT)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(NotAJournal, match="left untouched"):
        SqliteJournal(path)
    assert path.read_bytes() == before


def test_reading_does_not_change_the_file(path: Path) -> None:
    filled(path, 20)
    before = path.read_bytes()
    read(path)
    assert path.read_bytes() == before


def test_reading_does_not_merge_a_log_that_a_stop_has_left(path: Path, tmp_path: Path) -> None:
    journal = SqliteJournal(path)
    save(journal, {"a": "1"})
    copy = tmp_path / "copy.db"
    # the files as a killed process leaves them
    shutil.copy(path, copy)
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    journal.close()
    before = copy.read_bytes(), Path(f"{copy}-wal").read_bytes()
    assert pairs(read(copy)) == {"a": "1"}
    assert (copy.read_bytes(), Path(f"{copy}-wal").read_bytes()) == before
    # the first save accepts it
    journal = SqliteJournal(copy)
    save(journal, {"b": "1"})
    journal.close()
    assert pairs(read(copy)) == {"a": "1", "b": "1"}


def test_a_damaged_page_costs_only_what_it_held(path: Path) -> None:
    filled(path, 500)
    content = bytearray(path.read_bytes())
    pages = len(content) // 4096
    assert pages > 20
    middle = pages // 2 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(content)

    journal = SqliteJournal(path)
    assert journal.contents().condition == JournalCondition.SALVAGED
    saved = len(journal.contents().entries)
    assert 200 <= saved < 500
    assert path.with_name("queue.db.damaged-1").read_bytes() == content
    journal.close()

    # a stop before the machine's first save must not hide it
    journal = SqliteJournal(path)
    assert journal.contents().condition == JournalCondition.SALVAGED
    assert len(journal.contents().entries) == saved
    save(journal, {"a": "1"})
    journal.close()
    contents = read(path)
    assert (contents.condition, len(contents.entries)) == (JournalCondition.INTACT, saved + 1)


def test_a_file_that_is_nothing_any_more_is_kept_aside(path: Path) -> None:
    for number in (1, 2):
        path.write_bytes(b"torn to pieces")
        contents = read(path)
        assert (contents.condition, contents.entries) == (JournalCondition.SALVAGED, [])
        assert path.with_name(f"queue.db.damaged-{number}").read_bytes() == b"torn to pieces"


@pytest.mark.parametrize(
    "damage",
    ["DROP TABLE journal", "ALTER TABLE journal RENAME COLUMN value TO other",
     "UPDATE journal SET value = x'00ff' WHERE key = 'key-00001'",
     "UPDATE journal SET value = CAST(x'ff' AS TEXT) WHERE key = 'key-00001'"],
)
def test_a_journal_of_another_shape_is_salvaged(path: Path, damage: str) -> None:
    filled(path, 3)
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()
    contents = read(path)
    assert contents.condition == JournalCondition.SALVAGED
    assert len(contents.entries) == (2 if damage.startswith("UPDATE") else 0)


def test_a_salvage_that_was_stopped_is_finished(path: Path) -> None:
    path.write_bytes(b"torn to pieces")
    read(path)
    # as after a stop between the two renames
    fresh = path.with_name("queue.db.fresh")
    path.rename(fresh)
    assert read(path).condition == JournalCondition.SALVAGED
    assert not fresh.exists()


def test_an_empty_file_is_a_new_journal(path: Path) -> None:
    path.write_bytes(b"")
    assert read(path).condition == JournalCondition.INTACT


def test_a_journal_whose_log_can_not_be_written_is_refused(path: Path) -> None:
    filled(path, 3)
    log = Path(f"{path}-wal")
    log.unlink(missing_ok=True)
    log.mkdir()
    before = path.read_bytes()
    with pytest.raises(JournalUnusable):
        SqliteJournal(path)
    assert path.read_bytes() == before
    log.rmdir()
    assert len(read(path).entries) == 3
