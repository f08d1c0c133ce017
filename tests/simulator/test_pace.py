"""Long hours in bounded memory; frames when they are due; phones that change and lose coverage."""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from made import HEAD, messages, simulated

from decoders.capture import CaptureParser
from simulator import scenario, simulate
from simulator.carriers import Frames
from simulator.pace import Clock, Paced
from simulator.simulate import Simulation

_BUSY = "people: 15\nlasts: 3h\ntraffic: {calls: 30, texts: 20}\nmovement: {flappers: 30%}\n"


def test_an_hour_told_in_stretches_is_the_same_dialogues_in_the_order_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _BUSY + "captures: {per: all, link: mtp3}\nfaults: {skew: 2}\n"
    whole = simulated(tmp_path / "whole", text)
    monkeypatch.setattr(simulate, "_SPOKEN", 7)
    parts = simulated(tmp_path / "parts", text)
    assert (parts.messages, parts.dialogues) == pytest.approx(
        (whole.messages, whole.dialogues), 0.02
    )
    parser = CaptureParser("all.pcap")
    times = [record.time for record in parser.feed((tmp_path / "parts" / "all.pcap").read_bytes())]
    assert times == sorted(times)


class _Hands:
    """A clock that moves only when somebody sleeps, and what was written when."""

    def __init__(self) -> None:
        self.time = 100.0
        self.written: list[tuple[float, list[int]]] = []

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def write(self, frames: Frames, time: int) -> int:
        del time
        self.written.append((self.time, frames.time.tolist()))
        return int(frames.length.sum())


def test_a_frame_is_written_when_it_is_due() -> None:
    hands = _Hands()
    paced = Paced(hands, 10.0, Clock(lambda: hands.time, hands.sleep))  # type: ignore[arg-type]
    seconds = np.array([0, 0, 3, 40, 41, 600]) * 1_000_000
    nothing = np.zeros(6, np.int64)
    assert (
        paced.write(Frames(seconds, nothing, nothing, nothing + 5, np.zeros(30, np.uint8)), 0) == 30
    )
    assert [time for _, times in hands.written for time in times] == seconds.tolist()
    for now, times in hands.written:
        for time in times:
            assert time / 1e6 / 10 <= now - 100 <= time / 1e6 / 10 + 0.2


def test_paced_or_not_a_pipe_gets_the_same_bytes() -> None:
    one, other = io.BytesIO(), io.BytesIO()
    told = scenario.parse((HEAD + "people: 6\nlasts: 2h\n").encode(), "test.yaml")
    Simulation(told).piped(one, lambda _done: None)
    Simulation(told, pace=1e9).piped(other, lambda _done: None)
    assert one.getvalue() == other.getvalue()


def test_a_sim_is_put_into_another_phone_while_it_is_switched_off(tmp_path: Path) -> None:
    text = "people: 8\nlasts: 30h\nmovement: {new_phones: 100%}\ncaptures: {per: all}\n"
    simulated(tmp_path / "out", text)
    seen: dict[str | None, list[str]] = defaultdict(list)
    whose: dict[int | None, str] = {}
    for message in messages(tmp_path / "out" / "all.pcap"):
        if message.imeisv:
            whose[message.dlr] = message.imeisv
        if message.message == "COMMON ID" and message.dlr is not None:
            phone = whose.get(message.dlr + (1 << 22))
            if phone and phone not in seen[message.imsi]:
                seen[message.imsi].append(phone)
    assert sum(len(phones) == 2 for phones in seen.values()) >= 4
    assert all(len(phones) <= 2 for phones in seen.values())


def test_out_of_coverage_nothing_is_heard_and_nobody_detaches(tmp_path: Path) -> None:
    text = "people: 20\nlasts: 15h\ntraffic: {calls: 8}\ncaptures: {per: all, link: sccp}\n"
    counts = []
    for share in ("0", "100%"):
        simulated(tmp_path / share, text + f"movement: {{uncovered: {share}}}\n")
        names = [one.message for one in messages(tmp_path / share / "all.pcap")]
        counts.append((names.count("SETUP"), names.count("IMSI DETACH INDICATION")))
    assert counts[1][0] < counts[0][0]
    assert counts[1][1] <= counts[0][1]
