"""P1: what a replay decides on is the same by compiled code, item for item and row for row."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from labs import agreed, rules

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder
from decoders.errors import CaptureError
from decoders.events import Event
from decoders.kernel import COMPILED, Kernel, frames_of
from decoders.messages import Record
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.times import SECOND
from rules.verdicts import Verdict
from stream import kernel_cache, offline, sources
from stream.log import FeedScored, OfSubscriber
from stream.offline import Captures, Correlation
from stream.replay import Reached, Replay, signals_of

if not COMPILED:
    pytest.skip("needs numba (the extra `fast`)", allow_module_level=True)

from decoders.kernel.events.kernel import EventKernel
from stream import kernel_signals
from stream.kernel_signals import Reading, minute_of

pytestmark = pytest.mark.timeout(900)  # whoever comes first compiles
PCAP = Path(__file__).parents[3] / "fixtures" / "pcap"
CAPTURES = sorted(PCAP.glob("*/*.pcap"))
LAB_A = PCAP / "lab-a" / "A_msc.pcap"
FESTIVAL = PCAP / "spring-festival" / "spring-festival.pcap.gz"
Signals = Iterable[Event | Reached | FeedScored]
Damage = Callable[[list[Record], random.Random], list[Record]]


def ignore(_: object) -> None:
    """A damaged capture, or one that nobody reads."""


def records(*paths: Path) -> list[Record]:
    return list(sources.merged([str(path) for path in paths], ignore))


def plainly(found: Iterable[Record]) -> Iterator[Event | Reached | FeedScored]:
    decoder = Decoder()

    def decode(record: Record) -> list[object]:
        try:
            return list(decoder.feed(record))
        except CaptureError:
            return []

    correlator = Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), None)
    return signals_of(found, decode, correlator)  # type: ignore[arg-type]


def compiled(found: Sequence[Record], rows: int = 4096) -> Iterator[Event | Reached | FeedScored]:
    correlator = EventKernel(CorrelatorConfig(), Pseudonyms(TEST_KEY), None)
    reading = Reading(Kernel(rows=rows), correlator)
    return kernel_signals.signals_of(frames_of(found), reading, ignore, ignore)


def told(signals: Signals) -> list[bytes | int]:
    """What a replay sees: everything that happens, and each minute where it begins."""
    seen: list[bytes | int] = []
    minute = 0
    for one in signals:
        if not isinstance(one, FeedScored) and minute_of(one.time) > minute:
            minute = minute_of(one.time)
            seen.append(minute)
        if not isinstance(one, Reached):
            seen.append(msgspec.msgpack.encode(one))
    return seen


def dropped(found: list[Record], chance: random.Random) -> list[Record]:
    return [record for record in found if chance.random() > 0.1]


def late(found: list[Record], chance: random.Random) -> list[Record]:
    """Some records minutes late, behind records without a message as well."""
    late = [(at + chance.randrange(300) * (chance.random() < 0.1), at) for at in range(len(found))]
    idle = [one._replace(data=b"", time=one.time + 40 * SECOND) for one in found[::7]]
    return [found[at] for _, at in sorted(late)] + idle + found[-100:]


def mixed(found: list[Record], chance: random.Random) -> list[Record]:
    """Clocks set back and forward, and silences of minutes."""
    shift, shifted = 0, []
    for one in found:
        if chance.random() < 0.02:
            shift += chance.randrange(-90, 200) * SECOND
        shifted.append(one._replace(time=max(0, one.time + shift)))
    return shifted


def whole_minutes(found: list[Record], _: random.Random) -> list[Record]:
    """Much happens at the very end of a minute."""
    return [one._replace(time=one.time // (60 * SECOND) * 60 * SECOND) for one in found]


def silent(found: list[Record], _: random.Random) -> list[Record]:
    """Half an hour of records without a message, and then the same once more, a second apart."""
    last = found[-1].time // (60 * SECOND) * 60 * SECOND
    idle = [found[-1]._replace(data=b"", time=last + at * 20 * SECOND) for at in range(3, 100)]
    after = [one._replace(time=last + 2000 * SECOND + at) for at, one in enumerate(found)]
    return found + idle + after


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_p1_a_capture_gives_the_same_items_in_the_same_order(path: Path) -> None:
    found = records(path)
    assert told(compiled(found)) == told(plainly(found))


@pytest.mark.parametrize("damage", [dropped, late, mixed, whole_minutes, silent])
@pytest.mark.parametrize("lab", ["a/A_msc_re_mtp3", "b/B_msc", "c/C_msc"])
def test_p1_so_do_damaged_ones_and_clocks_that_are_set_back(damage: Damage, lab: str) -> None:
    found = damage(records(PCAP / f"lab-{lab}.pcap"), random.Random(lab))
    expected = told(plainly(found))
    for rows in (3, 4096):
        assert told(compiled(found, rows)) == expected


def test_p1_so_does_a_population_and_what_its_feed_is_worth() -> None:
    found = dropped(records(FESTIVAL), random.Random(1))
    expected = told(plainly(found))
    assert told(compiled(found)) == expected
    assert told(compiled(found, 50)) == expected


def test_p1_what_a_feed_is_worth_has_its_place_among_events() -> None:
    found = whole_minutes(silent(records(LAB_A), random.Random(1)), random.Random(1))
    expected = list(plainly(found))
    assert [one for one in expected if isinstance(one, FeedScored)]
    assert told(compiled(found)) == told(expected)
    assert told(compiled(found, 5)) == told(expected)


async def replayed(signals: Signals, answers: bool = False) -> bytes:  # noqa: FBT001, FBT002
    written: list[Verdict] = []
    asked: list[int] = []

    def answer(minute: int) -> list[OfSubscriber]:
        asked.append(minute)
        return []

    replay = Replay(written.append, partitions=3, answers=answer if answers else None)
    result = await replay.run(signals, [rules(), *agreed()], until=1 << 51)
    rows = [verdict.row() for verdict in written]
    return msgspec.json.encode([rows, asked, result])


@pytest.mark.parametrize("answers", [False, True])
async def test_p1_the_verdict_rows_are_the_same_byte_for_byte(answers: bool) -> None:  # noqa: FBT001
    found = records(*(PCAP / f"lab-{lab}" / f"{lab.upper()}_msc.pcap" for lab in "abc"))
    expected = await replayed(plainly(found), answers)
    assert await replayed(compiled(found), answers) == expected
    assert expected.count(b'"campaign"') > 20


@pytest.fixture
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "READY_OCTETS", 0)
    monkeypatch.setattr(kernel_cache, "MAKING_OCTETS", 0)


def captures(*, phones: int = 0) -> Iterator[Event | Reached | FeedScored]:
    names = [str(PCAP / "lab-a" / "A_bsc1.pcap"), str(PCAP / "lab-b" / "B_bsc2_ipa.pcap")]
    config = CorrelatorConfig(phones=phones)
    correlation = Correlation(config, Pseudonyms(TEST_KEY), None, True)
    made = Captures(offline.Reading(captures=names))
    yield from made.signals(correlation)
    made.check()


@pytest.mark.usefixtures("_always")
@pytest.mark.parametrize("phones", [0, 1000])
def test_p1_long_captures_are_read_by_compiled_code_and_counted_as_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, phones: int
) -> None:
    fast = told(captures(phones=phones))
    monkeypatch.setattr(offline.Captures, "many_events", False)
    assert fast == told(captures(phones=phones))
    assert "without compiled code" in caplog.text
