"""Both drive loops against a scripted portal and a clock that is turned: no network, nothing waits."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from driven import Driven
from portal import BEGIN, ScriptedPortal, answered, unreachable

from b24_offline import (
    Batch,
    Call,
    Change,
    Config,
    JournalContents,
    MemoryJournal,
    Reply,
    RunFailed,
    Save,
    SaveOutcome,
    Verdict,
    Verdicts,
    WriteEnded,
    WriteParams,
    done,
    each,
    reject,
    retry,
)

pytestmark = pytest.mark.parametrize("kind", ["threads", "asyncio"])


def test_everything_is_delivered_and_cleared(kind: str) -> None:
    portal = ScriptedPortal(120)
    driven = Driven(kind, portal, journal=MemoryJournal())
    seen: list[str] = []

    def carry_over(change: Change) -> None:
        assert change.data is not None
        assert json.loads(change.data)["TITLE"] == f"deal {change.object.id}"
        seen.append(change.object.id)

    assert driven.run(each(carry_over)).is_EMPTY()
    assert sorted(seen, key=int) == [str(number) for number in range(1, 121)]
    assert not portal.free and not portal.reserved
    status = driven.queue.status()
    assert (status.held, status.counters.done, status.counters.delivered) == (0, 120, 120)
    assert driven.said() == "ready: every event is bound"


def test_a_handler_of_batches_answers_none_for_done(kind: str) -> None:
    portal = ScriptedPortal(3)
    batches: list[Batch] = []
    assert Driven(kind, portal).run(batches.append).is_EMPTY()
    assert sum(len(batch.changes) for batch in batches) == 3
    assert not portal.reserved


def test_what_a_handler_raises_is_another_attempt_after_the_delay(kind: str) -> None:
    portal = ScriptedPortal(2)
    driven = Driven(kind, portal)
    attempts: list[tuple[int, int]] = []

    def stumbling(batch: Batch) -> None:
        attempts.append((batch.changes[0].attempt, driven.clock.now() - BEGIN))
        if batch.changes[0].attempt == 1:
            raise KeyError("no such customer")

    assert driven.run(stumbling).is_EMPTY()
    assert "the handler failed on 2 changes: it raised KeyError: 'no such customer'" in driven.said()
    first, second = attempts[0], attempts[1]
    assert (first[0], second[0]) == (1, 2)
    assert second[1] - first[1] >= 5_000, "the first delay of a retry is 5 s"
    assert not portal.reserved


def test_what_a_function_raises_for_one_change_fails_that_change_only(kind: str) -> None:
    driven = Driven(kind, ScriptedPortal(5))
    seen: list[tuple[str, int]] = []

    def stumbling(change: Change) -> Verdict | None:
        seen.append((change.object.id, change.attempt))
        if change.object.id == "3" and change.attempt == 1:
            raise ValueError("three")
        return done() if change.object.id == "4" else None

    assert driven.run(each(stumbling, at_once=2)).is_EMPTY()
    assert sorted(seen) == [("1", 1), ("2", 1), ("3", 1), ("3", 2), ("4", 1), ("5", 1)]
    assert "the handler failed on 1 change: it raised ValueError: three" in driven.said()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (True, "it answered bool, which is no Verdicts"),
        (Verdicts.ALL(Verdict.RETRY(after="soon"), []), "it raised TypeError"),
        (Verdicts.SOME([]), None),
    ],
)
def test_an_answer_that_makes_no_sense_is_another_attempt(kind: str, answer: Any, words: str | None) -> None:
    driven = Driven(kind, ScriptedPortal(1))

    def odd(batch: Batch) -> Any:
        return answer if batch.changes[0].attempt == 1 else None

    assert driven.run(odd).is_EMPTY()
    assert driven.queue.status().counters.retried == 1
    assert words is None or words in driven.said()


def test_verdicts_retry_and_reject(kind: str) -> None:
    portal = ScriptedPortal(3)
    driven = Driven(kind, portal, journal=MemoryJournal())

    def judging(change: Change) -> Verdict | None:
        if change.object.id == "2":
            return reject("no such customer")
        return retry(0.5) if (change.object.id, change.attempt) == ("3", 1) else None

    assert driven.run(each(judging)).is_EMPTY()
    assert list(portal.reserved) == [2], "the parked record stays reserved"
    assert "parked" in driven.said() and "no such customer" in driven.said()
    assert driven.queue.status().parked == 1


def test_a_mapping_names_what_is_not_done(kind: str) -> None:
    portal = ScriptedPortal(3)
    driven = Driven(kind, portal, journal=MemoryJournal())

    def judging(batch: Batch) -> dict[str, Verdict]:
        return {change.key: reject("no") for change in batch.changes if change.object.id == "2"}

    assert driven.run(judging).is_EMPTY()
    assert list(portal.reserved) == [2]
    assert driven.queue.status().counters.done == 2


def test_parked_objects_are_driven_again_when_asked_for(kind: str) -> None:
    portal = ScriptedPortal(2)
    driven = Driven(kind, portal, until_empty=False)
    origins: list[str] = []

    def judging(change: Change) -> Verdict | None:
        origins.append(change.origin.name)
        return reject("not yet") if len(origins) <= 2 else None

    class Handler:
        def __call__(self, batch: Batch) -> Verdicts:
            return each(judging)(batch)

        def judged(self, batch: Batch, verdicts: Verdicts) -> None:
            assert len(batch.changes) >= 1 and isinstance(verdicts, Verdicts)
            if len(origins) == 2:
                driven.queue.redrive()
            elif len(origins) == 4:
                driven.queue.stop()

    assert driven.run(Handler()).is_STOPPED()
    assert origins == ["FRESH", "FRESH", "REDRIVEN", "REDRIVEN"]
    assert not portal.reserved


def test_a_lost_answer_of_the_reservation_loses_nothing(kind: str) -> None:
    portal = ScriptedPortal(10)
    portal.lose_first = "event.offline.get"
    driven = Driven(kind, portal, journal=MemoryJournal())
    seen: list[str] = []
    assert driven.run(each(lambda change: seen.append(change.object.id))).is_EMPTY()
    assert len(set(seen)) == 10 and not portal.reserved
    assert driven.queue.status().counters.adopted == 10


def test_a_portal_that_is_not_reached_is_tried_again(kind: str) -> None:
    portal = ScriptedPortal(1)
    portal.instead = {1: unreachable, 2: unreachable}
    driven = Driven(kind, portal)
    assert driven.run(each(lambda change: None)).is_EMPTY()
    assert "the portal can't be reached (Connection refused); next try in" in driven.said()
    assert "the portal answers again" in driven.said()


def test_a_failure_is_raised_with_its_sentence_and_exit_code(kind: str) -> None:
    portal = ScriptedPortal(1)
    portal.instead[0] = lambda: answered({"error": "ACCESS_DENIED", "error_description": "no"}, 403)
    with pytest.raises(RunFailed, match="administrator") as raised:
        Driven(kind, portal).run(each(lambda change: None))
    assert raised.value.exit_code == 4
    assert raised.value.failure.is_NOT_ADMINISTRATOR()


class WatchedJournal(MemoryJournal):
    """Sees whether saves come one by one and in order."""

    def __init__(self) -> None:
        super().__init__()
        self.saves: list[int] = []
        self.closed = False
        self._alone = threading.Lock()

    def save(self, save: Save) -> SaveOutcome:
        assert self._alone.acquire(blocking=False), "two saves at once"
        self.saves.append(save.id)
        outcome = super().save(save)
        self._alone.release()
        return outcome

    def close(self) -> None:
        self.closed = True


def test_saves_come_one_by_one_in_the_order_in_which_they_are_handed_out(kind: str) -> None:
    journal = WatchedJournal()
    driven = Driven(kind, ScriptedPortal(30), journal=journal, configure=small_batches)
    assert driven.run(each(lambda change: None)).is_EMPTY()
    assert len(journal.saves) > 5 and journal.saves == sorted(journal.saves)
    assert journal.closed


def small_batches(config: Config) -> None:
    from b24_offline import BatchSize

    config.batch_size = BatchSize.FIXED(3)


class FullJournal(MemoryJournal):
    """Takes nothing."""

    def save(self, save: Save) -> SaveOutcome:
        return SaveOutcome.FAILED(why="the disk is full")


def test_a_journal_that_takes_nothing_ends_the_run_with_a_sentence(kind: str) -> None:
    with pytest.raises(RunFailed, match="the disk is full") as raised:
        Driven(kind, ScriptedPortal(1), journal=FullJournal()).run(each(lambda change: None))
    assert raised.value.exit_code == 1


def test_a_stop_waits_for_the_running_handler_and_settles_what_it_judged(kind: str) -> None:
    portal = ScriptedPortal(5)
    driven = Driven(kind, portal, until_empty=False)

    def stopping(batch: Batch) -> None:
        driven.queue.stop()

    assert driven.run(stopping).is_STOPPED()
    assert not portal.reserved


def test_a_handler_that_hangs_is_given_up_30_s_after_a_stop(kind: str) -> None:
    portal = ScriptedPortal(1)
    driven = Driven(kind, portal, until_empty=False)
    go = threading.Event()
    begun: list[int] = []

    def hanging(batch: Batch) -> None:
        begun.append(driven.clock.now())
        driven.clock.hanging = 1
        driven.queue.stop()
        go.wait(60)

    try:
        assert driven.run(hanging).is_STOPPED()
    finally:
        go.set()
    assert driven.clock.now() - begun[0] >= 30_000
    assert list(portal.reserved) == [1], "what was not judged stays reserved for the next start"


def test_a_nudge_looks_at_once(kind: str) -> None:
    portal = ScriptedPortal(0)
    driven = Driven(kind, portal, until_empty=False)
    looks: list[int] = []

    def seen(call: Call) -> None:
        looks.append(driven.clock.now())
        if len(looks) == 4:
            driven.queue.nudge()
        if len(looks) == 5:
            driven.queue.stop()

    portal.seen = seen
    assert driven.run(each(lambda change: None)).is_STOPPED()
    gaps = [later - earlier for earlier, later in zip(looks, looks[1:])]
    assert gaps[2] >= 3_750, "an empty queue is left alone for 5 s, a quarter more or less"
    assert gaps[3] < 1_000, "but for a nudge"


def test_a_write_goes_through_the_queue_and_before_the_verdicts(kind: str) -> None:
    portal = ScriptedPortal(1)
    driven = Driven(kind, portal)
    results: list[Any] = []

    def writing(change: Change) -> None:
        fields = {"id": change.object.id, "fields": {"TITLE": "ä"}}
        results.append(driven.write("crm.deal.update", fields))

    assert driven.run(each(writing)).is_EMPTY()
    assert [result.is_DONE() for result in results] == [True]
    assert portal.calls.index("crm.deal.update") < portal.calls.index("event.offline.clear")


def test_writes_that_can_not_be_made_are_typed_errors(kind: str) -> None:
    driven = Driven(kind, ScriptedPortal(0))
    for params in ("[]", "{", 5, [1], {"x": object()}, {"x": float("nan")}, {"x": "\ud800"}):
        with pytest.raises(WriteParams, match="crm.deal.update are not the JSON text of an object"):
            driven.queue.submit("crm.deal.update", params)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the method is a text"):
        driven.queue.submit(5, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="take change.object"):
        driven.queue.redrive(["crm.deal 1"])
    assert driven.run(each(lambda change: None)).is_EMPTY()
    with pytest.raises(WriteEnded, match="crm.deal.update"):
        driven.write("crm.deal.update", {"id": "1"})


def test_a_write_that_is_open_at_the_end_gets_an_answer(kind: str) -> None:
    portal = ScriptedPortal(0)
    driven = Driven(kind, portal, until_empty=False)
    writing = driven.queue.submit("crm.deal.update", {"id": "1"})
    portal.instead[0] = lambda: answered({"error": "ACCESS_DENIED"}, 403)
    with pytest.raises(RunFailed):
        driven.run(each(lambda change: None))
    result = writing.result(30)
    assert result.is_NOT_SENT() or result.is_UNKNOWN()


class Mistaken(ScriptedPortal):
    """A transport with a mistake."""

    def send(self, call: Call) -> Reply:
        raise ZeroDivisionError("in the transport")


class MistakenJournal(MemoryJournal):
    """A journal with a mistake."""

    def save(self, save: Save) -> SaveOutcome:
        raise ZeroDivisionError("in the journal")


def test_mistakes_of_the_parts_surface(kind: str) -> None:
    with pytest.raises(ZeroDivisionError, match="in the transport"):
        Driven(kind, Mistaken(1)).run(each(lambda change: None))
    with pytest.raises(ZeroDivisionError, match="in the journal"):
        Driven(kind, ScriptedPortal(1), journal=MistakenJournal()).run(each(lambda change: None))

    class Mistake:
        def __call__(self, batch: Batch) -> None:
            return None

        def judged(self, batch: Batch, verdicts: Verdicts) -> None:
            raise ZeroDivisionError("in the hook")

    with pytest.raises(ZeroDivisionError, match="in the hook"):
        Driven(kind, ScriptedPortal(1)).run(Mistake())


def test_a_restart_on_the_same_journal_carries_on(kind: str) -> None:
    portal, journal = ScriptedPortal(4), MemoryJournal()
    first = Driven(kind, portal, journal=journal)
    assert first.run(each(lambda change: reject("no") if change.object.id == "2" else None)).is_EMPTY()
    contents: JournalContents = journal.contents()
    assert {entry.key for entry in contents.entries} >= {"queue", "object/crm.deal/2"}
    second, seen = Driven(kind, portal, journal=journal), []
    assert second.run(each(lambda change: seen.append(change.object.id))).is_EMPTY()
    assert seen == [], "a restart leaves the parked object alone"
    assert "1 object is parked" in second.said()
