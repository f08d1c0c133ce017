"""States and profiles: packed small, read back the same, refused when damaged."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import (
    DAY,
    HOUR,
    INSIDE,
    NOON,
    OUTSIDE,
    PERSON,
    WILLING,
    Life,
    call,
    campaign,
    rules,
    seen,
)

from decoders.events import Event, Frame
from decoders.messages import Cell
from rules import packed
from rules import profile as profiles
from rules.errors import StateError
from rules.profile import Profile, from_row
from rules.state import MOST_FRAMES, Chain, Hold, Mark, Progress, Sent, Stay, Subscriber, Wave
from rules.verdicts import Sample

_integers = st.integers(0, 2**48)
_marks = st.builds(
    Mark,
    event=st.binary(max_size=20),
    time=_integers,
    network=st.sampled_from(["", "46000", "001001"]),
    lac=st.none() | st.integers(0, 65535),
    ci=st.none() | st.integers(0, 65535),
    frames=st.lists(st.text(max_size=5) | _integers, max_size=4).map(tuple),
)
_stays = st.builds(Stay, _marks, _marks, st.none() | _marks, st.none() | _integers, st.booleans())
_holds = st.builds(
    Hold,
    campaign=st.text(max_size=5),
    wave=st.integers(1, 3),
    offer=st.text(max_size=5),
    step=st.integers(0, 3),
    trigger=st.text(max_size=5),
    since=_integers,
    not_before=_integers,
    priority=st.integers(0, 100),
    shadow=st.booleans(),
    gap=st.booleans(),
    evidence=st.lists(_marks, max_size=3).map(tuple),
    event=st.none() | st.dictionaries(st.text(max_size=3), _integers, max_size=3),
)
_chains = st.builds(
    Chain, _integers, st.lists(_marks, max_size=3).map(tuple), st.booleans(), st.text(max_size=5)
)
_progress = st.builds(
    Progress, st.dictionaries(st.integers(0, 9), _chains, max_size=3), st.none() | _integers
)
_waves = st.builds(
    Wave,
    campaign=st.text(max_size=5),
    wave=st.integers(2, 9),
    due=_integers,
    trigger=st.text(max_size=5),
    gap=st.booleans(),
    evidence=st.lists(_marks, max_size=3).map(tuple),
    event=st.none() | st.dictionaries(st.text(max_size=3), _integers, max_size=3),
)
_subscribers = st.builds(
    Subscriber,
    subscriber=st.text(max_size=30),
    last=st.none() | _marks,
    stays=st.dictionaries(st.integers(0, 2**32 - 1), _stays, max_size=3),
    holds=st.lists(_holds, max_size=2).map(tuple),
    sent=st.lists(
        st.builds(Sent, st.integers(0, 2**32 - 1), _integers, st.booleans()), max_size=4
    ).map(tuple),
    progress=st.dictionaries(st.integers(0, 2**32 - 1), _progress, max_size=2),
    waves=st.lists(_waves, max_size=2).map(tuple),
)


@given(_subscribers)
def test_what_is_packed_is_read_back_the_same(state: Subscriber) -> None:
    assert packed.decode(packed.encode(state)) == state
    keyed = packed.encode(state, keyed=True)
    assert packed.decode(keyed, state.subscriber) == state


@given(_subscribers, st.data())
def test_damaged_bytes_are_refused_or_read_as_a_state_and_never_crash(
    state: Subscriber, data: st.DataObject
) -> None:
    damaged = bytearray(packed.encode(state))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = packed.decode(bytes(damaged))
    except StateError:
        return
    assert isinstance(found, Subscriber)


def test_a_state_of_a_newer_version_is_refused_whatever_its_layout() -> None:
    unknown: list[tuple[object, ...]] = [(4, "x"), (4, "x", [], None, {}, (), (), "more"), (99,)]
    for newer in unknown:
        with pytest.raises(StateError, match="version"):
            packed.decode(msgspec.msgpack.encode(newer))


def test_a_state_of_version_1_is_read() -> None:
    old = msgspec.msgpack.encode((1, "x", [], None, {}, (), ((7, 8, False),)))
    assert packed.decode(old) == Subscriber("x", sent=(Sent(7, 8),))


def test_a_state_of_version_2_is_read() -> None:
    first = (b"x\x00", 5, "46000", 1, None, ("a.pcap", 3, 7, 2))
    last = (b"t-", 9, "", None, 7, ())
    stays = {17: (0, 1, None, 99, 3), 18: (1, 1, 0, None, 0)}
    old = msgspec.msgpack.encode(
        (2, "x", [first, last], 1, stays, (), ((7, 8, True),), {4: ({1: (5, [0], False, "i")}, 6)})
    )
    one, two = Mark(*first[:5], ("a.pcap", 3, 4, "a.pcap", 2)), Mark(*last)
    assert packed.decode(old) == Subscriber(
        "x",
        two,
        {17: Stay(one, two, None, 99, True), 18: Stay(two, two, one)},
        sent=(Sent(7, 8, True),),
        progress={4: Progress({1: Chain(5, (one,), False, "i")}, 6)},
    )


def test_what_is_held_back_keeps_its_evidence_over_a_change_of_version() -> None:
    mark = (b"x\x00", 5, "46000", 1, None, ("a.pcap", 3, 7))
    hold = ("going", 1, "o", 0, "t", 5, 9, 60, False, False, [mark], None)
    wave = ("going", 2, 99, "t", False, [mark], None)
    old = msgspec.msgpack.encode((2, "x", [], None, {}, [hold], (), {}, [wave]))
    kept = (Mark(*mark[:5], ("a.pcap", 3, 4)),)
    assert packed.decode(old) == Subscriber(
        "x",
        holds=(Hold(*hold[:10], kept, None),),
        waves=(Wave(*wave[:5], kept, None),),
    )


def test_a_mark_outside_the_table_is_damage() -> None:
    marks: list[object] = [(b"x", 5, 1, 1, [])]
    head: tuple[object, ...] = (3, "x", 0, "", "")
    damaged: list[tuple[object, ...]] = [
        (1, "x", [], 3, {}, (), ()),
        (*head, [], 3, {}, []),
        (*head, marks, 0, {17: (0, 1, None, None, 0)}, []),
        (*head, marks, 0, {17: (0, -1, None, None, 0)}, []),
        (*head, [(b"x", 5, 1, 1)], 0, {}, []),
        (*head, [], None, {}, [5]),
        head,
    ]
    for broken in damaged:
        with pytest.raises(StateError):
            packed.decode(msgspec.msgpack.encode(broken))


def test_a_subscriber_inside_a_watched_area_takes_under_150_bytes() -> None:
    life = Life(rules(campaign("left: {area: city, after_staying: 12h, confirmed_by: 20m}")))
    frames = [Frame("A_msc.pcap", 123456), Frame("A_msc.pcap", 123460)]
    life.event(seen(0, INSIDE, frames=frames))
    life.event(seen(DAY, INSIDE, frames=frames))
    assert len(packed.encode(life.state, keyed=True)) < 115
    life.event(seen(DAY + HOUR, OUTSIDE, frames=frames))
    assert len(packed.encode(life.state, keyed=True)) < 150
    life.clock(DAY + 2 * HOUR)
    assert len(packed.encode(life.state, keyed=True)) < 85


def test_a_mark_keeps_what_evidence_needs() -> None:
    frames = [Frame("a.pcap", 1), Frame("a.pcap", 2), Frame("b.pcap", 7), Frame("a.pcap", 9)]
    for identifier in ("00ff", "e-17", "00FF", "0", "", "日"):
        event = seen(0, Cell("460", "00", 1, None), id=identifier, frames=frames)
        sample = Mark.of(event).sample()
        assert (sample.event, sample.time) == (identifier, NOON)
        assert (sample.cell, sample.frames) == (event.cell, frames)
        assert sample == Sample.of(event)


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        (None, Cell()),
        (Cell(lac=1, ci=2), Cell(lac=1, ci=2)),
        (Cell("46f", "00", 1, 2), Cell(lac=1, ci=2)),
        (Cell("460", None, 1, 2), Cell(lac=1, ci=2)),
        (Cell("460", "001", 1, 2), Cell("460", "001", 1, 2)),
    ],
)
def test_a_network_that_is_no_number_is_no_network(cell: Cell | None, kept: Cell) -> None:
    assert Mark.of(seen(0, cell)).cell == kept


def test_of_very_many_frames_the_first_are_kept() -> None:
    event: Event = seen(0, INSIDE, frames=[Frame("a", number) for number in range(100)])
    assert len(Mark.of(event).sample().frames) == MOST_FRAMES


def test_the_next_timer_is_the_earliest_of_triggers_and_holds() -> None:
    life = Life(rules(campaign(), campaign("called: {}", name="two")))
    assert life.rules.next_due(life.state) is None
    life.walk((7 * HOUR, INSIDE), (8 * HOUR, INSIDE))
    life.event(call(9 * HOUR, cell=None))
    assert life.rules.next_due(life.state) == NOON + 20 * HOUR
    life.walk((10 * HOUR, OUTSIDE))
    assert life.rules.next_due(life.state) == NOON + 10 * HOUR + HOUR // 3


def test_somebody_of_whom_nothing_is_known_is_empty() -> None:
    assert Subscriber(PERSON).empty
    assert not Subscriber(PERSON, sent=(Sent(1, 2),)).empty


# profiles


_profiles = st.builds(
    Profile,
    home_city=st.text(max_size=5),
    products=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    consent=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    opted_out=st.booleans(),
    time_zone=st.text(max_size=5),
    extra=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)


@given(_profiles)
def test_a_profile_is_read_back_the_same(profile: Profile) -> None:
    assert profiles.decode(profiles.encode(profile)) == profile


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", msgspec.msgpack.encode((3, ["x"])), msgspec.msgpack.encode((3, 1, 2))]
)
def test_a_foreign_profile_is_refused(data: bytes) -> None:
    with pytest.raises(StateError):
        profiles.decode(data)


ROW = {
    "imsi": "001010000001004",
    "msisdn": "4915550101",
    "home_city": " 洛阳 ",
    "products": "two-cities; ring",
    "segments": "",
    "consent": "yes",
    "opted_out": "",
    "time_zone": "Asia/Shanghai",
    "tariff": "gold",
    "empty": " ",
}


def test_a_row_of_a_profiles_file_is_a_profile() -> None:
    imsi, msisdn, profile = from_row(ROW)
    assert (imsi, msisdn) == ("001010000001004", "4915550101")
    assert profile == Profile(
        home_city="洛阳",
        products=("two-cities", "ring"),
        consent=("*",),
        time_zone="Asia/Shanghai",
        extra={"tariff": "gold"},
    )


@pytest.mark.parametrize(
    ("consent", "means"),
    [
        *[(text, ()) for text in ("", "no", "FALSE", "0", "否", " ")],
        *[(text, ("*",)) for text in ("yes", "True", "1", "是")],
        ("sms", ("sms",)),
        ("SMS; roaming", ("sms", "roaming")),
    ],
)
def test_consent_is_none_all_or_a_list(consent: str, means: tuple[str, ...]) -> None:
    assert from_row({**ROW, "consent": consent})[2].consent == means


@pytest.mark.parametrize(
    ("text", "out"),
    [("", False), ("no", False), ("否", False), ("1", True), ("2008-01-01", True), ("退订", True)],
)
def test_an_opt_out_that_is_not_plainly_a_no_is_one(text: str, *, out: bool) -> None:
    assert from_row({**ROW, "opted_out": text})[2].opted_out is out


@pytest.mark.parametrize(
    "imsi", ["", "12345", "46000abc1234567", "4600012345678901", "４６０００１２３"]
)
def test_a_row_without_an_imsi_is_refused_without_showing_it(imsi: str) -> None:
    with pytest.raises(ValueError, match="no IMSI") as caught:
        from_row({**ROW, "imsi": imsi})
    assert not imsi or imsi not in str(caught.value)


def test_a_short_row_means_no() -> None:
    profile = from_row({"imsi": "460001234567890"})[2]
    assert profile == Profile()


def test_a_profile_loaded_again_takes_back_no_no_and_keeps_a_seed_where_it_gives_none() -> None:
    before = Profile(opted_out=True, seed="old", home_city="洛阳")
    loaded = Profile(home_city="郑州", consent=("sms",))
    assert profiles.after(before, loaded) == msgspec.structs.replace(
        loaded, opted_out=True, seed="old"
    )
    assert profiles.after(Profile(), Profile(seed="new")).seed == "new"
    assert profiles.after(before, None) == Profile(opted_out=True, seed="old")


def test_who_opts_out_is_opted_out_known_or_not() -> None:
    assert profiles.opted_out(None) == Profile(opted_out=True)
    assert profiles.opted_out(WILLING) == msgspec.structs.replace(WILLING, opted_out=True)


@pytest.mark.parametrize("foreign", [("version", "x"), {"version": 3}])
def test_what_does_not_begin_with_a_version_is_damage(foreign: object) -> None:
    with pytest.raises(StateError, match="damaged or foreign"):
        packed.decode(msgspec.msgpack.encode(foreign))
