"""Work beside the asyncio loop, on threads that no end of the program waits for."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def aside(work: Callable[[], T]) -> asyncio.Future[T]:
    """Runs `work` on a thread of its own. A caller that gives up does not stop it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast(T, result))

    def run() -> None:
        result: T | None = None
        failed: BaseException | None = None
        try:
            result = work()
        except StopIteration as error:
            # no future can hold it
            failed = RuntimeError(f"it raised {error!r}")
        except BaseException as error:
            failed = error
        try:
            loop.call_soon_threadsafe(settle, result, failed)
        except RuntimeError:
            # the loop is closed: nobody waits any more
            return

    threading.Thread(target=run, name="b24-offline", daemon=True).start()
    return future


async def called(function: Callable[[], T | Awaitable[T]]) -> T:
    """The result of a function that is a coroutine function or a plain one, which then runs aside. A caller
    that gives up stops neither."""
    if inspect.iscoroutinefunction(function):
        return await asyncio.shield(asyncio.ensure_future(cast(Any, function)()))
    result = await aside(function)
    if inspect.isawaitable(result):
        return await asyncio.shield(asyncio.ensure_future(cast("Awaitable[T]", result)))
    return result


async def alone(work: Awaitable[T]) -> T:
    """The result of a user's coroutine, in a task of its own: so a cancellation that it raises by itself is an
    error like any other, while that of the caller goes on down into it and up again."""

    async def run() -> T:
        return await work

    task = asyncio.ensure_future(run())
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
    if task.cancelled():
        # the one that is an `Exception`
        raise concurrent.futures.CancelledError("by itself")
    return task.result()
