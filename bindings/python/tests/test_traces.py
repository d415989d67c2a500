"""The golden traces: this host's boundary answers the same inputs with the same steps, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from b24_offline import Machine, config_from_json, input_from_json, journal_from_json, step_to_json

TRACES = Path(__file__).parents[3] / "tests" / "conformance" / "traces"
NAMES = sorted(path.name for path in TRACES.glob("*.trace"))


def test_there_are_traces() -> None:
    assert NAMES, f"no trace lies in {TRACES}"


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_is_replayed_byte_for_byte(name: str) -> None:
    lines = (TRACES / name).read_text(encoding="utf-8").split("\n")
    assert lines.pop() == "", "the last line has an end"
    config, journal, start, *steps = lines
    begin = json.loads(start)
    machine = Machine(config_from_json(config), journal_from_json(journal), begin["seed"], begin["now"])
    assert steps and len(steps) % 3 == 0
    for number in range(0, len(steps), 3):
        now, given, expected = steps[number : number + 3]
        step = machine.handle(input_from_json(given), int(now))
        assert step_to_json(step) == expected, f"{name}: step {number // 3}, line {number + 6}"
