"""P6: identities leave as keyed pseudonyms."""

from __future__ import annotations

import re

import msgspec
import pytest
from correlation_labs import LABS, correlator, decode, events_of, phones, records

from decoders.errors import XinlingError
from decoders.messages import Lai
from decoders.pseudonyms import TEST_KEY, Pseudonyms

ONE, OTHER = Pseudonyms(TEST_KEY), Pseudonyms(b"another key of the same length!!", version=2)


def test_equal_identities_under_an_equal_key_are_equal_and_under_another_they_are_not() -> None:
    assert ONE.subscriber("460001") == Pseudonyms(TEST_KEY).subscriber("460001")
    assert ONE.subscriber("460001") != OTHER.subscriber("460001")


def test_a_pseudonym_bears_the_version_of_its_key() -> None:
    assert re.fullmatch(r"1-[0-9a-f]{24}", ONE.subscriber("460001"))
    assert re.fullmatch(r"2-[0-9a-f]{24}", OTHER.number("8613800000000"))


def test_the_same_digits_in_two_roles_cannot_be_tied_together() -> None:
    area = Lai("460", "00", 1)
    names = {ONE.subscriber("1"), ONE.number("1"), ONE.equipment("1"), ONE.temporary("1", area)}
    assert len(names) == 4
    assert ONE.temporary("1", area) != ONE.temporary("1", Lai("460", "00", 2))


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 65])
def test_a_key_of_another_size_is_refused_with_the_settings_name(key: bytes) -> None:
    with pytest.raises(XinlingError) as refused:
        Pseudonyms(key)
    assert refused.value.key == "privacy.key"
    assert refused.value.remedy


def test_parts_of_an_id_do_not_run_together() -> None:
    assert ONE.content(b"ab", b"c") != ONE.content(b"a", b"bc")


@pytest.mark.parametrize("lab", LABS)
def test_p6_no_event_bears_an_identity_unless_it_was_asked_for(lab: str) -> None:
    one = correlator(clear=False)
    events = [event for message in decode(records(LABS[lab])) for event in one.feed(message)]
    text = msgspec.json.encode(events).decode()
    assert not [imsi for imsi in phones(lab).values() if imsi in text]
    assert not re.search(r'"digits"|"imsi":"\d|"imei"|"msisdn"', text)


@pytest.mark.parametrize("lab", LABS)
def test_p1_clear_output_changes_nothing_but_the_identities(lab: str) -> None:
    one = correlator(clear=False)
    masked = [event for message in decode(records(LABS[lab])) for event in one.feed(message)]
    masked += one.finish()
    assert [event.id for event in masked] == [event.id for event in events_of(LABS[lab])]
