"""The user's code: what receives changes and judges them."""

from __future__ import annotations

import asyncio
import inspect
import math
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Union, cast

from ._native import Batch, Change, Judgement, Verdict, Verdicts
from .aside import alone, aside
from .boundary import complete_verdicts
from .report import logger

#: The verdicts of a batch: None when all of it is done, a mapping from keys to the verdicts of those changes that
#: are something else than done, or the machine's own form.
Answer = Union[Verdicts, Mapping[str, Verdict], None]
#: Judges a batch for `Queue`.
Handler = Callable[[Batch], Answer]
#: The same for `AsyncQueue`: a coroutine function, or a plain function, which then runs on a thread of its own.
AsyncHandler = Callable[[Batch], Union[Answer, Awaitable[Answer]]]

_DAY = 86_400.0


def done() -> Verdict:
    """The change is safe in the other system."""
    return Verdict.DONE()


def retry(after: float | None = None) -> Verdict:
    """Another attempt after so many seconds (at most a day counts), or after the configured delay."""
    if after is None:
        return Verdict.RETRY(after=None)
    if math.isnan(after):
        raise ValueError("retry after how many seconds? NaN is no number of them")
    return Verdict.RETRY(after=round(min(max(0.0, after), _DAY) * 1_000))


def reject(reason: str) -> Verdict:
    """The change will never succeed as it is; `reason` is for the person who looks at the parked change."""
    # half of a surrogate pair is no text and crosses no boundary
    return Verdict.REJECT(reason=reason.encode("utf-8", "replace").decode("utf-8"))


@dataclass(frozen=True)
class Judged:
    """The verdicts of a batch: each change has exactly one."""

    batch: Batch
    verdicts: Verdicts
    #: What was wrong with the handler, for people, and on how many changes.
    wrong: str | None = None
    failed: int = 0


class Each:
    """A handler of single changes; made by `each`."""

    def __init__(self, judge: Callable[[Change], Any], at_once: int) -> None:
        self._judge = judge
        self._at_once = max(1, at_once)
        #: Whether it is for `AsyncQueue` alone.
        self.is_async = _is_async(judge)

    def judge(self, batch: Batch) -> Judged:
        """Judges every change, on threads where several are judged at once."""
        work = _EachBatch(batch)

        def run() -> None:
            while (change := work.next()) is not None:
                try:
                    work.judged(change, self._judge(change))
                except BaseException as error:
                    work.failed(change, error)

        count = min(self._at_once, len(batch.changes)) - 1
        threads = [threading.Thread(target=run, name="b24-offline each", daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        run()
        for thread in threads:
            thread.join()
        return work.complete()

    async def judge_async(self, batch: Batch) -> Judged:
        """The same on an asyncio loop."""
        work = _EachBatch(batch)

        async def run() -> None:
            while (change := work.next()) is not None:
                try:
                    work.judged(change, await alone(self._judge(change)))
                except Exception as error:
                    work.failed(change, error)

        await asyncio.gather(*(run() for _ in range(self._at_once)))
        return work.complete()

    def __call__(self, batch: Batch) -> Verdicts:
        """The verdicts, for whoever wraps this handler in another one; for plain functions."""
        return self.judge(batch).verdicts

    def __repr__(self) -> str:
        return f"each(..., at_once={self._at_once})"


def each(judge: Callable[[Change], Verdict | Awaitable[Verdict | None] | None], *, at_once: int = 1) -> Each:
    """Makes a handler of a function, or of a coroutine function for `AsyncQueue`, that judges one change; None
    means done. `at_once` changes of a batch are judged side by side. What it raises fails its change only."""
    return Each(judge, at_once)


class _EachBatch:
    """The changes of a batch on their way through a function."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._waiting = iter(batch.changes)
        self._named: list[Judgement] = []
        self._errors: list[BaseException] = []
        self._guard = threading.Lock()

    def next(self) -> Change | None:
        with self._guard:
            return next(self._waiting, None)

    def judged(self, change: Change, verdict: Verdict | None) -> None:
        if verdict is not None and not isinstance(verdict, Verdict):
            raise TypeError(f"it answered {type(verdict).__name__}, which is no Verdict")
        judgement = Judgement(key=change.key, verdict=Verdict.DONE() if verdict is None else verdict)
        with self._guard:
            self._named.append(judgement)

    def failed(self, change: Change, error: BaseException) -> None:
        logger.warning("the handler failed on %s", change.object, exc_info=error)
        with self._guard:
            self._errors.append(error)

    def complete(self) -> Judged:
        complete = complete_verdicts(self._batch, Verdicts.SOME(self._named))
        wrong = _raised(self._errors[0]) if self._errors else complete.wrong
        return Judged(self._batch, complete.verdicts, wrong, len(self._errors) or len(self._batch.changes))


def judge(handler: Handler | Each, batch: Batch) -> Judged:
    """Lets the handler judge a batch; whatever it does, each change gets exactly one verdict."""
    try:
        return handler.judge(batch) if isinstance(handler, Each) else _complete(batch, handler(batch))
    except BaseException as error:
        return _failed(batch, error)


async def judge_async(handler: AsyncHandler | Each, batch: Batch) -> Judged:
    """The same for `AsyncQueue`. A cancelled one is abandoned."""

    def judged_aside() -> Judged | Awaitable[Answer]:
        try:
            answer = handler(batch)
            return answer if inspect.isawaitable(answer) else _complete(batch, answer)
        except BaseException as error:
            return _failed(batch, error)

    try:
        if isinstance(handler, Each) and handler.is_async:
            return await handler.judge_async(batch)
        if isinstance(handler, Each):
            return await aside(lambda: judge(handler, batch))
        answer = handler(batch) if _is_async(handler) else await aside(judged_aside)
        return answer if isinstance(answer, Judged) else _complete(batch, await alone(cast("Awaitable[Any]", answer)))
    except Exception as error:
        return _failed(batch, error)


def refuse_async(handler: object) -> None:
    """`Queue` has no loop for coroutines. Raises `TypeError`."""
    if handler.is_async if isinstance(handler, Each) else _is_async(handler):
        raise TypeError("the handler is a coroutine function; give it to AsyncQueue, or make it a plain function")


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))


def _complete(batch: Batch, verdicts: Answer) -> Judged:
    if verdicts is None or isinstance(verdicts, Mapping):
        named = (verdicts or {}).items()
        except_ = [Judgement(key=key, verdict=verdict) for key, verdict in named]
        verdicts = Verdicts.ALL(Verdict.DONE(), except_)
    if not isinstance(verdicts, Verdicts):
        raise TypeError(f"it answered {type(verdicts).__name__}, which is no Verdicts")
    complete = complete_verdicts(batch, verdicts)
    return Judged(batch, complete.verdicts, complete.wrong, len(batch.changes))


def _failed(batch: Batch, error: BaseException) -> Judged:
    logger.warning("the handler failed on a batch", exc_info=error)
    again = Verdicts.ALL(Verdict.RETRY(after=None), [])
    return Judged(batch, again, _raised(error), len(batch.changes))


def _raised(error: BaseException) -> str:
    try:
        words = str(error)
    except Exception:
        words = ""
    return f"it raised {type(error).__name__}: {words}" if words else f"it raised {type(error).__name__}"
