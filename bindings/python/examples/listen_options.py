"""The options of `listen`, and the configuration that they make."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence

from b24_offline import BatchSize, Config, Limits, Mode, OnReject, Retrieve

_LIMITS = {"standard": Limits.STANDARD, "enterprise": Limits.ENTERPRISE, "off": Limits.OFF}
_ON_REJECT = {"park": OnReject.PARK, "register": OnReject.REGISTER}
_MODE = {"reserve": Mode.RESERVE, "delete": Mode.DELETE, "auto": Mode.AUTO}
_RETRIEVE = {"list": Retrieve.LIST, "get": Retrieve.GET, "none": Retrieve.NONE}

_AFTER_HELP = """\
A change on one line:
  {"key": "812@…", "object": {"kind": "crm.deal", "id": "123"},
   "events": ["ONCRMDEALUPDATE"], "state": "present", "data": {…}, "changed_at": "…",
   "attempt": 1, "origin": "fresh"}
The answer of --exec: exit code 0 and no output means all done. A line on standard output singles
out one change, all others are done; any other exit or output is a failed attempt of all of them,
and they are tried again as long as --attempts allows:
  {"key": "812@…", "verdict": "retry", "after": 60}
  {"key": "812@…", "verdict": "reject", "reason": "no such customer"}

SIGINT or SIGTERM stops in an orderly way: nothing new is reserved, the running handlers have 30 s,
what they judged is settled. A second signal, a second or more after the first, ends at once with 1.
Handlers that are given up get SIGTERM, their changes come again at the next start.

Examples:
  python listen.py --endpoint https://portal.example/rest/ --auth auth.json \\
    --event ONCRMDEALADD --event ONCRMDEALUPDATE --journal queue.db --jsonl
  python listen.py --endpoint https://portal.example/rest/ --auth auth.json \\
    --event ONCRMCONTACTUPDATE --connector warehouse --journal queue.db --exec ./to-warehouse

Exit codes: 0 done, 1 unexpected failure, 2 wrong usage or configuration, 3 sign in again,
4 rights or plan missing, 5 another process holds the journal, 6 the portal is gone or moved.
After any end the next start carries on without loss."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line; ends the program with 2 where it can't be read."""
    parser = argparse.ArgumentParser(
        prog="listen.py",
        description="Drains a queue and hands each change to a handler",
        epilog=_AFTER_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _portal(parser)
    _changes(parser)
    _numbers(parser)
    _choices(parser)
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    names = [one.partition("=")[0] for one in given if one.startswith("--")]
    for name in names:
        if name != "--event" and names.count(name) > 1:
            parser.error(f"the argument '{name}' cannot be used multiple times")
    return options


def _portal(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    rest = "the portal's REST base, such as https://portal.example/rest/"
    add("--endpoint", metavar="URL", required=True, help=rest)
    http = "lets --endpoint and the token endpoint be plain http, on addresses of this machine only"
    add("--allow-http", action="store_true", help=http)
    auth = (
        "JSON file with access_token, refresh_token, client_id, client_secret, oauth_url; renewed tokens are "
        "written back"
    )
    add("--auth", metavar="FILE", required=True, help=auth)
    ca = (
        "further certificate authorities in PEM form, for a self-hosted portal or the emulator "
        "[env: B24_OFFLINE_CA]"
    )
    add("--ca", metavar="FILE", default=os.environ.get("B24_OFFLINE_CA"), help=ca)
    key = "the source key: a queue of its own, which leaves out what is written with the same key"
    add("--connector", metavar="NAME", help=key)
    event = "an event to record and deliver, such as ONCRMDEALUPDATE; repeat it for more"
    add("--event", metavar="NAME", action="append", required=True, dest="events", help=event)
    journal = "where the journal lies (SQLite); without it a restart drives parked changes again"
    add("--journal", metavar="PATH", help=journal)


def _changes(parser: argparse.ArgumentParser) -> None:
    receiver = parser.add_mutually_exclusive_group()
    jsonl = "writes each change as one JSON line to standard output; a line written counts as done"
    receiver.add_argument("--jsonl", action="store_true", help=jsonl)
    command = (
        "starts COMMAND through the shell for each batch, with the changes as JSON lines on its standard "
        "input; see below for its answer"
    )
    receiver.add_argument("--exec", metavar="COMMAND", help=command)
    parser.add_argument("--until-empty", action="store_true", help="ends with 0 once nothing is left to do")
    field = "writes FIELD of each object back to the portal after its change was judged done"
    parser.add_argument("--write-back", metavar="FIELD", help=field)


def _numbers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    poll = (
        "how long an empty queue is left alone, 0.01 to 86400 [default: 5]; "
        "while nothing comes, up to six times as long and at most a minute"
    )
    add("--poll", metavar="SECONDS", type=_seconds, help=poll)
    sweep = (
        "how long between two searches for reservations that nobody owns, 0.01 to 86400 [default: 300]"
    )
    add("--sweep", metavar="SECONDS", type=_seconds, help=sweep)
    delay = (
        "the delay before a change's second attempt, at most 3600; it doubles with each further one "
        "[default: 5]"
    )
    add("--retry-delay", metavar="SECONDS", type=_seconds, help=delay)
    attempts = "how many attempts a change has before it is rejected, 1 to 1000 [default: 5]"
    add("--attempts", metavar="N", type=_count, help=attempts)
    size = "the most records reserved at once, 1 to 2250 [default: adaptive]"
    add("--batch-size", metavar="N", type=_count, help=size)


def _choices(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    limits = "the portal's bucket of requests to keep to: 2/s and 50, 5/s and 250, none [default: standard]"
    add("--limits", choices=list(_LIMITS), default="standard", help=limits)
    reject = (
        "what becomes of a rejected change: parked, or registered with event.offline.error first "
        "[default: park]"
    )
    add("--on-reject", choices=list(_ON_REJECT), default="park", help=reject)
    mode = (
        "reservation, or lossless deletion, which needs --journal; auto goes by the portal's plan "
        "[default: auto]"
    )
    add("--mode", choices=list(_MODE), default="auto", help=mode)
    retrieve = "how the data is read: many objects a call, one by one, or not at all [default: list]"
    add("--retrieve", choices=list(_RETRIEVE), default="list", help=retrieve)
    log = "the form of the notices on standard error [default: text]"
    add("--log", choices=["text", "json"], default="text", help=log)


def check(options: argparse.Namespace) -> str | None:
    """What is wrong with options that make no sense together, or no sense at all."""
    if not options.jsonl and options.exec is None:
        return (
            "nothing would receive the changes; give --jsonl to print them, or --exec COMMAND to run a program "
            "for each batch"
        )
    if options.exec is not None and not options.exec.strip():
        return "the command of --exec is empty, so every change would count as done; name a program"
    if options.write_back is None:
        return None
    if not options.write_back.strip():
        return "the field of --write-back is empty; name one, or leave the option out"
    if options.retrieve == "none":
        return (
            "--write-back writes what was read, and --retrieve none reads nothing; leave one of them out"
        )
    return None


def configure(options: argparse.Namespace, config: Config) -> None:
    """Changes what the options ask for beyond the queue's own arguments."""
    if options.poll is not None:
        config.poll = options.poll
    if options.sweep is not None:
        config.sweep = options.sweep
    if options.retry_delay is not None:
        config.retry.first_delay = options.retry_delay
    if options.attempts is not None:
        config.retry.attempts = options.attempts
    if options.batch_size is not None:
        config.batch_size = BatchSize.FIXED(options.batch_size)
    config.limits = _LIMITS[options.limits]
    config.on_reject = _ON_REJECT[options.on_reject]
    config.mode = _MODE[options.mode]
    config.retrieve = _RETRIEVE[options.retrieve]


def _seconds(text: str) -> int:
    """Seconds as whole milliseconds."""
    try:
        seconds = float(_plain(text))
    except ValueError:
        raise argparse.ArgumentTypeError("not a number of seconds") from None
    if not math.isfinite(seconds) or not 0.0 <= seconds <= 1e9:
        raise argparse.ArgumentTypeError("seconds from 0 on, fractions allowed")
    return round(seconds * 1_000)


def _count(text: str) -> int:
    try:
        number = int(_plain(text))
    except ValueError:
        raise argparse.ArgumentTypeError("not a whole number") from None
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError("a whole number from 0 to 4294967295")
    return number


def _plain(text: str) -> str:
    """Python takes `1_0`, blanks and digits of other scripts for numbers, too. Raises `ValueError`."""
    if not text.isascii() or "_" in text or text != text.strip():
        raise ValueError
    return text
