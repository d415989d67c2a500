"""The native program: an emulated portal of its own for a test, and `listen` on the same journals."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest


def program() -> str:
    """The native program; without it the test fails."""
    path = os.environ.get("B24_OFFLINE_BIN")
    if not path:
        pytest.fail(
            "this test needs the native program: build it with `cargo build -p b24-offline` and name it in the "
            "environment variable B24_OFFLINE_BIN",
            pytrace=False,
        )
    return path


class Emulator:
    """An emulated portal without limits; `auth.json` lies in `folder`, with HTTPS `ca.pem` too."""

    def __init__(self, folder: Path, personality: str = "documented", *, https: bool = False) -> None:
        self.folder = folder
        command = [program(), "emulator", "--limits", "off", "--personality", personality]
        command += ["--auth-out", str(folder / "auth.json")]
        if https:
            command += ["--tls", "--ca-out", str(folder / "ca.pem")]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.http: str = ready["http"]
        self.https: str | None = ready["https"]
        self._control: str = ready["control"]

    def __enter__(self) -> Emulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def get(self, route: str) -> Any:
        """Reads what a control route tells."""
        with urllib.request.urlopen(self._control + route) as answer:
            return json.loads(answer.read())

    def post(self, route: str, body: Any) -> Any:
        """Tells a control route something: an object, or lines as text."""
        content = body if isinstance(body, str) else json.dumps(body)
        request = urllib.request.Request(self._control + route, data=content.encode())
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def bind(self, events: Iterable[str], connector: str = "") -> None:
        """Binds events for the offline queue."""
        for event in events:
            self.post("bindings", {"event": event, "connector": connector})

    def deals(self, count: int) -> list[str]:
        """People make deals; their ids."""
        ids: list[str] = self.post("objects/create", {"kind": "crm.deal", "count": count})["ids"]
        return ids

    def audit(self) -> dict[str, Any]:
        """What was lost, what came round."""
        told: dict[str, Any] = self.get("audit")
        return told

    def told(self, lines: Iterable[str]) -> None:
        """Tells the audit what was delivered."""
        self.post("delivered", "".join(f"{line}\n" for line in lines))

    def arguments(self, *more: str, journal: str = "queue.db") -> list[str]:
        """Options of `listen` for this portal, in its folder."""
        base = ["--endpoint", self.http, "--allow-http", "--auth", str(self.folder / "auth.json")]
        base += ["--event", "ONCRMDEALADD", "--journal", str(self.folder / journal)]
        return [*base, "--limits", "off", "--poll", "0.05", "--retry-delay", "0.02", *more]

    def listen(self, *more: str, journal: str = "queue.db") -> subprocess.CompletedProcess[str]:
        """Runs the native `listen` to its end."""
        command = [program(), "listen", *self.arguments(*more, journal=journal)]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.folder, timeout=90)


def until(what: str, holds: Callable[[], bool]) -> None:
    """Waits until something holds, which another process makes true."""
    for _ in range(3_000):
        if holds():
            return
        time.sleep(0.01)
    pytest.fail(f"never: {what}")
