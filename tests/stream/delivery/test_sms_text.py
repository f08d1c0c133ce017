"""Texts as short messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sms.sms_text import GSM7, UCS2, TextError, parts


def utf16_of(text: str, reference: int = 7) -> str:
    bodies = [part.body[6:] if part.concatenated else part.body for part in parts(text, reference)]
    return b"".join(bodies).decode("utf-16-be")


def test_seventy_chinese_characters_are_one_message_and_seventy_one_are_two() -> None:
    assert [len(part.body) for part in parts("离" * 70, 1)] == [140]
    two = parts("离" * 71, 1)
    assert [len(part.body) for part in two] == [6 + 134, 6 + 8]
    assert all(part.data_coding == UCS2 and part.concatenated for part in two)


def test_a_latin_text_goes_in_the_gsm_alphabet_at_160_and_153() -> None:
    assert [len(part.body) for part in parts("a" * 160, 1)] == [160]
    assert [len(part.body) for part in parts("a" * 161, 1)] == [6 + 153, 6 + 8]
    assert parts("a", 1)[0].data_coding == GSM7


def test_the_gsm_alphabet_has_its_own_codes() -> None:
    assert parts("@$_à", 1)[0].body == b"\x00\x02\x11\x7f"


def test_a_euro_sign_takes_two_septets_and_is_never_cut() -> None:
    assert parts("€", 1)[0].body == b"\x1be"
    first, second = parts("a" * 152 + "€" + "b" * 20, 1)
    assert (len(first.body), second.body[6:8]) == (6 + 152, b"\x1be")


def test_a_character_of_two_code_units_is_never_cut() -> None:
    first, second = parts("离" * 66 + "😀" + "离" * 10, 1)
    assert len(first.body) == 6 + 132
    assert second.body[6:10].decode("utf-16-be") == "😀"


def test_the_header_of_a_part_gives_reference_total_and_number() -> None:
    headers = [part.body[:6] for part in parts("离" * 140, 0x1FF)]
    assert headers == [
        b"\x05\x00\x03\xff\x03\x01",
        b"\x05\x00\x03\xff\x03\x02",
        b"\x05\x00\x03\xff\x03\x03",
    ]


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=300))
def test_what_the_phone_puts_together_is_the_text(text: str) -> None:
    if parts(text, 7)[0].data_coding == UCS2:
        assert utf16_of(text) == text


@pytest.mark.parametrize("text", ["", "\ud800", "离" * 671])
def test_a_text_that_cannot_be_sent_is_refused_with_its_key(text: str) -> None:
    with pytest.raises(TextError) as error:
        parts(text, 1)
    assert error.value.key == "offer.text"
