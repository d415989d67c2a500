"""A journal at odd moments: a salvage that is stopped at any step, a fork, names that are none."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from test_journal import filled, pairs, path, read, save, saving

from b24_offline import (
    Inbox,
    JournalCondition,
    JournalInUse,
    JournalUnusable,
    MemoryJournal,
    Save,
    SaveOutcome,
    SqliteJournal,
)
from b24_offline.work import Saver

__all__ = ["path"]


class Stopped(BaseException):
    """As if the process had been killed."""


def damaged_with_log(folder: Path) -> Path:
    """A journal with a damaged page, and a log of further entries that was left by a stop."""
    source = folder / "source.db"
    filled(source, 60)
    connection = sqlite3.connect(source)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    more = [(f"more-{number}", "v" * 400) for number in range(60)]
    connection.executemany("INSERT INTO journal VALUES (?, ?)", more)
    connection.commit()
    whole = folder / "whole.db"
    for end in ("", "-wal"):
        shutil.copy(f"{source}{end}", f"{whole}{end}")
    connection.close()
    content = bytearray(whole.read_bytes())
    content[3 * 4096 : 4 * 4096] = b"\xa5" * 4096
    whole.write_bytes(content)
    return whole


@pytest.mark.parametrize("step", [1, 2])
def test_a_salvage_that_is_stopped_loses_nothing_of_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    whole = damaged_with_log(tmp_path)
    for end in ("", "-wal"):
        shutil.copy(f"{whole}{end}", f"{path}{end}")
    kept = read(whole)
    assert kept.condition == JournalCondition.SALVAGED and 60 < len(kept.entries) < 120

    rename, count = os.rename, iter(range(1, 10))

    def stopping(old: Path, new: Path) -> None:
        rename(old, new)
        if next(count) == step:
            raise Stopped

    log = Path(f"{path}-wal").read_bytes()
    monkeypatch.setattr(os, "rename", stopping)
    with pytest.raises(Stopped):
        SqliteJournal(path)
    monkeypatch.undo()
    again = read(path)
    assert (again.condition, pairs(again)) == (JournalCondition.SALVAGED, pairs(kept))
    assert path.with_name("queue.db.damaged-1-wal").read_bytes() == log, "it is kept aside with its file"


def forked(work: object) -> int:
    """Runs `work` in a forked process and gives its exit code."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(int(work()))  # type: ignore[operator]
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_neither_writes_nor_frees_the_journal(path: Path) -> None:
    journal = SqliteJournal(path)
    save(journal, {"a": "1"})

    def child() -> bool:
        outcome = journal.save(saving({"b": "1"}))
        journal.close()
        why = f"the journal belongs to process {os.getppid()}, which opened it; open another one here"
        return bool(outcome != SaveOutcome.FAILED(why=why))

    assert forked(child) == 0
    program = "import sys, b24_offline; b24_offline.SqliteJournal(sys.argv[1])"
    other = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert JournalInUse(path, os.getpid()).args[0] in other.stderr
    save(journal, {"c": "1"})
    journal.close()
    assert pairs(read(path)) == {"a": "1", "c": "1"}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_neither_runs_nor_closes_a_queue(path: Path) -> None:
    program = f"""
import os, sys
import b24_offline
class Token:
    base_url = "https://portal.example/rest/"
    def token(self): return "canary-token"
    def refresh(self): pass
with b24_offline.Queue(Token(), ["ONCRMDEALADD"], journal={str(path)!r}) as queue:
    child = os.fork()
    if child == 0:
        try:
            queue.run(lambda batch: None)
        except b24_offline.Misuse as error:
            print(error, flush=True)
        # leaves the block
        sys.exit(7)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        b24_offline.SqliteJournal({str(path)!r})
    except b24_offline.JournalInUse:
        print(code, "still held", flush=True)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "belongs to process" in ran.stdout and "7 still held" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", ["", "/", "a\0b"])
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(JournalUnusable, match="name a file in a folder that exists and is writable"):
        SqliteJournal(name)


def test_behind_a_save_that_failed_oddly_none_becomes_durable() -> None:
    class Odd(MemoryJournal):
        def save(self, save: Save) -> SaveOutcome:
            if save.puts[0].key == "odd":
                raise MemoryError
            return super().save(save)

    journal, inbox = Odd(), Inbox()
    saver = Saver(journal, inbox)
    for key in ("a", "odd", "c"):
        saver.save(saving({key: "1"}))
    saver.finish()
    assert pairs(journal.contents()) == {"a": "1"}
    assert inbox.take(0) is not None
    with pytest.raises(MemoryError):
        inbox.take(0)
