"""`xinling bench rules` prints what the targets are about; many campaigns cost as few do."""

from __future__ import annotations

import json

import pytest

from stream.bench import rules as bench_rules


def test_it_prints_the_machine_and_each_cost(capsys: pytest.CaptureFixture[str]) -> None:
    bench_rules.rules(20, 300, 1)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0]["bench"] == "machine"
    assert [row.get("campaigns") for row in rows[1:]] == [10, 20, None, 2, 2, 2]
    assert [row.get("verdicts") for row in rows[4:]] == [0, 0, 300]


def test_a_hundred_times_the_campaigns_cost_much_less_than_twice_as_much(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The target is 1.5; the machine of a test may be busy."""
    bench_rules.rules(1000, 3000, 3)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (ratio,) = [row["ratio"] for row in rows if "ratio" in row]
    assert ratio < 2
