"""P1: compiled correlation tells the events of the plain correlator, row for row, in its order."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from decoders.connections import Limits
from decoders.correlator import CorrelatorConfig
from decoders.decoder import Decoder
from decoders.errors import CaptureError, XinlingError
from decoders.identity import Bindings, Pool
from decoders.kernel import COMPILED
from decoders.messages import Message, Record
from decoders.times import SECOND
from tests.decoders.kernel.readings import CAPTURES, PCAP, records

if not COMPILED:
    pytest.skip("needs numba (the extra `fast`)", allow_module_level=True)

from tests.decoders.kernel.event_readings import Both, batches, of_messages, of_records

LABS = "abc"
MSC_CODES = {"a": 185, "b": 4177, "c": 10860}
SHARED = Path(__file__).parents[4] / "shared" / "captures" / "found"
FOUND = sorted(SHARED.rglob("*.pcap"))[:60]
FIFTY_MILLISECONDS = 50_000
Damage = Callable[[list[Record], random.Random], list[Record]]


def cut(found: list[Record], chance: random.Random) -> list[Record]:
    return found[chance.randrange(len(found)) :]


def cut_short(found: list[Record], chance: random.Random) -> list[Record]:
    return found[: chance.randrange(len(found))]


def dropped(found: list[Record], chance: random.Random) -> list[Record]:
    return [record for record in found if chance.random() > 0.05]


def doubled(found: list[Record], chance: random.Random) -> list[Record]:
    return [one for record in found for one in [record] * (1 + (chance.random() < 0.05))]


def shuffled(found: list[Record], chance: random.Random) -> list[Record]:
    return sorted(found, key=lambda one: one.time + chance.randrange(FIFTY_MILLISECONDS))


def jittered(found: list[Record], chance: random.Random) -> list[Record]:
    late = [one._replace(time=one.time + chance.randrange(FIFTY_MILLISECONDS)) for one in found]
    return sorted(late, key=lambda one: one.time)


def msc(lab: str, carrier: str = "") -> list[Record]:
    return records(PCAP / f"lab-{lab}" / f"{lab.upper()}_msc{carrier}.pcap")


def decoded(found: list[Record]) -> list[Message]:
    decoder = Decoder()
    return [message for record in found for message in decoder.feed(record)]


def merged(*paths: Path) -> list[Record]:
    return sorted((one for path in paths for one in records(path)), key=lambda one: one.time)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_both_writings_tell_the_same_events_of_a_capture(path: Path) -> None:
    of_records(records(path))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_both_tell_the_same_of_captures_that_others_made(path: Path) -> None:
    try:
        of_records(records(path))
    except CaptureError:
        pytest.skip("damaged")


@pytest.mark.parametrize("damage", [cut, cut_short, dropped, doubled, shuffled, jittered])
@pytest.mark.parametrize("carrier", ["", "_re_mtp3"])
@pytest.mark.parametrize("lab", LABS)
def test_both_tell_the_same_of_damaged_captures(lab: str, carrier: str, damage: Damage) -> None:
    for seed in range(3):
        of_records(damage(msc(lab, carrier), random.Random(seed)))


@pytest.mark.parametrize("to_msc", [True, False])
@pytest.mark.parametrize("lab", LABS)
def test_both_tell_the_same_with_one_direction_missing(lab: str, to_msc: bool) -> None:  # noqa: FBT001
    found = decoded(msc(lab, "_re_mtp3"))
    assert of_messages([one for one in found if (one.opc != MSC_CODES[lab]) == to_msc])


@pytest.mark.parametrize("seed", [None, 0, 1])
@pytest.mark.parametrize("lab", LABS)
def test_both_tell_the_same_without_common_id(lab: str, seed: int | None) -> None:
    found = msc(lab) if seed is None else dropped(msc(lab), random.Random(seed))
    assert of_messages([one for one in decoded(found) if one.message != "COMMON ID"])


@pytest.mark.parametrize(
    "names",
    [
        ("lab-b/B_bsc1_m3ua", "lab-b/B_bsc2_ipa", "lab-b/B_msc"),
        ("lab-a/A_bsc1", "lab-a/A_bsc2", "lab-a/A_msc"),
        ("lab-c/C_msc", "lab-c/C_msc_re_mtp3", "lab-c/C_bsc1"),
        ("lab-a/A_msc", "lab-b/B_msc", "lab-c/C_msc"),
    ],
)
def test_both_tell_the_same_of_mirrors_and_of_several_networks(names: tuple[str, ...]) -> None:
    found = merged(*(PCAP / f"{name}.pcap" for name in names))
    assert of_records(found)
    assert of_records(dropped(found, random.Random(1)))


@pytest.mark.parametrize(
    "config",
    [
        CorrelatorConfig(limits=Limits(connections=3, openings=4)),
        CorrelatorConfig(bindings=4, subscribers=3),
        CorrelatorConfig(limits=Limits(idle=5 * SECOND, call_idle=9 * SECOND, linger=SECOND // 9)),
        CorrelatorConfig(pool=Pool(5, {0: "4177", 3: "185", 7: "10860", 21: "4177"})),
    ],
    ids=["few connections", "few bindings", "short silences", "a pool"],
)
@pytest.mark.parametrize("lab", LABS)
def test_limits_and_pools_mean_the_same(lab: str, config: CorrelatorConfig) -> None:
    found = decoded(dropped(msc(lab), random.Random(2)))
    assert of_messages([one for one in found if one.message != "COMMON ID"], config)


def test_batches_of_any_size_give_the_same_events() -> None:
    assert of_records(msc("c"), rows=3) == of_records(msc("c"))


def test_many_people_at_once_need_more_room_and_change_nothing() -> None:
    """The memory grows while connections, calls and TMSIs are held."""
    found = decoded(msc("a"))
    first = found[0].time
    copies = [_as_others(one, copy, first) for one in found for copy in range(40)]
    assert len(of_messages(copies, rows=5000)) > 3000


def _as_others(message: Message, copy: int, first: int) -> Message:
    """The same by other people at nearly the same time."""
    moved: dict[str, object] = {"time": first + (message.time - first) // 20 + copy}
    for name in ("opc", "dpc"):
        code = getattr(message, name)
        moved[name] = None if code is None else code + 20_000 * copy
    if message.imsi is not None:
        moved["imsi"] = f"{int(message.imsi) + 1000 * copy:015d}"
    if message.tmsi is not None:
        moved["tmsi"] = f"{int(message.tmsi, 16) ^ copy << 8:08x}"
    return Message(
        **{**{name: getattr(message, name) for name in message.__struct_fields__}, **moved}
    )


def test_silence_is_told_at_its_own_moment_without_any_message() -> None:
    both = Both(CorrelatorConfig(limits=Limits(idle=5 * SECOND)))
    found = [one for one in decoded(msc("b")) if one.message != "CLEAR COMMAND"][:200]
    for batch in batches(found, 50):
        both.feed(batch)
        both.advance(found[-1].time)
    for seconds in (3, 30, 3 * 3600, 30 * 3600):
        both.advance(found[-1].time + seconds * SECOND)
    times = [event.time for event in both.agree()]
    assert all(one <= other for one, other in pairwise(times))


def test_bindings_survive_a_restart_whoever_kept_them() -> None:
    both = Both()
    found = [one for one in decoded(msc("a")) if one.message != "COMMON ID"]
    for batch in batches(found, 300):
        both.feed(batch)
    plain = Bindings()
    plain.restore(both.compiled.bindings.dump())
    assert len(plain) == len(both.plain.bindings) > 0
    again, other = Both(), Both()
    kept = both.plain.bindings.dump()
    for one in (again.compiled, again.plain):
        one.bindings.restore(kept)
    for one in (other.compiled, other.plain):
        one.bindings.restore(both.compiled.bindings.dump())
    for two in (again, other):
        for batch in batches(found, 300):
            two.feed(batch)
        two.agree()
    assert again.ours == other.ours


def test_a_table_of_something_else_is_refused() -> None:
    with pytest.raises(XinlingError, match="no table of TMSI bindings"):
        Both().compiled.bindings.restore(b"\x93\x01")
