"""The drive loop on threads: carries out what the machine says and tells it what happened."""

from __future__ import annotations

from ._native import Effect, End, Input
from .boundary import Machine, end_of
from .clock import Clock
from .handler import Each, Handler, judge
from .inbox import Happened, Inbox
from .report import of_notice
from .transport import Transport
from .work import Parts, Saver, Threads


def drive(machine: Machine, parts: Parts[Transport, Clock, Handler | Each], inbox: Inbox) -> End:
    """Runs until the machine ends. Calls and deliveries are on threads of their own, saves on one of theirs."""
    threads, saver = Threads(inbox), Saver(parts.journal, inbox)
    happened = Happened(Input.TICK())
    try:
        while True:
            step = machine.handle(happened.input, parts.clock.now())
            parts.judged(happened)
            for effect in step.effects:
                carry_out(effect, parts, threads, saver)
            status = machine.status()
            parts.owner.keep(status)
            if (end := end_of(status.phase)) is not None:
                return end
            at = step.wake_at.at if step.wake_at is not None else None
            happened = parts.clock.wait(inbox, at) or Happened(Input.TICK())
    finally:
        saver.finish()


def carry_out(
    effect: Effect, parts: Parts[Transport, Clock, Handler | Each], threads: Threads, saver: Saver
) -> None:
    """Begins or does one effect."""
    if effect.is_CALL():
        call = effect[0]
        threads.start(lambda: Happened(Input.REPLIED(call=call.id, reply=parts.transport.send(call))))
    elif effect.is_DELIVER():
        threads.start(lambda: parts.outcome(judge(parts.handler, effect[0])))
    elif effect.is_SAVE():
        saver.save(effect[0])
    elif effect.is_WRITTEN():
        parts.owner.written(effect[0])
    elif effect.is_NOTICE():
        parts.owner.report(of_notice(effect[0]))
