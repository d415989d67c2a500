"""The example `listen`: what the conformance scenarios do not ask for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from native import Emulator, until

LISTEN = Path(__file__).parents[1] / "examples" / "listen.py"
ENDPOINT = ["--endpoint", "https://portal.example/rest/"]
SECRETS = {"access_token": "canary-access", "refresh_token": "canary-refresh", "client_secret": "canary-secret"}


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(LISTEN), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True)


def refused(folder: Path, *arguments: str) -> str:
    """What it says before it ends with 2."""
    auth = {**SECRETS, "client_id": "app.1", "oauth_url": "https://oauth.example/oauth/token/"}
    path = folder / "auth.json"
    path.write_text(json.dumps(auth))
    path.chmod(0o600)
    program = started(folder, "--auth", "auth.json", "--event", "ONCRMDEALADD", *arguments)
    shown, said = program.communicate(timeout=60)
    assert program.returncode == 2, said
    assert "canary" not in shown + said and "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*ENDPOINT], "nothing would receive the changes; give --jsonl to print them"),
        ([*ENDPOINT, "--jsonl", "--exec", "cat"], "not allowed with argument --jsonl"),
        ([*ENDPOINT, "--exec", " \n"], "the command of --exec is empty"),
        ([*ENDPOINT, "--jsonl", "--event", "NOT AN EVENT"], "'NOT AN EVENT' is no name of an event"),
        ([*ENDPOINT, "--jsonl", "--connector", ""], "leave it out"),
        ([*ENDPOINT, "--jsonl", "--mode", "delete"], "draining by deletion needs a durable journal"),
        ([*ENDPOINT, "--jsonl", "--on-reject", "register"], "needs a durable journal"),
        ([*ENDPOINT, "--jsonl", "--attempts", "0"], "the number of attempts must be 1 to 1,000"),
        ([*ENDPOINT, "--jsonl", "--attempts", "-1"], "--attempts: a whole number from 0"),
        ([*ENDPOINT, "--jsonl", "--batch-size", "0"], "the batch size must be 1 to 2,250 records"),
        ([*ENDPOINT, "--jsonl", "--batch-size", "few"], "--batch-size: not a whole number"),
        ([*ENDPOINT, "--jsonl", "--poll", "0"], "the poll interval must be 10 milliseconds to one day"),
        ([*ENDPOINT, "--jsonl", "--poll", "-1"], "--poll: seconds from 0 on, fractions allowed"),
        ([*ENDPOINT, "--jsonl", "--poll", "nan"], "--poll: seconds from 0 on, fractions allowed"),
        ([*ENDPOINT, "--jsonl", "--poll", "soon"], "--poll: not a number of seconds"),
        ([*ENDPOINT, "--jsonl", "--poll", "1_0"], "--poll: not a number of seconds"),
        ([*ENDPOINT, "--jsonl", "--attempts", "1_0"], "--attempts: not a whole number"),
        ([*ENDPOINT, "--jsonl", "--poll", "1", "--poll=2"], "'--poll' cannot be used multiple times"),
        ([*ENDPOINT, "--jsonl", "--jsonl"], "'--jsonl' cannot be used multiple times"),
        ([*ENDPOINT, "--jsonl", "--journal", "\udcff/q.db"], "the journal ?/q.db can't be opened"),
        ([*ENDPOINT, "--jsonl", "--ca", "missing.pem"], "missing.pem can't be read (No such file or directory)"),
        ([*ENDPOINT, "--jsonl", "--ca", "auth.json"], "holds no certificate in PEM form"),
        ([*ENDPOINT, "--jsonl", "--journal", "no/such/q.db"], "the journal no/such/q.db can't be opened"),
        ([*ENDPOINT, "--jsonl", "--write-back", " "], "the field of --write-back is empty"),
        ([*ENDPOINT, "--jsonl", "--write-back", "T", "--retrieve", "none"], "--retrieve none reads nothing"),
        (["--jsonl"], "--endpoint"),
        (["--jsonl", "--endpoint", "https://u:canary@portal.example/rest/"], "holds a user or a password"),
        (["--jsonl", "--endpoint", "https://portal.example/rest/1/canary/"], "is an inbound webhook"),
        (["--jsonl", "--end", "https://portal.example/rest/"], "--endpoint"),
    ],
)
def test_wrong_usage_says_what_to_do(tmp_path: Path, arguments: list[str], words: str) -> None:
    said = refused(tmp_path, *arguments)
    assert words in said, said
    # what is refused is not explained before
    assert "there is no journal" not in said


def test_help_teaches(tmp_path: Path) -> None:
    program = started(tmp_path, "--help")
    shown, _ = program.communicate(timeout=60)
    assert program.returncode == 0
    for word in ("A second signal", "0.01 to 86400", "Examples:", "Exit codes:", '"verdict": "retry"', "--until-empty"):
        assert word in shown


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path) as emulator:
        emulator.bind(["ONCRMDEALADD"])
        emulator.deals(30)
        yield emulator


#: A handler that says that it has begun, then waits until somebody opens `go`.
WAITS = "cat > batch.$$; touch began; cat go > /dev/null; cat batch.$$ >> done.jsonl"


def waiting(portal: Emulator, handler: str = WAITS) -> subprocess.Popen[str]:
    """A program whose handler has begun and waits."""
    os.mkfifo(portal.folder / "go")
    program = started(portal.folder, *portal.arguments("--exec", handler))
    until("the handler begins", lambda: (portal.folder / "began").exists())
    return program


def let_go(portal: Emulator) -> None:
    """Lets the handlers that wait go on, and all later ones."""
    go = portal.folder / "go"
    with go.open("w"):
        go.unlink()
        go.write_text("")


def signalled_until_it_ends(program: subprocess.Popen[str]) -> None:
    """Repeats a signal as a person does to whom nothing seems to happen."""

    def has_ended() -> bool:
        program.send_signal(signal.SIGTERM)
        return program.poll() is not None

    until("it ends", has_ended)


def drained(portal: Emulator) -> None:
    """The rest is drained, and nothing was lost."""
    program = started(portal.folder, *portal.arguments("--exec", "cat >> done.jsonl", "--until-empty"))
    _, said = program.communicate(timeout=60)
    assert program.returncode == 0, said
    portal.told((portal.folder / "done.jsonl").read_text().splitlines())
    audit = portal.audit()
    assert audit["lost"] == [] and (audit["free_records"], audit["reserved_records"]) == (0, 0), audit


def test_a_signal_waits_for_the_handler_and_counts_once_when_sent_twice(portal: Emulator) -> None:
    program = waiting(portal)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        program.send_signal(number)
    let_go(portal)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 0, said
    assert said.count("stopping: what was judged is settled") == 1
    assert (portal.folder / "done.jsonl").read_text()
    drained(portal)


def test_a_second_signal_ends_at_once_and_tells_the_handler_to_end(portal: Emulator) -> None:
    program = waiting(portal, f"trap 'touch given-up; exit' TERM; {WAITS}")
    program.send_signal(signal.SIGTERM)
    assert program.stderr is not None
    while "stopping" not in program.stderr.readline():
        continue
    signalled_until_it_ends(program)
    said = program.stderr.read()
    assert program.returncode == 1, said
    assert "stopped at once" in said and "was told to end (SIGTERM); its changes will be delivered again" in said
    until("the handler ends", lambda: (portal.folder / "given-up").exists())
    drained(portal)


def test_a_standard_output_that_is_full_is_not_called_closed(portal: Emulator) -> None:
    command = [sys.executable, str(LISTEN), *portal.arguments("--jsonl")]
    with open("/dev/full", "w") as full:
        program = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert program.returncode == 1
    assert "standard output takes no more (No space left on device); the lines that" in program.stderr
    drained(portal)


def test_a_standard_output_that_was_never_open_takes_nothing(portal: Emulator) -> None:
    command = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, str(LISTEN), *portal.arguments("--jsonl")]
    program = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60)
    assert program.returncode == 1, program.stderr
    assert "standard output was closed; the lines that" in program.stderr
    drained(portal)


def test_a_standard_error_that_was_never_open_does_no_harm(portal: Emulator) -> None:
    options = portal.arguments("--until-empty", "--exec", "cat >> done.jsonl")
    command = ["sh", "-c", 'exec "$@" 2>&- <&-', "sh", sys.executable, str(LISTEN), *options]
    assert subprocess.run(command, cwd=portal.folder, timeout=60).returncode == 0
    assert len((portal.folder / "done.jsonl").read_text().splitlines()) == 30


def test_the_end_of_a_handler_is_told_in_the_native_programs_words(portal: Emulator) -> None:
    program = started(portal.folder, *portal.arguments("--exec", "kill -9 $$"))
    assert program.stderr is not None
    assert any("changes: signal: 9 (SIGKILL)" in line for line in program.stderr)
    program.terminate()
    program.communicate(timeout=60)


def test_a_pipe_that_nobody_reads_does_not_hold_the_program(tmp_path: Path) -> None:
    with Emulator(tmp_path) as portal:
        portal.bind(["ONCRMDEALADD"])
        # one line that no pipe holds
        portal.post("objects/create", {"kind": "crm.deal", "fields": {"TITLE": "x" * 1_000_000}})
        program = started(tmp_path, *portal.arguments("--jsonl"))
        assert program.stdout is not None and program.stdout.read(100)
        program.send_signal(signal.SIGTERM)
        assert program.stderr is not None
        while "stopping" not in program.stderr.readline():
            continue
        signalled_until_it_ends(program)
        assert program.returncode == 1
        drained(portal)


def test_a_handler_that_prints_without_end_fails_and_does_not_hold_the_program(portal: Emulator) -> None:
    handler = (
        "cat > batch.$$; if [ -e tried ]; then cat batch.$$ >> done.jsonl; "
        "else touch tried; yes | head -c 9000000; fi"
    )
    arguments = portal.arguments("--exec", handler, "--until-empty", "--log", "json")
    program = started(portal.folder, *arguments)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 0, said
    notices = [json.loads(line) for line in said.splitlines()]
    failed = [notice for notice in notices if notice.get("notice") == "handler_failed"]
    assert failed[0]["message"].endswith("it printed more than 4 MiB")
    assert failed[0]["severity"] == "warning" and failed[0]["at"] > 1_700_000_000_000
    drained(portal)


def test_without_a_journal_it_says_what_that_means(portal: Emulator) -> None:
    arguments = portal.arguments("--jsonl", "--until-empty")
    at = arguments.index("--journal")
    del arguments[at : at + 2]
    program = started(portal.folder, *arguments)
    shown, said = program.communicate(timeout=60)
    assert program.returncode == 0, said
    assert len(shown.splitlines()) == 30
    assert said.startswith("b24-offline: there is no journal: nothing is lost, but a restart delivers again")
