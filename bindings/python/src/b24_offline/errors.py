"""Every error of this package. Each says in a sentence what is wrong and what to do; none holds a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from ._native import Failure


class B24OfflineError(Exception):
    """The base of all errors of this package."""

    #: The exit code that the `listen` programs end with.
    exit_code: int = 1


class InvalidValue(B24OfflineError):
    """A text that is no name of an event, no connector, or no JSON of such a value."""

    exit_code = 2


class NotAVerdict(B24OfflineError):
    """A handler program printed a line that is no verdict of its batch."""


class MachineError(B24OfflineError):
    """The machine did not answer. Nothing has changed then."""


class ConfigError(MachineError):
    """The configuration can't work, or the journal is another queue's and was left untouched."""

    exit_code = 2


class Misuse(MachineError):
    """The contract of the machine, or of a queue, was broken."""


class Freed(MachineError):
    """The machine was freed."""


class Busy(MachineError):
    """The machine is in use by another call."""


class Broken(MachineError):
    """The machine failed in an earlier call, which is a mistake in b24-offline."""


class Panicked(B24OfflineError):
    """What lies behind the boundary failed in this call, which is a mistake in b24-offline."""


class RunFailed(B24OfflineError):
    """The queue can't go on without a person; nothing is lost."""

    def __init__(self, failure: Failure, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        #: What it was, typed.
        self.failure = failure
        self.exit_code = exit_code


class JournalError(B24OfflineError):
    """A journal that can't be used."""

    exit_code = 2

    def __init__(self, path: str | PathLike[str], sentence: str) -> None:
        super().__init__(sentence)
        #: The journal.
        self.path = path


class JournalInUse(JournalError):
    """Another process uses the journal."""

    exit_code = 5

    def __init__(self, path: str | PathLike[str], pid: int | None) -> None:
        holder = "another process" if pid is None else f"process {pid}"
        sentence = f"the journal {path} is in use by {holder}; stop that one, or name another journal"
        super().__init__(path, sentence)
        #: The other process, where it could be read.
        self.pid = pid


class JournalUnusable(JournalError):
    """The journal or its folder can't be read or written."""

    def __init__(self, path: str | PathLike[str], why: str) -> None:
        advice = "name a file in a folder that exists and is writable"
        super().__init__(path, f"the journal {path} can't be opened ({why}); {advice}")


class NotAJournal(JournalError):
    """A database of another program; it was left untouched."""

    def __init__(self, path: str | PathLike[str]) -> None:
        sentence = f"{path} is the database of another program; it was left untouched, name another file"
        super().__init__(path, sentence)


class EndpointError(B24OfflineError):
    """An address that is not used. It repeats nothing of the address beyond its host."""

    exit_code = 2


class AuthFileError(B24OfflineError):
    """An auth file that is not used. It repeats nothing of the file's content."""

    exit_code = 2


class HttpError(B24OfflineError):
    """The further certificate authorities can't be used."""

    exit_code = 2


class AuthError(B24OfflineError):
    """There is no valid token. The text holds no secrets."""


class AuthNetwork(AuthError):
    """A token could not be got or kept just now; later it may work."""


class SignInAgain(AuthError):
    """No token can be had until a person signs in again."""

    exit_code = 3


class WriteError(B24OfflineError):
    """A write that was not even tried, or whose result will never be known."""


class WriteParams(WriteError):
    """The parameters are not a JSON object."""

    def __init__(self, method: str) -> None:
        super().__init__(f"the parameters of {method} are not the JSON text of an object")


class WriteEnded(WriteError):
    """The queue has ended, or ended before there was a result: the write was perhaps executed."""

    def __init__(self, method: str) -> None:
        super().__init__(f"the queue ended before the result of {method} was known")
