"""The checker of the killer sees each thing that it is there to see."""

from __future__ import annotations

import pytest
from checker import Message, check

from stream.sms import outcomes

MESSAGE = Message("4915500001", "您已离开。")
OTHER = Message("4915500002", "您已离开。")


def test_p2_what_went_out_once_and_is_written_down_is_well() -> None:
    for state in (outcomes.SUBMITTED, outcomes.DELIVERED):
        found = check({"a": MESSAGE}, [MESSAGE], {"a": state})
        assert found.kept
        assert found.once == ["a"]


@pytest.mark.parametrize("state", [outcomes.UNKNOWN, outcomes.CLAIMED])
def test_p2_what_nobody_knows_is_counted_whether_it_was_taken_or_not(state: str) -> None:
    found = check({"a": MESSAGE, "b": OTHER}, [MESSAGE], {"a": state, "b": state})
    assert found.kept
    assert (found.unknown_taken, found.unknown_not_taken) == (["a"], ["b"])
    assert found.unknown == 2


@pytest.mark.parametrize("state", [None, outcomes.SUBMITTED, outcomes.DELIVERED, outcomes.FAILED])
def test_p2_what_did_not_go_out_is_lost_unless_it_is_unknown(state: str | None) -> None:
    found = check({"a": MESSAGE}, [], {"a": state} if state else {})
    assert not found.kept
    assert found.lost == ["a"]


@pytest.mark.parametrize("state", [outcomes.DELIVERED, outcomes.UNKNOWN])
def test_p2_what_went_out_twice_is_repeated_whatever_the_ledger_says(state: str) -> None:
    found = check({"a": MESSAGE}, [MESSAGE, MESSAGE], {"a": state})
    assert not found.kept
    assert found.repeated == ["a"]
    assert found.foreign == 0


def test_p3_what_no_offer_explains_is_foreign() -> None:
    found = check({"a": MESSAGE}, [MESSAGE, OTHER], {"a": outcomes.DELIVERED})
    assert not found.kept
    assert found.foreign == 1


@pytest.mark.parametrize("state", [outcomes.WITHHELD, outcomes.EXPIRED, outcomes.FAILED, None])
def test_p2_the_ledger_must_not_deny_what_the_smsc_has(state: str | None) -> None:
    found = check({"a": MESSAGE}, [MESSAGE], {"a": state} if state else {})
    assert not found.kept
    assert found.contradicted == ["a"]


def test_p3_what_is_withheld_is_lost_but_from_who_said_no() -> None:
    states = {"a": outcomes.WITHHELD, "b": outcomes.WITHHELD}
    found = check({"a": MESSAGE, "b": OTHER}, [], states, refused={"a"})
    assert (found.withheld, found.lost) == (["a"], ["b"])
    assert not found.kept
