"""Who it is when only a TMSI shows, and how a binding comes and goes."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from correlation_labs import LABS, correlate, correlator, decode, events_of, records
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decoders.correlator import CorrelatorConfig
from decoders.errors import XinlingError
from decoders.identity import Bindings, Pool
from decoders.messages import Lai

HERE, THERE = Lai("460", "00", 1), Lai("460", "00", 2)


@pytest.mark.parametrize("lab", ["a", "c"])
def test_without_common_id_every_subscriber_is_still_known_by_their_tmsi(lab: str) -> None:
    messages = [one for one in decode(records(LABS[lab])) if one.message != "COMMON ID"]
    events = correlate(messages)
    said = [(event.type, event.imsi, event.cell, event.time) for event in events]
    assert said == [(one.type, one.imsi, one.cell, one.time) for one in events_of(LABS[lab])]
    assert Counter(event.identity for event in events)["learned"] > len(events) // 2


def test_with_no_identity_shown_at_all_nothing_is_guessed() -> None:
    messages = decode(records(LABS["a"]))
    bare = [msgspec.structs.replace(one, imsi=None) for one in messages]
    events = correlate(bare)
    assert {event.identity for event in events} == {"unknown"}
    assert all(event.imsi is None for event in events)


def bindings() -> Bindings:
    table = Bindings(limit=4)
    table.serve(HERE, "185")
    return table


def test_a_tmsi_is_found_by_the_area_in_which_it_was_given() -> None:
    table = bindings()
    table.bind("185", "0000000a", "460001")
    assert table.find("0000000a", HERE, "185") == "460001"
    assert table.find("0000000a", THERE, "185") is None
    table.serve(THERE, "185")
    assert table.find("0000000a", THERE, "185") == "460001"


def test_in_a_pool_the_vlr_that_gave_it_is_found_through_the_area() -> None:
    table = bindings()
    table.serve(HERE, "186")
    table.bind("186", "0000000a", "460001")
    assert table.find("0000000a", HERE, "185") == "460001"
    table.bind("185", "0000000a", "460002")
    assert table.find("0000000a", HERE, "185") == "460002"
    assert table.find("0000000a", HERE, "187") is None


def test_in_a_pool_the_identifier_in_a_tmsi_tells_who_gave_it() -> None:
    """TS 23.236 4.1: four bits from bit 23 down; 3 is the MSC at 185, 5 the one at 186."""
    table = Bindings(pool=Pool(4, {3: "185", 5: "186"}))
    for vlr in ("185", "186"):
        table.serve(HERE, vlr)
    for tmsi, vlr, imsi in (("c0300001", "185", "460001"), ("c0500001", "186", "460002")):
        table.bind(vlr, tmsi, imsi)
        assert table.giver(tmsi, HERE) == vlr
        assert {table.find(tmsi, HERE, spoken_to) for spoken_to in ("185", "186")} == {imsi}
    table.bind("185", "c0500001", "460003")  # which the MSC at 185 cannot have given
    assert table.find("c0500001", HERE, "185") == "460002"


def test_an_identifier_means_nothing_outside_its_pool() -> None:
    table = Bindings(pool=Pool(4, {5: "186"}))
    table.serve(HERE, "185")
    table.bind("185", "c0500001", "460001")
    assert table.giver("c0500001", HERE) == "185"
    assert table.find("c0500001", HERE, "185") == "460001"
    assert table.find("c0500001", None, "185") == "460001"


def test_an_identifier_nobody_configured_changes_no_event() -> None:
    config = CorrelatorConfig(pool=Pool(10, {1: "4177"}))
    assert correlate(decode(records(LABS["a"])), config) == list(events_of(LABS["a"]))


def test_between_command_and_completion_the_old_and_the_new_tmsi_both_stand() -> None:
    table = bindings()
    table.confirm("185", "0000000a", "460001")
    table.bind("185", "0000000b", "460001")
    assert table.find("0000000a", HERE, "185") == "460001"
    assert table.find("0000000b", HERE, "185") == "460001"
    table.confirm("185", "0000000b", "460001")
    assert table.find("0000000a", HERE, "185") is None


def test_a_tmsi_given_to_another_is_unbound_and_counted() -> None:
    table = bindings()
    table.bind("185", "0000000a", "460001")
    table.bind("185", "0000000a", "460002")
    assert table.find("0000000a", HERE, "185") == "460002"
    assert table.counts["contradicted"] == 1


def test_a_subscriber_has_at_most_two_tmsis_and_loses_both_when_the_vlr_takes_them() -> None:
    table = bindings()
    for tmsi in ("0000000a", "0000000b", "0000000c"):
        table.bind("185", tmsi, "460001")
    assert len(table) == 2
    table.forget("460001")
    assert len(table) == 0


def test_the_table_is_bounded_and_counts_what_it_forgets() -> None:
    table = bindings()
    for number in range(6):
        table.bind("185", f"{number:08x}", f"46000{number}")
    assert len(table) == 4
    assert table.counts["evicted"] == 2
    assert table.find("00000000", HERE, "185") is None
    assert table.find("00000005", HERE, "185") == "460005"


def test_a_table_survives_a_restart() -> None:
    table = bindings()
    table.bind("185", "0000000a", "460001")
    table.bind("185", "0000000b", "460001")
    again = Bindings()
    again.restore(table.dump())
    assert again.dump() == table.dump()
    assert again.find("0000000b", HERE, "185") == "460001"
    again.forget("460001")
    assert len(again) == 0


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x93\x02\x90\x90", b"\x81\x01\x02"])
def test_bytes_that_are_no_table_are_refused_with_a_remedy(data: bytes) -> None:
    with pytest.raises(XinlingError) as refused:
        bindings().restore(data)
    assert refused.value.remedy


def test_an_unconfirmed_tmsi_of_the_laboratories_is_learned_after_a_restart() -> None:
    messages = [one for one in decode(records(LABS["c"])) if one.message != "COMMON ID"]
    half = len(messages) // 2
    before, after = correlator(), correlator()
    for message in messages[:half]:
        before.feed(message)
    after.bindings.restore(before.bindings.dump())
    events = [event for message in messages[half:] for event in after.feed(message)]
    assert {event.identity for event in events} == {"imsi", "learned"}


def test_what_is_used_is_kept_and_what_is_not_goes_by_generations() -> None:
    table = Bindings(limit=200)
    table.serve(HERE, "185")
    for number in range(1000):
        table.bind("185", f"{number:08x}", f"46000{number:010d}")
        table.bind("185", "ffffffff", "460000000000000")
    assert table.find("ffffffff", HERE, "185") == "460000000000000"
    kept = [n for n in range(1000) if table.find(f"{n:08x}", HERE, "185") is not None]
    assert kept == list(range(1000 - len(kept), 1000))
    assert 100 <= len(table) == len(kept) + 1 <= 200
    assert table.counts["evicted"] == 1000 - len(kept)
    for number in kept:
        table.forget(f"46000{number:010d}")
    assert len(table) == 1


@settings(max_examples=200)
@example(
    [
        ("bind", 0, "001010000000001"),
        ("bind", 1, "460000000000002"),
        ("bind", 3, "001010000000001"),
        ("bind", 4, "460000000000002"),
        ("bind", 2, "001010000000001"),
    ]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["bind", "confirm", "forget"]),
            st.integers(0, 5),
            st.sampled_from(["001010000000001", "460000000000002", "460000000000003"]),
        ),
        max_size=60,
    )
)
def test_both_directions_of_the_table_agree(steps: list[tuple[str, int, str]]) -> None:
    """A TMSI stands for one IMSI, an IMSI has at most two TMSIs, and a dump changes nothing."""
    table = Bindings(limit=8)
    table.serve(HERE, "185")
    for what, number, imsi in steps:
        if what == "forget":
            table.forget(imsi)
        else:
            getattr(table, what)("185", f"{number:08x}", imsi)
            assert table.find(f"{number:08x}", HERE, "185") == imsi
        found = Counter(table.find(f"{n:08x}", HERE, "185") for n in range(6))
        del found[None]
        assert sum(found.values()) == len(table)
        assert max(found.values(), default=0) <= 2
        again = Bindings(limit=8)
        again.restore(table.dump())
        assert again.dump() == table.dump()
        table = again


@pytest.mark.parametrize("imsi", ["", "46000a", "1" * 40, "４６０"])
def test_p4_an_identity_that_is_no_imsi_is_not_bound(imsi: str) -> None:
    table = bindings()
    table.bind("185", "0000000a", imsi)
    table.confirm("185", "0000000a", imsi)
    table.forget(imsi)
    assert len(table) == 0
