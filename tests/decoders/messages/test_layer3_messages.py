"""Layer 3: what MM, CC, RR, SMS and SS messages say of identity, place, number and cause."""

from __future__ import annotations

import pytest
from builders import layer3

from decoders.messages import Lai, PartyNumber

AREA = Lai("460", "00", 0x42D0)


def test_a_location_update_request_names_the_area_before_and_the_identity() -> None:
    message = layer3("05087064f00042d05705f412345678")
    assert (message.protocol, message.message, message.code) == (
        "MM",
        "LOCATION UPDATING REQUEST",
        8,
    )
    assert (message.lai, message.tmsi) == (AREA, "12345678")
    assert message.from_mobile is True


def test_a_network_code_of_three_digits_keeps_them() -> None:
    assert layer3("05080200816800013005f403020100").lai == Lai("001", "868", 1)


@pytest.mark.parametrize(
    ("octet", "update", "follow_on"),
    [("70", "normal", None), ("71", "periodic", None), ("7a", "imsi attach", True)],
)
def test_the_type_of_a_location_update_and_its_follow_on_request(
    octet: str,
    update: str,
    follow_on: bool | None,  # noqa: FBT001  a parameter of the test
) -> None:
    message = layer3(f"0508{octet}64f00042d05705f412345678")
    assert (message.update, message.follow_on) == (update, follow_on)


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        ("0554a3c729e0", "AUTHENTICATION RESPONSE"),
        ("03e502e090", "DISCONNECT"),
        ("0baa", "RELEASE COMPLETE"),
    ],
)
def test_the_send_sequence_bits_are_no_part_of_a_message_type(octets: str, name: str) -> None:
    assert layer3(octets).message == name


def test_a_location_update_accept_that_assigns_a_tmsi_says_so() -> None:
    message = layer3("050264f00042d01705f412345678")
    assert (message.new_tmsi, message.tmsi, message.identity_type) == (True, "12345678", 4)
    assert message.lai == AREA


def test_a_location_update_accept_with_an_imsi_assigns_no_tmsi() -> None:
    message = layer3("050264f00042d017084906000000001032")
    assert (message.new_tmsi, message.imsi, message.identity_type) == (False, "460000000000123", 1)


def test_a_location_update_accept_without_identity_has_no_identity_type() -> None:
    message = layer3("050264f00042d0a1")
    assert (message.identity_type, message.tmsi, message.error) == (None, None, None)


@pytest.mark.parametrize(
    ("octets", "imei", "imeisv"),
    [
        ("0559084a32244332244302", "423423423423420", None),
        ("0559095332244332244372f6", None, "5234234234234276"),
    ],
)
def test_an_identity_response_shows_the_equipment(
    octets: str, imei: str | None, imeisv: str | None
) -> None:
    message = layer3(octets)
    assert (message.imei, message.imeisv, message.imsi) == (imei, imeisv, None)


def test_a_service_request_names_its_service() -> None:
    message = layer3("0524010350589205f4abcdef01")
    assert (message.service, message.tmsi) == (1, "abcdef01")


def test_a_setup_bears_the_numbers_of_both_parties() -> None:
    message = layer3("03050401a05c0811833306000000f05e06811021436587")
    assert message.called == PartyNumber("0112345678", 0, 1)
    assert message.calling == PartyNumber("33600000000", 1, 1)
    assert (message.ti, message.ti_flag) == (0, 0)


def test_an_extended_transaction_identifier_is_read_from_the_next_octet() -> None:
    message = layer3("f385" + "2d")
    assert (message.message, message.ti, message.ti_flag) == ("RELEASE", 5, 1)


@pytest.mark.parametrize(
    ("octets", "cause"),
    [
        ("032502e090", 16),
        ("032503608190", 16),
        ("05040b", 11),
        ("052906", 6),
        ("062f6f", 111),
        ("891051", 81),
    ],
)
def test_a_cause_is_read_wherever_it_stands(octets: str, cause: int) -> None:
    assert layer3(octets).cause == cause


def test_a_supplementary_service_request_gives_its_operation_and_service_code() -> None:
    message = layer3("0b7b1c0da10b02010302010e30030401217f0100")
    assert (message.operation, message.service_code) == (14, 0x21)


def test_p6_a_ussd_request_gives_its_operation_and_nothing_of_its_string() -> None:
    message = layer3("0b7b1c14a11202010002013b300a04010f0405a3986c36027f0100", elements=True)
    assert (message.operation, message.service_code) == (59, None)
    stack = list(message.elements or [])
    while stack:
        element = stack.pop()
        stack += element.children
        assert element.text or b"\xa3\x98\x6c" not in element.raw


def test_an_unknown_element_is_stepped_over_by_its_form() -> None:
    message = layer3("050264f00042d0" + "b5" + "7702aabb" + "1705f412345678", elements=True)
    assert message.tmsi == "12345678"
    assert [e.name for e in message.elements or []][-3:] == [
        "UNKNOWN 0xb5",
        "UNKNOWN 0x77",
        "MOBILE IDENTITY",
    ]


def test_p4_an_unknown_message_type_is_named_by_its_number_and_kept() -> None:
    message = layer3("053f0102")
    assert (message.message, message.code, message.error) == (
        "UNKNOWN 0x3f",
        0x3F,
        "unknown message type",
    )
    assert message.raw == bytes.fromhex("053f0102")


def test_p4_a_protocol_that_is_not_decoded_is_named() -> None:
    message = layer3("0435")
    assert (message.protocol, message.error) == ("GTTP", "protocol that is not decoded")


def test_p4_a_message_cut_short_keeps_what_was_understood() -> None:
    message = layer3("05087064f00042d05705f41234")
    assert message.lai == AREA
    assert message.tmsi is None
    assert message.error == "MOBILE IDENTITY: length beyond its container"


@pytest.mark.parametrize(
    "identity",
    ["091132547698103254f6", "08193254a698103254", "081132547698103254", "06f40980ad2342"],
    ids=["too many digits", "a digit that is none", "no end mark", "a TMSI of five octets"],
)
def test_p4_an_identity_that_cannot_be_one_is_an_error(identity: str) -> None:
    message = layer3("062700" + "03505886" + identity)
    assert message.error is not None
    assert message.error.startswith("MOBILE IDENTITY")
    assert (message.imsi, message.tmsi) == (None, None)
