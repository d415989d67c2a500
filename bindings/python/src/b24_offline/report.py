"""What a queue tells a person."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from ._native import Notice, Severity
from .boundary import notice_json, notice_sentence, notice_severity

logger = logging.getLogger("b24_offline")


@dataclass(frozen=True)
class Report:
    """Something a person may want to know; `str` gives one sentence without secrets."""

    #: How loud it is.
    severity: Severity
    #: One sentence.
    sentence: str
    #: What makes it up, for a machine: `notice` names it.
    fields: dict[str, Any]
    #: The machine's own notice; None where the handler failed.
    notice: Notice | None = None

    def __str__(self) -> str:
        return self.sentence


def of_notice(notice: Notice) -> Report:
    """The report of a notice of the machine."""
    fields = json.loads(notice_json(notice))
    return Report(notice_severity(notice), notice_sentence(notice), fields, notice)


def handler_failed(changes: int, why: str) -> Report:
    """The handler raised, or answered what makes no sense; that was an attempt of its changes."""
    noun = "change" if changes == 1 else "changes"
    fields = {"notice": "handler_failed", "changes": changes, "why": why}
    return Report(Severity.WARNING, f"the handler failed on {changes} {noun}: {why}", fields)


def log(report: Report) -> None:
    """Gives a report to the logger `b24_offline`: what a queue does without `on_notice`."""
    levels = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}
    logger.log(levels[report.severity], "%s", report.sentence)
