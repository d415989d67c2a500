"""The machine behind the boundary, with the errors of this package.

The types that cross the boundary are the generated ones, under their own names; this module adds nothing to
them. An enum's variant without values is made by calling it (`Input.TICK()`), one with a single unnamed value
holds it under `[0]`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from . import _native
from ._native import (
    Batch,
    Call,
    Change,
    Complete,
    Config,
    End,
    Failure,
    Input,
    JournalContents,
    Notice,
    Phase,
    Rule,
    Severity,
    Status,
    Step,
    Verdict,
    Verdicts,
    WriteBack,
    WriteResult,
    b24_offline_bindings,
    b24_offline_core,
)
from .errors import Broken, Busy, ConfigError, Freed, InvalidValue, Misuse, NotAVerdict, Panicked

# each of the two generated modules has its own
_INTERNAL = (b24_offline_bindings.InternalError, b24_offline_core.InternalError)

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def typed_errors() -> Iterator[None]:
    """Turns what the boundary raises into the errors of this package."""
    try:
        yield
    except _native.MachineError.Config as error:
        raise ConfigError(str(error)) from None
    except _native.MachineError.Misuse as error:
        raise Misuse(str(error)) from None
    except _native.MachineError.Freed as error:
        raise Freed(str(error)) from None
    except _native.MachineError.Busy as error:
        raise Busy(str(error)) from None
    except _native.MachineError.Broken as error:
        raise Broken(str(error)) from None
    except _native.TextError.NotAVerdict as error:
        raise NotAVerdict(str(error)) from None
    except _native.TextError as error:
        raise InvalidValue(str(error)) from None
    except _INTERNAL as error:
        sentence = f"b24-offline failed inside ({error}), which is a mistake in it; open the queue again"
        raise Panicked(sentence) from None


def crossing(function: Callable[P, T]) -> Callable[P, T]:
    """A function of the boundary that raises the errors of this package."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with typed_errors():
            return function(*args, **kwargs)

    return call


class Machine:
    """The state machine that drains one queue. It does no I/O: it takes one input and answers with one step.

    A machine that was freed raises `Freed`, one that is used by two threads at once `Busy`, a broken contract
    `Misuse`; nothing has changed then.
    """

    def __init__(self, config: Config, journal: JournalContents, seed: int, now: int) -> None:
        """Opens it on what the journal holds; the first input is `Tick`. `now` is in Unix milliseconds, `seed`
        (0 to 2**64 - 1) feeds the jitter of back-offs. Raises `ConfigError`."""
        with typed_errors():
            self._inner = _native.Machine.open(config, journal, seed, now)

    def handle(self, what: Input, now: int) -> Step:
        """Takes one input at this time (Unix milliseconds) and answers with one complete step."""
        with typed_errors():
            return self._inner.handle(what, now)

    def status(self) -> Status:
        """How it is doing."""
        with typed_errors():
            return self._inner.status()

    def free(self) -> None:
        """Frees its memory now; every later call raises `Freed`. Nothing is lost."""
        with typed_errors():
            self._inner.free()


#: A configuration with every default, for the portal of this name and these events.
default_config: Callable[[str, list[str]], Config] = crossing(_native.default_config)
#: Checks the name of an event and writes it as the portal does.
event_name: Callable[[str], str] = crossing(_native.event_name)
#: Checks a connector.
connector: Callable[[str], str] = crossing(_native.connector)
#: The change as one line of JSON, without the line's end.
change_line: Callable[[Change], str] = crossing(_native.change_line)
#: Reads what a handler program printed for a batch; raises `NotAVerdict`.
verdicts_from_handler_output: Callable[[Batch, str], Verdicts] = crossing(_native.verdicts_from_handler_output)
#: Gives each change of the batch exactly one verdict, whatever the handler answered.
complete_verdicts: Callable[[Batch, Verdicts], Complete] = crossing(_native.complete_verdicts)
#: The verdict of the change with this key; None when it follows later.
verdict_of: Callable[[Verdicts, str], Verdict | None] = crossing(_native.verdict_of)
#: The call that writes a field of a delivered object back; None where there is no such call.
write_back: Callable[[Change, str, list[Rule]], WriteBack | None] = crossing(_native.write_back)
#: Why there is no such call, where that is worth telling.
why_not_written_back: Callable[[Change, str], str | None] = crossing(_native.why_not_written_back)
#: What went wrong with a write, to be put behind the name of what was written.
write_trouble: Callable[[WriteResult], str | None] = crossing(_native.write_trouble)
#: A notice in one sentence, without secrets.
notice_sentence: Callable[[Notice], str] = crossing(_native.notice_sentence)
#: How loud a notice is.
notice_severity: Callable[[Notice], Severity] = crossing(_native.notice_severity)
#: The notice as a JSON object with the field `notice` that names it.
notice_json: Callable[[Notice], str] = crossing(_native.notice_json)
#: A failure in one sentence that says what to do.
failure_sentence: Callable[[Failure], str] = crossing(_native.failure_sentence)
#: The exit code of the `listen` programs.
exit_code: Callable[[End], int] = crossing(_native.exit_code)
#: How the machine ended; None while it goes on.
end_of: Callable[[Phase], End | None] = crossing(_native.end_of)
#: The body of a call with token and connector beside the parameters; raises `InvalidValue`.
request_body: Callable[[Call, str], str] = crossing(_native.request_body)
#: Whether an answer says that the token has expired.
is_expired: Callable[[int, str], bool] = crossing(_native.is_expired)
#: The body of an answer without the token where it would be shown.
without_token: Callable[[int, str, str], str] = crossing(_native.without_token)
#: A text with every secret of 8 bytes or more replaced.
without_secrets: Callable[[str, list[str]], str] = crossing(_native.without_secrets)
#: The version of the core.
version: Callable[[], str] = crossing(_native.version)
#: Values from their JSON and a step as JSON, the same on every host, for recorded traces.
input_from_json: Callable[[str], Input] = crossing(_native.input_from_json)
config_from_json: Callable[[str], Config] = crossing(_native.config_from_json)
journal_from_json: Callable[[str], JournalContents] = crossing(_native.journal_from_json)
step_to_json: Callable[[Step], str] = crossing(_native.step_to_json)
