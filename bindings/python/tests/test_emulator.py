"""An emulated portal over real HTTP, drained by both queues in both personalities."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from native import Emulator

from b24_offline import (
    AsyncQueue,
    Change,
    Config,
    Endpoint,
    HttpSettings,
    Limits,
    OAuthFile,
    Queue,
    Report,
    Verdict,
    change_line,
    each,
    retry,
)

EVENTS = ["ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE"]


@pytest.fixture(params=["documented", "source"])
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path, request.param) as emulator:
        yield emulator


def quick(config: Config) -> None:
    config.limits = Limits.OFF
    config.poll = 50
    config.sweep = 300
    config.retry.first_delay = 20


class Drain:
    """Drains a portal into a list of lines."""

    def __init__(self, kind: str, portal: Emulator) -> None:
        self.lines, self.reports = list[str](), list[Report]()
        http = HttpSettings(ca=(portal.folder / "ca.pem").read_bytes()) if portal.https else HttpSettings()
        endpoint = Endpoint(portal.https or portal.http, allow_http=True)
        auth = OAuthFile(portal.folder / "auth.json", endpoint, http)
        arguments: dict[str, Any] = {
            "connector": "warehouse", "journal": portal.folder / "queue.db", "until_empty": True,
            "configure": quick, "on_notice": self.reports.append, "http": http,
        }
        self.queue: Queue | AsyncQueue
        self.queue = (Queue if kind == "threads" else AsyncQueue)(auth, EVENTS, **arguments)

    def run(self) -> None:
        """Drains it; every third change needs a second attempt, every change is written back."""
        if isinstance(self.queue, Queue):
            assert self.queue.run(each(self._take, at_once=4)).is_EMPTY()
        else:
            assert asyncio.run(self.queue.run(each(self._take_async, at_once=4))).is_EMPTY()

    def _judge(self, change: Change) -> Verdict | None:
        if change.attempt == 1 and int(change.object.id) % 3 == 0:
            return retry(0.01)
        self.lines.append(change_line(change))
        return None

    def _take(self, change: Change) -> Verdict | None:
        verdict = self._judge(change)
        if verdict is None and change.state.name == "PRESENT":
            assert isinstance(self.queue, Queue)
            write = self.queue.write("crm.deal.update", {"id": change.object.id, "fields": {"TITLE": "ä & b"}})
            assert write.is_DONE(), str(write)
        return verdict

    async def _take_async(self, change: Change) -> Verdict | None:
        verdict = self._judge(change)
        if verdict is None and change.state.name == "PRESENT":
            assert isinstance(self.queue, AsyncQueue)
            fields = {"id": change.object.id, "fields": {"TITLE": "ä & b"}}
            write = await self.queue.write("crm.deal.update", fields)
            assert write.is_DONE(), str(write)
        return verdict


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_a_portal_is_drained_without_loss_and_without_cycles(kind: str, portal: Emulator) -> None:
    portal.bind(EVENTS, "warehouse")
    ids = portal.deals(60)
    portal.post("objects/change", {"kind": "crm.deal", "ids": ids[10:20]})
    portal.post("objects/delete", {"kind": "crm.deal", "ids": ids[:5]})
    portal.post("token/expire", {})
    drain = Drain(kind, portal)
    drain.run()
    portal.told(drain.lines)
    audit = portal.audit()
    assert audit["lost"] == [] and audit["own_writes_returned"] == {}, audit
    assert (audit["free_records"], audit["reserved_records"]) == (0, 0), audit
    assert audit["token_refreshes"] == 1, audit
    assert len(drain.lines) == 60
    assert all(report.severity.name == "INFO" for report in drain.reports), drain.reports


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_over_https_with_the_portals_own_authority(kind: str, tmp_path: Path) -> None:
    with Emulator(tmp_path, https=True) as portal:
        portal.bind(EVENTS, "warehouse")
        portal.deals(5)
        portal.post("token/expire", {})
        drain = Drain(kind, portal)
        drain.run()
        portal.told(drain.lines)
        assert portal.audit()["lost"] == [] and len(drain.lines) == 5
