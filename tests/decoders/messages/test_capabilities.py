"""Classmarks, codecs, channels and times, as a person reads them in ``xinling dissect``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from decoders import capabilities as can
from decoders.bounded import Reader
from decoders.errors import DecodeError


@pytest.mark.parametrize(
    ("decode", "octets", "shown"),
    [
        (can.classmark_1, "33", "phase 2, A5/1, power class 4"),
        (
            can.classmark_2,
            "331981",
            "phase 2, A5/1, power class 4, A5/2, short messages, classmark 3",
        ),
        (can.codec_list, "828091", "GSM EFR, GSM FR, GSM HR"),
        (can.codec_list, "83ff0082", "FR AMR, GSM EFR"),
        (
            can.supported_codecs,
            "00020500040160",
            "GSM: GSM FR, GSM EFR; UMTS: UMTS AMR, UMTS AMR 2",
        ),
        (can.channel_type, "01081105", "speech, rate and type 8: GSM EFR, GSM HR"),
        (can.channel_type, "0300", "signalling, rate and type 0"),
        (can.speech_version, "11", "GSM EFR"),
        (can.algorithm, "02", "A5/1"),
        (can.progress, "e088", "in-band information available"),
        (can.call_state, "ca", "active"),
        (can.moment, "80108221436523", "08-01-28 12:34:56 +08:00"),
        (can.zone, "23", "+08:00"),
        (can.zone, "0a", "-05:00"),
    ],
)
def test_a_value_is_shown_as_the_specification_names_it(
    decode: Callable[[Reader], str], octets: str, shown: str
) -> None:
    assert decode(Reader(bytes.fromhex(octets))) == shown


@pytest.mark.parametrize(
    "decode", [can.classmark_1, can.channel_type, can.progress, can.moment, can.zone]
)
def test_p4_a_value_cut_short_is_an_error(decode: Callable[[Reader], str]) -> None:
    with pytest.raises(DecodeError):
        decode(Reader(b""))
