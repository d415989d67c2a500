"""The drive loop on asyncio: carries out what the machine says and tells it what happened."""

from __future__ import annotations

from ._native import Batch, Call, Effect, End, Input
from .boundary import Machine, end_of
from .clock import AsyncClock
from .handler import AsyncHandler, Each, judge_async
from .inbox import Happened, Inbox
from .report import of_notice
from .transport import AsyncTransport
from .work import Parts, Saver, Tasks

AsyncParts = Parts[AsyncTransport, AsyncClock, "AsyncHandler | Each"]


async def drive_async(machine: Machine, parts: AsyncParts, inbox: Inbox) -> End:
    """Runs until the machine ends. Cancelling it drops everything that is open, as a crash does."""
    tasks, saver = Tasks(inbox), Saver(parts.journal, inbox)
    happened = Happened(Input.TICK())
    try:
        while True:
            step = machine.handle(happened.input, parts.clock.now())
            parts.judged(happened)
            for effect in step.effects:
                carry_out(effect, parts, tasks, saver)
            status = machine.status()
            parts.owner.keep(status)
            if (end := end_of(status.phase)) is not None:
                return end
            at = step.wake_at.at if step.wake_at is not None else None
            happened = await parts.clock.wait_async(inbox, at) or Happened(Input.TICK())
    finally:
        try:
            await tasks.abandon()
        finally:
            saver.finish()


def carry_out(effect: Effect, parts: AsyncParts, tasks: Tasks, saver: Saver) -> None:
    """Begins or does one effect."""

    async def reply(call: Call) -> Happened:
        return Happened(Input.REPLIED(call=call.id, reply=await parts.transport.send(call)))

    async def deliver(batch: Batch) -> Happened:
        return parts.outcome(await judge_async(parts.handler, batch))

    if effect.is_CALL():
        tasks.start(reply(effect[0]))
    elif effect.is_DELIVER():
        tasks.start(deliver(effect[0]))
    elif effect.is_SAVE():
        saver.save(effect[0])
    elif effect.is_WRITTEN():
        parts.owner.written(effect[0])
    elif effect.is_NOTICE():
        parts.owner.report(of_notice(effect[0]))
