"""Notices on standard error, one line each, never a token in them."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from b24_offline import OAuthFile, Report, Severity

_LOUD = {Severity.INFO: "", Severity.WARNING: "warning: ", Severity.ERROR: "error: "}


class Log:
    """Writes notices in one of the two forms, `text` or `json`."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._auth: OAuthFile | None = None

    def hide(self, auth: OAuthFile) -> None:
        """From here on, tokens and secrets of this file are hidden, should a portal repeat them."""
        self._auth = auth

    def report(self, report: Report) -> None:
        """Writes what the queue tells."""
        self._write(report.severity, report.sentence, report.fields)

    def info(self, sentence: str) -> None:
        """Good to know."""
        self._write(Severity.INFO, sentence, {})

    def warning(self, sentence: str) -> None:
        """Somebody should look, the work goes on."""
        self._write(Severity.WARNING, sentence, {})

    def error(self, sentence: str) -> None:
        """The work has stopped."""
        self._write(Severity.ERROR, sentence, {})

    def _write(self, severity: Severity, sentence: str, fields: dict[str, Any]) -> None:
        if self._form == "json":
            at = time.time_ns() // 1_000_000
            told = {**fields, "at": at, "severity": severity.name.lower(), "message": sentence}
            line = json.dumps(told, ensure_ascii=False)
        else:
            line = f"b24-offline: {_LOUD[severity]}{one_line(sentence)}"
        if self._auth is not None:
            line = self._auth.redact(line)
        if sys.stderr is None:
            # it was closed from the start
            return
        try:
            # one write, so that lines of several threads do not mix
            sys.stderr.buffer.write(line.encode("utf-8", "replace") + b"\n")
            sys.stderr.buffer.flush()
        except OSError:
            # nobody is left to be told that standard error is closed
            return


def one_line(text: str) -> str:
    """The text without control characters."""
    return "".join(" " if ord(letter) < 32 or 127 <= ord(letter) < 160 else letter for letter in text)
