"""Handlers that stumble in odd ways: the failure of their changes, and of nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from driven import Driven
from portal import ScriptedPortal

from b24_offline import Batch, Change, Verdict, each, reject, retry


class Wordless(Exception):
    """An exception that can't even say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


def first_bad(judge: Callable[[], Any]) -> tuple[Callable[[Change], Any], dict[str, int]]:
    """A function that stumbles on the first attempt of deal 1 alone, and the attempts of all."""
    attempts: dict[str, int] = {}

    def handler(change: Change) -> Any:
        attempts[change.object.id] = change.attempt
        return judge() if change.object.id == "1" and change.attempt == 1 else None

    return handler, attempts


def wordless() -> Any:
    raise Wordless


def an_exit() -> Any:
    raise SystemExit(3)


STUMBLES = {
    "a negative delay": lambda: retry(-1),
    "an endless delay": lambda: retry(float("inf")),
    "a delay of the generated type": lambda: Verdict.RETRY(after=-1),
    "no delay at all": lambda: retry(float("nan")),
    "a reason that is no text": lambda: reject(ValueError("x")),  # type: ignore[arg-type]
    "an exception without words": wordless,
    "an exit": an_exit,
    "a generator": lambda: (None for _ in "x"),
}


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
@pytest.mark.parametrize("stumble", STUMBLES)
def test_a_handler_that_stumbles_oddly_does_not_end_the_run(kind: str, stumble: str) -> None:
    handler, attempts = first_bad(STUMBLES[stumble])
    driven = Driven(kind, ScriptedPortal(2))
    assert driven.run(each(handler)).is_EMPTY()
    assert attempts["1"] == 2, driven.said()


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_so_does_one_of_batches(kind: str) -> None:
    handler, attempts = first_bad(wordless)

    def judge(batch: Batch) -> None:
        for change in batch.changes:
            handler(change)

    driven = Driven(kind, ScriptedPortal(1))
    assert driven.run(judge).is_EMPTY()
    assert attempts == {"1": 2}
    assert "the handler failed on 1 change: it raised Wordless" in driven.said()


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_half_of_a_surrogate_pair_in_a_reason_is_no_crash(kind: str) -> None:
    driven = Driven(kind, ScriptedPortal(1))
    assert driven.run(each(lambda change: reject("bad \ud800 name"))).is_EMPTY()
    assert "bad ? name" in driven.said()


@pytest.mark.parametrize("single", [True, False])
def test_a_cancellation_that_is_the_handlers_own_is_its_failure(single: bool) -> None:
    attempts: dict[str, int] = {}

    async def judge(change: Change) -> None:
        attempts[change.object.id] = change.attempt
        if change.object.id == "1" and change.attempt == 1:
            never = asyncio.get_running_loop().create_future()
            never.cancel()
            await never

    async def judge_batch(batch: Batch) -> None:
        for change in batch.changes:
            await judge(change)

    driven = Driven("asyncio", ScriptedPortal(2))
    assert driven.run(each(judge) if single else judge_batch).is_EMPTY()
    assert attempts["1"] == 2
    if single:
        assert attempts["2"] == 1
    assert "it raised CancelledError" in driven.said()
