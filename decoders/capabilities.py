"""What a station or a network can do, and when: classmarks, codecs, channels, ciphering, time.

Nothing here decides an event; it is for the person who reads ``xinling dissect``.

Classmark 2 (24.008 10.5.1.6)::

     8   7   6   5   4   3   2   1
    | 0 | revision  |ES |A51| RF power  |   0 ES IND; A5/1: 0 means available
    | 0 |PS | SS    |SM |VBS|VGC|FC |
    |CM3| 0 |LCS|UCS|SoL|CMS|A53|A52|
"""

from __future__ import annotations

from decoders.bounded import Reader

REVISIONS = {0: "phase 1", 1: "phase 2", 2: "R99 or later"}
CODECS = {
    0: "GSM FR",
    1: "GSM HR",
    2: "GSM EFR",
    3: "FR AMR",
    4: "HR AMR",
    5: "UMTS AMR",
    6: "UMTS AMR 2",
    7: "TDMA EFR",
    8: "PDC EFR",
    9: "FR AMR-WB",
    10: "UMTS AMR-WB",
    11: "OHR AMR",
    12: "OFR AMR-WB",
    13: "OHR AMR-WB",
    15: "extension",
}
"""26.103 table 6.3-1 and 48.008 3.2.2.103."""
WITH_OCTET = frozenset({9, 12})
WITH_TWO_OCTETS = frozenset({3, 4, 11})
"""Codec types of 48.008 3.2.2.103 whose element goes on with configurations (S0 to S15)."""
MAX_CODECS = 32
SPEECH_VERSIONS = {
    0x01: "GSM FR",
    0x05: "GSM HR",
    0x11: "GSM EFR",
    0x21: "FR AMR",
    0x25: "HR AMR",
    0x41: "OFR AMR-WB",
    0x42: "FR AMR-WB",
    0x45: "OHR AMR-WB",
    0x46: "OHR AMR",
}
"""48.008 3.2.2.51."""
ALGORITHMS = {1: "no encryption", 2: "A5/1", 3: "A5/2", 4: "A5/3", 5: "A5/4", 6: "A5/5"}
"""48.008 3.2.2.44."""
KINDS = {1: "speech", 2: "data", 3: "signalling"}
"""48.008 3.2.2.11."""
PROGRESS = {
    1: "not end-to-end PLMN or ISDN",
    2: "destination in non-PLMN or non-ISDN",
    3: "origination in non-PLMN or non-ISDN",
    4: "returned to the PLMN or ISDN",
    8: "in-band information available",
    9: "in-band multimedia CAT available",
    32: "call is end-to-end PLMN or ISDN",
    64: "queueing",
}
"""24.008 table 10.5.127."""
CALL_STATES = {
    0: "null",
    1: "call initiated or present",
    3: "mobile originating call proceeding",
    4: "call delivered",
    6: "call present",
    7: "call received",
    8: "connect request",
    9: "mobile terminating call confirmed",
    10: "active",
    11: "disconnect request",
    12: "disconnect indication",
    19: "release request",
    26: "mobile originating modify",
    27: "mobile terminating modify",
    28: "connect indication",
}
"""24.008 10.5.4.6, of either side."""


def classmark_1(reader: Reader) -> str:
    """24.008 10.5.1.5."""
    first = reader.octet()
    revision = REVISIONS.get(first >> 5 & 3, "reserved")
    a5_1 = "no A5/1" if first & 0x08 else "A5/1"
    return f"{revision}, {a5_1}, power class {(first & 7) + 1}"


def classmark_2(reader: Reader) -> str:
    """24.008 10.5.1.6."""
    start = classmark_1(reader)
    if reader.left < 2:
        return start
    second, third = reader.octet(), reader.octet()
    more = [
        name
        for present, name in (
            (third & 0x02, "A5/3"),
            (third & 0x01, "A5/2"),
            (second & 0x08, "short messages"),
            (third & 0x20, "location services"),
            (third & 0x80, "classmark 3"),
        )
        if present
    ]
    return ", ".join([start, *more])


def codec_list(reader: Reader) -> str:
    """48.008 3.2.2.103 and 3.2.2.104: codec types in their order."""
    names: list[str] = []
    while reader.left and len(names) < MAX_CODECS:
        kind = reader.octet() & 15
        names.append(CODECS.get(kind, f"type {kind}"))
        if kind in WITH_OCTET | WITH_TWO_OCTETS:
            reader.take(min(reader.left, 2 if kind in WITH_TWO_OCTETS else 1))
        elif kind == 15:
            reader.take(min(reader.left, 1))
    return ", ".join(names)


def supported_codecs(reader: Reader) -> str:
    """24.008 10.5.4.32: by system, a bit map of codec types."""
    found: list[str] = []
    while reader.left >= 2 and len(found) < MAX_CODECS:
        system = {0: "GSM", 4: "UMTS"}.get(code := reader.octet(), f"system {code}")
        octets = reader.take(min(reader.octet(), reader.left))
        bits = int.from_bytes(octets, "little")
        names = [name for kind, name in CODECS.items() if bits >> kind & 1]
        found.append(f"{system}: {', '.join(names) or 'none'}")
    return "; ".join(found)


def speech_version(reader: Reader) -> str:
    """48.008 3.2.2.51."""
    code = reader.octet() & 0x7F
    return SPEECH_VERSIONS.get(code, f"reserved ({code})")


def algorithm(reader: Reader) -> str:
    """48.008 3.2.2.44."""
    code = reader.octet()
    return ALGORITHMS.get(code, f"reserved ({code})")


def channel_type(reader: Reader) -> str:
    """48.008 3.2.2.11: speech, data or signalling, and the speech versions permitted."""
    kind = reader.octet() & 15
    name = KINDS.get(kind, f"reserved ({kind})")
    rate = reader.octet()
    if kind != 1:
        return f"{name}, rate and type {rate}"
    versions = [SPEECH_VERSIONS.get(octet & 0x7F, f"{octet:#x}") for octet in reader.rest()]
    return f"{name}, rate and type {rate}: {', '.join(versions)}"


def progress(reader: Reader) -> str:
    """24.008 10.5.4.21."""
    reader.octet()
    code = reader.octet() & 0x7F
    return PROGRESS.get(code, f"unspecific ({code})")


def call_state(reader: Reader) -> str:
    """24.008 10.5.4.6."""
    code = reader.octet() & 0x3F
    return CALL_STATES.get(code, f"other ({code})")


def moment(reader: Reader) -> str:
    """24.008 10.5.3.9 and 23.040 9.2.3.11: local time as written, and its zone."""
    pairs = [f"{octet & 15:x}{octet >> 4:x}" for octet in reader.take(6)]
    date, time = "-".join(pairs[:3]), ":".join(pairs[3:])
    return f"{date} {time} {zone(reader)}"


def zone(reader: Reader) -> str:
    """24.008 10.5.3.8: quarters of an hour east of Greenwich, bit 4 the sign."""
    octet = reader.octet()
    quarters = (octet & 0x07) * 10 + (octet >> 4)
    sign = "-" if octet & 0x08 else "+"
    return f"{sign}{quarters // 4:02d}:{quarters % 4 * 15:02d}"
