"""Receipts in the forms that SMSCs give them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import smpp34

from stream.sms import outcomes
from stream.sms.receipts import Receipt, receipt_of
from stream.sms.smpp_codes import MESSAGE_STATE, RECEIPTED_MESSAGE_ID, status_name


class Delivered(NamedTuple):
    """A deliver_sm as the client's library gives it."""

    short_message: bytes = b""
    tlvs: tuple[smpp34.Tlv, ...] = ()
    esm_class: int = 0x04


def read(event: Any) -> Receipt | None:
    return receipt_of(event)


def text(state: str, number: str = "1a2b") -> bytes:
    return (
        f"id:{number} sub:001 dlvrd:001 submit date:0801281200 done date:0801281201 "
        f"stat:{state} err:000 text:"
    ).encode()


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("DELIVRD", outcomes.DELIVERED),
        ("delivrd", outcomes.DELIVERED),
        ("EXPIRED", outcomes.FAILED),
        ("DELETED", outcomes.FAILED),
        ("UNDELIV", outcomes.FAILED),
        ("UNDELIVERABLE", outcomes.FAILED),
        ("REJECTD", outcomes.FAILED),
        ("UNKNOWN", outcomes.UNKNOWN),
        ("XYZ", outcomes.UNKNOWN),
    ],
)
def test_a_receipts_text_names_the_message_and_its_state(state: str, outcome: str) -> None:
    assert read(Delivered(text(state))) == Receipt("1a2b", outcome)


@pytest.mark.parametrize("state", ["ACCEPTD", "ENROUTE"])
def test_a_state_on_the_way_says_nothing_final(state: str) -> None:
    assert read(Delivered(text(state))) is None


def test_the_optional_parameters_count_before_the_text() -> None:
    tlvs = (
        smpp34.Tlv(RECEIPTED_MESSAGE_ID, b"77\0"),
        smpp34.Tlv(MESSAGE_STATE, bytes([5])),
    )
    assert read(Delivered(text("DELIVRD"), tlvs)) == Receipt("77", outcomes.FAILED)


def test_a_phones_message_is_no_receipt() -> None:
    assert read(Delivered(text("DELIVRD"), esm_class=0)) is None


@pytest.mark.parametrize("said", [b"", b"\xff\xfe", b"id: stat:", "退订".encode("utf-16-be")])
def test_p4_a_receipt_without_a_message_id_is_none(said: bytes) -> None:
    assert read(Delivered(said)) is None


def test_a_status_without_a_name_is_its_number() -> None:
    assert status_name(0x58) == "ESME_RTHROTTLED"
    assert status_name(0x401) == "0x00000401"
