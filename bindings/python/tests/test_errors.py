"""Typed errors, and what has failed behind the boundary."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from portal import FixedToken

from b24_offline import (
    AsyncQueue,
    B24OfflineError,
    Batch,
    Busy,
    ConfigError,
    Durability,
    Freed,
    Input,
    InvalidValue,
    JournalContents,
    JournalInUse,
    Machine,
    MemoryJournal,
    Misuse,
    NotAVerdict,
    OnReject,
    Panicked,
    Queue,
    SaveOutcome,
    SqliteJournal,
    _native,
    default_config,
    verdicts_from_handler_output,
)
from b24_offline.boundary import crossing

NOTHING = MemoryJournal().contents()


def opened(contents: JournalContents = NOTHING) -> Machine:
    return Machine(default_config("portal.example", ["ONCRMDEALADD"]), contents, 7, 1)


def test_a_freed_machine_says_so() -> None:
    machine = opened()
    machine.free()
    with pytest.raises(Freed, match="the machine was freed; open another one"):
        machine.handle(Input.TICK(), 2)
    with pytest.raises(Freed):
        machine.status()
    machine.free()


def test_misuse_is_told_in_the_cores_words() -> None:
    saved = Input.SAVED(save=9, outcome=SaveOutcome.DONE())
    with pytest.raises(Misuse, match="^Saved names save 9, which is not open$"):
        opened().handle(saved, 2)


def test_a_machine_that_is_used_by_many_threads_answers_or_says_that_it_is_busy() -> None:
    machine = opened()
    start = threading.Barrier(8)
    outcomes: list[str] = []

    def use() -> None:
        start.wait()
        for now in range(2, 300):
            try:
                machine.handle(Input.TICK(), now)
                outcomes.append("answered")
            except Busy as error:
                assert "in use by another call" in str(error)
                outcomes.append("busy")
            except Exception as error:
                outcomes.append(repr(error))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {"answered", "busy"} and outcomes.count("answered") > 0


def test_every_error_of_the_machine_arrives_typed() -> None:
    for name in ("Config", "Misuse", "Freed", "Busy", "Broken"):

        def fails(kind: Any = getattr(_native.MachineError, name)) -> None:
            raise kind("in these words")

        with pytest.raises(B24OfflineError, match="^in these words$") as raised:
            crossing(fails)()
        expected = {"Config": "ConfigError"}.get(name, name)
        assert type(raised.value).__name__ == expected


def test_a_panic_arrives_as_a_typed_error() -> None:
    panics = getattr(_native, "panic_on_purpose", None)
    assert panics is not None, (
        "this wheel can't panic on purpose; build it with the cargo feature panic-on-purpose: "
        "maturin build --features panic-on-purpose"
    )
    with pytest.raises(Panicked, match="a panic on purpose.*mistake in it"):
        crossing(panics)()
    # nothing else is harmed
    assert opened().status().held == 0


def test_values_that_are_wrong_say_what_to_do() -> None:
    auth = FixedToken()
    for kind in (Queue, AsyncQueue):
        with pytest.raises(InvalidValue, match="'NOT AN EVENT' is no name of an event") as raised:
            kind(auth, ["NOT AN EVENT"])
        assert raised.value.exit_code == 2
        with pytest.raises(InvalidValue, match="ONOFFLINEEVENT"):
            kind(auth, "ONOFFLINEEVENT")
        with pytest.raises(InvalidValue, match="leave it out"):
            kind(auth, ["ONCRMDEALADD"], connector="")
        with pytest.raises(ConfigError, match="no event is named"):
            kind(auth, [])


def test_a_configuration_that_can_not_work_frees_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"

    def wrong(config: Any) -> None:
        config.poll = 0

    with pytest.raises(ConfigError, match="the poll interval must be 10 milliseconds to one day") as raised:
        Queue(FixedToken(), ["ONCRMDEALADD"], journal=path, configure=wrong)
    assert raised.value.exit_code == 2
    SqliteJournal(path).close()


def test_what_needs_a_journal_says_so() -> None:
    def register(config: Any) -> None:
        assert config.journal == Durability.NONE
        config.on_reject = OnReject.REGISTER

    with pytest.raises(ConfigError, match="name a journal"):
        Queue(FixedToken(), ["ONCRMDEALADD"], configure=register)


def test_a_journal_is_held_until_the_queue_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    with Queue(FixedToken(), ["ONCRMDEALADD"], journal=path):
        with pytest.raises(JournalInUse):
            AsyncQueue(FixedToken(), ["ONCRMDEALADD"], journal=path)
    SqliteJournal(path).close()


def test_lines_that_are_no_verdicts() -> None:
    with pytest.raises(NotAVerdict, match="hello"):
        verdicts_from_handler_output(Batch(id=1, changes=[]), "hello")
