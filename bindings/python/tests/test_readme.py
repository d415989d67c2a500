"""The README's ten lines: type-checked and run as they stand, only the address is another one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from native import Emulator

ROOT = Path(__file__).parents[3]

#: What a user's own program may hold beside it.
MORE = '''
import asyncio

from b24_offline import AsyncQueue, Batch, Change, Config, Endpoint, OAuthFile, Status, Verdict
from b24_offline import WriteResult, each, reject, retry


class FromElsewhere:
    base_url = "https://portal.example/rest/"

    async def token(self) -> str:
        return "token"

    async def refresh(self) -> None:
        return None


async def one(change: Change) -> Verdict | None:
    if change.attempt == 1:
        return retry(60)
    return None if change.data else reject("no data")


def batch(given: Batch) -> dict[str, Verdict]:
    return {change.key: reject("no") for change in given.changes if change.state.name == "GONE"}


def slower(config: Config) -> None:
    config.poll = 60_000
    config.retry.attempts = 3


async def main() -> None:
    async with AsyncQueue(FromElsewhere(), ["ONCRMDEALADD"], configure=slower) as queue:
        await queue.run(each(one, at_once=4))
        await queue.run(batch)
        result: WriteResult = await queue.write("crm.deal.update", {"id": 1, "fields": {}})
        status: Status = queue.status()
        print(result, status.counters.done + 1)
'''


def snippet(readme: str = "README.md", heading: str = "## Ten lines of Python") -> str:
    text = (ROOT / readme).read_text(encoding="utf-8")
    found = re.search(rf"^{heading}$.*?^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{readme} has no such section"
    return found[1]


def checked(folder: Path, code: str) -> None:
    """Type-checks it against the installed package, as a user's own project would."""
    (folder / "program.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), "program.py"]
    checking = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert checking.returncode == 0, checking.stdout + checking.stderr


def test_the_ten_lines_and_a_users_own_program_are_typed(tmp_path: Path) -> None:
    checked(tmp_path, snippet())
    checked(tmp_path, snippet("bindings/python/README.md", "# b24_offline"))
    checked(tmp_path, MORE)
    (tmp_path / "program.py").write_text(MORE.replace("base_url", "url"))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "program.py"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1, "it sees mistakes"


def test_the_ten_lines_drain_a_portal(tmp_path: Path) -> None:
    address = "https://portal.example/rest/"
    code = snippet()
    assert code.count(address) == 1
    with Emulator(tmp_path, https=True) as portal:
        assert portal.https is not None
        portal.bind(["ONCRMDEALADD"], "warehouse")
        portal.deals(2)
        (tmp_path / "program.py").write_text(code.replace(address, portal.https), encoding="utf-8")
        environment = {**os.environ, "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        program = subprocess.Popen(
            [sys.executable, "-u", "program.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.PIPE,
        )
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in range(2)]
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
        assert program.returncode == -signal.SIGINT, said
        assert [line.split(" {")[0] for line in lines] == ["crm.deal 1 PRESENT", "crm.deal 2 PRESENT"], said
        audit = portal.audit()
        assert (audit["free_records"], audit["reserved_records"]) == (0, 0), "what was judged is settled"
