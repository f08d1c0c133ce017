"""The measurement of delivery: real submits, and whole lines of JSON."""

from __future__ import annotations

import msgspec
import pytest

from stream.bench import delivery as bench_delivery


def test_offers_go_out_one_by_one_and_by_the_window(capsys: pytest.CaptureFixture[str]) -> None:
    bench_delivery.delivery(120, 8, 1.0)
    machine, alone, side_by_side = map(msgspec.json.decode, capsys.readouterr().out.splitlines())
    assert machine["bench"] == "machine"
    assert [line["window"] for line in (alone, side_by_side)] == [1, 8]
    for line in (alone, side_by_side):
        assert line["outcomes"] == {"delivered": 120, "submitted": 120}
        assert line["submits_per_second"] > 0
        assert set(line["cpu_milliseconds_per_submit"]) == {"delivery", "redis", "smsc"}
        assert line["milliseconds"]["p50"] <= line["milliseconds"]["p99"]
