"""A portal of a few lines as a transport, and a clock that a test turns: for the drive loops without a network."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from b24_offline import Call, Happened, Inbox, Lost, NotSent, Reply

#: When the clock of a test begins, in Unix milliseconds.
BEGIN = 1_795_400_000_000


class FakeClock:
    """Stands still while something is begun, and jumps to the next wake otherwise."""

    def __init__(self) -> None:
        self.time = BEGIN
        #: So many things hang on purpose: the clock goes on although they are not finished.
        self.hanging = 0
        #: Every time at which a wait ended.
        self.wakes: list[int] = []

    def now(self) -> int:
        return self.time

    def wait(self, inbox: Inbox, at: int | None) -> Happened | None:
        happened = inbox.take(30 if self._stands(inbox, at) else 0)
        if happened is None:
            self._turn(inbox, at)
        return happened

    async def wait_async(self, inbox: Inbox, at: int | None) -> Happened | None:
        happened = await inbox.take_async(30 if self._stands(inbox, at) else 0)
        if happened is None:
            self._turn(inbox, at)
        return happened

    def _stands(self, inbox: Inbox, at: int | None) -> bool:
        return inbox.busy > self.hanging or at is None

    def _turn(self, inbox: Inbox, at: int | None) -> None:
        if self._stands(inbox, at):
            raise AssertionError("nothing happened for 30 s")
        assert at is not None
        self.time = max(self.time, at)
        self.wakes.append(self.time)


class FixedToken:
    """A token that can't be renewed."""

    base_url = "https://portal.example/rest/"

    def token(self) -> str:
        return "canary-token"

    def refresh(self) -> None:
        raise AssertionError("the scripted portal expires no token")


class ScriptedPortal:
    """Answers the calls of the machine from a queue of records of deals; both kinds of transport."""

    def __init__(self, deals: int) -> None:
        self.free = {number: record(number) for number in range(1, deals + 1)}
        self.reserved: dict[int, dict[str, Any]] = {}
        #: The methods of all sub-calls and calls, in order.
        self.calls: list[str] = []
        #: What to do with the call of this number instead: by its number, from 0.
        self.instead: dict[int, Callable[[], Reply]] = {}
        #: The first call with this method in it is executed, and its answer lost.
        self.lose_first: str | None = None
        #: Called with each call before it is answered.
        self.seen: Callable[[Call], None] = lambda call: None
        self._count = 0
        self._guard = threading.Lock()

    def send(self, call: Call) -> Reply:
        with self._guard:
            number, self._count = self._count, self._count + 1
            self.seen(call)
            answer = self._answer(call)
            instead = self.instead.get(number)
            if self.lose_first is not None and self.lose_first in call.params:
                self.lose_first, instead = None, lost
        return answer if instead is None else instead()

    def _answer(self, call: Call) -> Reply:
        params = json.loads(call.params)
        if call.method != "batch":
            self.calls.append(call.method)
            return answered({"result": True, "time": {}})
        results: dict[str, Any] = {}
        for name, command in params["cmd"].items():
            method, _, query = command.partition("?")
            self.calls.append(method)
            results[name] = self._result(method, dict(parse_qsl(query, keep_blank_values=True)), command)
        result = {"result": results, "result_error": [], "result_total": [], "result_next": [], "result_time": []}
        return answered({"result": result, "time": {}})

    def _result(self, method: str, query: dict[str, str], command: str) -> Any:
        if method == "feature.get":
            return {"value": "Y"}
        if method == "event.get":
            return [{"event": "ONCRMDEALADD", "connector_id": "", "offline": 1}]
        if method == "event.offline.get":
            return self._get(f"process{len(self.calls)}", query)
        if method == "event.offline.list":
            wanted = "%5B%3EPROCESS_ID%5D" in command or "PROCESS_ID" not in command
            return list(self.reserved.values()) if wanted else list(self.free.values())
        if method == "event.offline.clear":
            for key, value in query.items():
                if key.startswith("id["):
                    self.reserved.pop(int(value), None)
            return True
        if method == "crm.deal.list":
            ids = [value for key, value in query.items() if key.startswith("filter[@ID]")]
            return [{"ID": number, "TITLE": f"deal {number}"} for number in ids]
        if method == "crm.deal.update":
            return True
        raise AssertionError(f"the scripted portal has no {unquote(command)}")

    def _get(self, process: str, query: dict[str, str]) -> dict[str, Any]:
        if query["error"] == "1":
            return {"process_id": process, "events": []}
        taken = list(self.free.items())[: int(query["limit"])]
        for number, row in taken:
            del self.free[number]
            self.reserved[number] = {**row, "PROCESS_ID": process, "ERROR": "0"}
        return {"process_id": process, "events": [row for _, row in taken]}


class AsyncPortal:
    """The same portal for `AsyncQueue`."""

    def __init__(self, portal: ScriptedPortal) -> None:
        self._portal = portal

    async def send(self, call: Call) -> Reply:
        return self._portal.send(call)


def record(number: int) -> dict[str, Any]:
    """A row of the queue: the deal of this number was made."""
    return {
        "ID": str(number),
        "TIMESTAMP_X": "2026-11-23T10:00:00+00:00",
        "EVENT_NAME": "ONCRMDEALADD",
        "EVENT_DATA": {"FIELDS": {"ID": str(number)}},
        "EVENT_ADDITIONAL": {"user_id": "1"},
        "MESSAGE_ID": f"{number:032}",
    }


def answered(body: dict[str, Any], status: int = 200) -> Reply:
    """A whole answer."""
    return Reply.ANSWER(status=status, body=json.dumps(body))


def lost() -> Reply:
    """The call was executed and its answer lost."""
    return Reply.UNKNOWN(why=Lost.TIMED_OUT)


def unreachable() -> Reply:
    """No connection."""
    return Reply.NOT_SENT(NotSent.NETWORK(why="the portal can't be reached (Connection refused)"))
