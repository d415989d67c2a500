"""The machine's durable memory."""

from __future__ import annotations

import threading
from typing import Protocol

from ._native import JournalCondition, JournalContents, JournalEntry, Save, SaveOutcome


class Journal(Protocol):
    """Keeps what the machine tells it to keep."""

    def contents(self) -> JournalContents:
        """What it held when it was opened, with its condition."""

    def save(self, save: Save) -> SaveOutcome:
        """Makes a save durable, all or nothing. One save at a time is given, in the order in which the machine
        hands them out, on a thread that is not the caller's of anything else."""

    def close(self) -> None:
        """Frees what it holds."""


class MemoryJournal:
    """A journal in memory, for tests and demonstrations: it outlives a queue that "crashed"."""

    def __init__(self) -> None:
        self._entries: dict[str, str] = {}
        self._guard = threading.Lock()

    def contents(self) -> JournalContents:
        """Every entry, as a restart would find it."""
        with self._guard:
            entries = [JournalEntry(key=key, value=value) for key, value in sorted(self._entries.items())]
        return JournalContents(entries=entries, condition=JournalCondition.INTACT)

    def save(self, save: Save) -> SaveOutcome:
        """Keeps it."""
        with self._guard:
            for key in save.deletes:
                self._entries.pop(key, None)
            self._entries.update((entry.key, entry.value) for entry in save.puts)
        return SaveOutcome.DONE()

    def close(self) -> None:
        """Nothing is held."""


class NoJournal:
    """No journal: for `Durability.NONE`, where none is needed."""

    def contents(self) -> JournalContents:
        """Nothing."""
        return JournalContents(entries=[], condition=JournalCondition.INTACT)

    def save(self, save: Save) -> SaveOutcome:
        """Fails."""
        return SaveOutcome.FAILED(why="there is no journal")

    def close(self) -> None:
        """Nothing is held."""
