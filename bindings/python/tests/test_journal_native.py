"""A journal moves between the native program and this package."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from native import Emulator, program, until

from b24_offline import (
    Change,
    ConfigError,
    Endpoint,
    JournalCondition,
    JournalInUse,
    OAuthFile,
    Queue,
    Report,
    SqliteJournal,
    Verdict,
    each,
    reject,
)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path) as emulator:
        emulator.bind(["ONCRMDEALADD"])
        emulator.deals(3)
        yield emulator


def drained(
    portal: Emulator, verdict: Verdict | None, *, redriven: bool = False
) -> tuple[list[str], str]:
    """The ids that a queue of this package delivers from a journal, and what it says."""
    seen, said = list[str](), list[str]()

    def judging(change: Change) -> Verdict | None:
        seen.append(change.object.id)
        return verdict

    auth = OAuthFile(portal.folder / "auth.json", Endpoint(portal.http, allow_http=True))
    journal = portal.folder / "queue.db"

    def notice(report: Report) -> None:
        said.append(str(report))

    with Queue(auth, ["ONCRMDEALADD"], journal=journal, until_empty=True, on_notice=notice) as queue:
        if redriven:
            queue.redrive()
        assert queue.run(each(judging)).is_EMPTY()
    return seen, "\n".join(said)


def test_what_the_native_program_has_parked_stays_parked_here(portal: Emulator) -> None:
    parked = portal.listen("--exec", "exit 1", "--attempts", "1", "--until-empty")
    assert parked.returncode == 0 and parked.stderr.count("parked:") == 3, parked.stderr
    journal = SqliteJournal(portal.folder / "queue.db")
    contents = journal.contents()
    journal.close()
    assert contents.condition == JournalCondition.INTACT
    keys = {entry.key for entry in contents.entries}
    assert {"queue", "object/crm.deal/1", "object/crm.deal/2", "object/crm.deal/3"} <= keys
    assert drained(portal, None) == ([], "ready: every event is bound; 3 objects are parked")


def test_what_was_parked_here_stays_parked_in_the_native_program(portal: Emulator) -> None:
    seen, said = drained(portal, reject("no such customer"))
    assert len(seen) == 3 and said.count("parked:") == 3
    again = portal.listen("--jsonl", "--until-empty")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert "3 objects are parked" in again.stderr
    # and back again: here they are driven once more
    assert sorted(drained(portal, None, redriven=True)[0]) == sorted(seen)
    assert portal.audit()["reserved_records"] == 0


def test_a_journal_that_was_salvaged_by_one_is_told_of_by_the_other(portal: Emulator) -> None:
    path = portal.folder / "queue.db"
    path.write_bytes(b"torn to pieces")
    SqliteJournal(path).close()
    native = portal.listen("--jsonl", "--until-empty")
    assert native.returncode == 0 and "resync" in native.stderr, native.stderr
    assert len(native.stdout.splitlines()) == 3
    assert "resync" not in drained(portal, None)[1]


def test_one_process_at_a_time_whichever_it_is(portal: Emulator) -> None:
    path = portal.folder / "queue.db"
    journal = SqliteJournal(path)
    refused = portal.listen("--jsonl", "--until-empty")
    assert refused.returncode == 5 and "is in use by process" in refused.stderr, refused.stderr
    journal.close()
    command = [program(), "listen", *portal.arguments("--exec", "cat > began")]
    running = subprocess.Popen(command, cwd=portal.folder, stderr=subprocess.DEVNULL)
    try:
        until("the native program works", lambda: (portal.folder / "began").exists())
        with pytest.raises(JournalInUse) as raised:
            SqliteJournal(path)
        assert raised.value.pid == running.pid
    finally:
        running.terminate()
        running.wait(60)
    SqliteJournal(path).close()


def test_a_journal_of_another_queue_is_left_untouched(portal: Emulator) -> None:
    assert portal.listen("--exec", "exit 1", "--attempts", "1", "--until-empty").returncode == 0
    path = portal.folder / "queue.db"
    before = path.read_bytes()
    auth = OAuthFile(portal.folder / "auth.json", Endpoint(portal.http, allow_http=True))
    with pytest.raises(ConfigError, match="belongs to .* left untouched") as raised:
        Queue(auth, ["ONCRMDEALADD"], connector="warehouse", journal=path)
    assert raised.value.exit_code == 2
    assert path.read_bytes() == before
