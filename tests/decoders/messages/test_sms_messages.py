"""Short messages: addresses, references and types; never text (P6)."""

from __future__ import annotations

import pytest
from builders import layer3

from decoders.messages import PartyNumber
from decoders.sms import septets


def cp(rp: str) -> str:
    """A CP-DATA with an RP message."""
    return f"0901{len(rp) // 2:02x}{rp}"


def rp_data(kind: str, originator: str, destination: str, tpdu: str) -> str:
    """An RP-DATA; addresses with their length."""
    return cp(f"{kind}2a{originator}{destination}{len(tpdu) // 2:02x}{tpdu}")


CENTRE = "07913386094000f0"


def test_a_submitted_message_names_whom_it_is_for() -> None:
    message = layer3(rp_data("00", "00", CENTRE, "01840a81600000000000" + "0004d4f29c0e"))
    assert (message.rp_message, message.tp_message) == ("RP-DATA", "SMS-SUBMIT")
    assert message.called == PartyNumber("0600000000", 0, 1)
    assert message.calling is None
    assert message.service_centre == PartyNumber("33689004000", 1, 1)
    assert (message.rp_reference, message.from_mobile, message.error) == (0x2A, True, None)


def test_a_delivered_message_names_whom_it_is_from() -> None:
    tpdu = "040b913306000000f0" + "0000" + "71019111000000" + "04d4f29c0e"
    message = layer3(rp_data("01", CENTRE, "00", tpdu))
    assert (message.tp_message, message.from_mobile) == ("SMS-DELIVER", False)
    assert message.calling == PartyNumber("33600000000", 1, 1)
    assert message.service_centre == PartyNumber("33689004000", 1, 1)


def test_a_sender_that_is_a_name_is_read_in_the_default_alphabet() -> None:
    tpdu = "040ad0c8329bfd06" + "0000" + "71019111000000" + "00"
    message = layer3(rp_data("01", CENTRE, "00", tpdu))
    assert message.calling == PartyNumber("Hello", 5, 0)


def test_a_status_report_names_the_recipient() -> None:
    tpdu = "0605" + "0b913306000000f0" + "71019111000000" + "71019111000000" + "00"
    message = layer3(rp_data("01", CENTRE, "00", tpdu))
    assert message.tp_message == "SMS-STATUS-REPORT"
    assert message.called == PartyNumber("33600000000", 1, 1)


@pytest.mark.parametrize(
    ("rp", "name", "cause"),
    [("032a", "RP-ACK", None), ("042a0115", "RP-ERROR", 21), ("062a", "RP-SMMA", None)],
)
def test_the_answers_of_the_relay_layer_are_told_apart(
    rp: str, name: str, cause: int | None
) -> None:
    message = layer3(cp(rp))
    assert (message.message, message.rp_message, message.cause) == ("CP-DATA", name, cause)
    assert message.rp_reference == 0x2A


def test_a_command_names_whom_the_message_was_for() -> None:
    tpdu = "02" + "2a" + "00" + "01" + "07" + "0a81600000000000"[:14] + "00"
    message = layer3(rp_data("00", "00", CENTRE, tpdu))
    assert (message.tp_message, message.error) == ("SMS-COMMAND", None)
    assert message.called == PartyNumber("0600000000", 0, 1)


@pytest.mark.parametrize(
    ("rp", "name"), [("032a41020100", "SMS-SUBMIT-REPORT"), ("022a41020000", "SMS-DELIVER-REPORT")]
)
def test_a_report_inside_an_acknowledgement_is_named(rp: str, name: str) -> None:
    assert layer3(cp(rp)).tp_message == name


@pytest.mark.parametrize(
    ("rp", "reason"),
    [
        ("072a", "CP USER DATA: reserved RP message type"),
        ("022a410103", "RP USER DATA: reserved TP message type"),
    ],
)
def test_p4_reserved_types_are_errors(rp: str, reason: str) -> None:
    assert layer3(cp(rp)).error == reason


def test_an_address_without_digits_is_none() -> None:
    message = layer3(rp_data("00", "00", CENTRE, "012a" + "0081" + "0000" + "00"))
    assert (message.called, message.error) == (None, None)


def test_p6_the_text_is_in_no_value_and_marked_wherever_its_bytes_stand() -> None:
    text = bytes.fromhex("d4f29c0e")
    message = layer3(
        rp_data("00", "00", CENTRE, "01840a81600000000000" + "0004d4f29c0e"), elements=True
    )
    stack = list(message.elements or [])
    assert stack
    while stack:
        element = stack.pop()
        stack += element.children
        assert element.text or text not in element.raw
        assert not (element.text and element.value is not None)


def test_p4_an_address_longer_than_allowed_is_an_error() -> None:
    message = layer3(rp_data("01", CENTRE, "00", "04ff91" + "33" * 40))
    assert message.error == "RP USER DATA: address longer than 12 octets"
    assert message.calling is None
    assert message.service_centre is not None


def test_packed_characters_are_unpacked() -> None:
    assert septets(bytes.fromhex("c8329bfd06"), 5) == "Hello"
