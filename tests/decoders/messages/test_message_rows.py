"""Message rows: the contract's keys, and no identity without ``--clear`` (P6)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from test_message_decoder import MSC_SIDES, decode

from decoders.messages import Message, PartyNumber
from decoders.pseudonyms import Pseudonyms
from decoders.rows import KEYS, row


def identities(message: Message) -> list[str]:
    """Every run of identity digits in a message."""
    numbers = (message.called, message.calling, message.service_centre)
    plain = (message.imsi, message.imei, message.imeisv, message.tmsi)
    return [n.digits for n in numbers if n is not None] + [p for p in plain if p is not None]


@pytest.mark.parametrize("name", MSC_SIDES)
def test_a_row_has_the_keys_of_the_contract_in_their_order(pcap: Path, name: str) -> None:
    for message in decode(pcap / name)[0]:
        keys = list(row(message))
        assert keys == [key for key in KEYS if key in keys]
        assert {"frame", "time", "sccp", "protocol", "message", "code"} <= set(keys)


@pytest.mark.parametrize("name", MSC_SIDES)
def test_p6_without_clear_no_row_shows_an_identity(pcap: Path, name: str) -> None:
    shown = 0
    for message in decode(pcap / name)[0]:
        text = json.dumps(row(message))
        for digits in identities(message):
            shown += 1
            assert not re.search(rf"(?<![0-9a-f]){digits}(?![0-9a-f])", text)
            assert digits in json.dumps(row(message, clear=True))
    assert shown


def test_the_key_decides_the_pseudonym_and_equal_identities_get_equal_ones() -> None:
    message = Message(
        frame=1,
        time=0,
        sccp="DT1",
        protocol="MM",
        message="IDENTITY RESPONSE",
        code=25,
        imsi="001010000001095",
        called=PartyNumber("10086", 0, 1),
    )
    first, second = (Pseudonyms(bytes([key]) * 32) for key in (1, 2))
    assert row(message, pseudonyms=first) == row(message, pseudonyms=first)
    assert row(message, pseudonyms=first)["imsi"] != row(message, pseudonyms=second)["imsi"]
    assert row(message, pseudonyms=first)["called"]["digits"] == first.number("10086")


def test_time_is_text_and_what_does_not_apply_is_absent(pcap: Path) -> None:
    first = row(decode(pcap / "lab-a/A_msc_re_mtp3.pcap")[0][4], clear=True)
    assert re.fullmatch(r"2026-11-21T21:\d\d:\d\d\.\d{6}Z", first["time"])
    assert None not in first.values()
