"""Dialogues message by message, as the laboratories' MSC and BSCs held them.

A step is a line ``delay way form template``. The delay is in milliseconds since the step before it,
or ``ring`` or ``talk``: as long as the phone rang, as long as people talked. The way is ``>`` from
the BSC, ``<`` from the MSC, doubled on the second leg of a handover. The form says what stands
around the template: ``L3`` COMPLETE LAYER 3 INFORMATION in a connection request, ``BSSMAP``,
``DTAP`` (SAPI 0) and ``SMS`` (SAPI 3) in a DT1, ``CR`` BSSMAP in a connection request, ``UDT``
BSSMAP without connection, ``CC``, ``RLSD`` and ``RLC``. N(SD) of TS 24.007 11.2.3.2.3 is filled in.

The order of the messages is that of dialogues in ``fixtures/pcap``: lab-c's, with the IMEI asked
for lab-a's, without ciphering lab-b's. What the labs never did names its section.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple


class Dialogue(IntEnum):
    """What a phone and the network do with each other."""

    UPDATE = 0
    UPDATE_KEPT = 1
    """Accepted without a new TMSI."""
    UPDATE_BY_IMSI = 2
    UPDATE_REJECTED = 3
    DETACH = 4
    CALL_OUT = 5
    CALL_OUT_UNANSWERED = 6
    CALL_OUT_BUSY = 7
    CALL_OUT_ABANDONED = 8
    CALL_OUT_FAILED = 9
    CALL_OUT_HANDOVER = 10
    CALL_OUT_RELOCATED = 11
    """Handed over to another BSC, of the same MSC or of another one."""
    EMERGENCY = 12
    CALL_IN = 13
    CALL_IN_UNANSWERED = 14
    CALL_IN_REFUSED = 15
    CALL_IN_HANDOVER = 16
    CALL_IN_RELOCATED = 17
    PAGED = 18
    """Paged twice, without an answer."""
    TEXT_OUT = 19
    TEXT_IN = 20
    REQUEST = 21
    UPDATE_IDENTIFIED = 22
    """From another network, whose TMSI says nothing here: the MSC asks for the IMSI."""
    CALL_OUT_UNREACHED = 23
    """To a phone that does not answer when it is paged."""


class Options(NamedTuple):
    """How the network is run."""

    common_id: bool = True
    ciphering: bool = True
    imei: bool = False
    """The MSC asks for the IMEI at location updates."""


class Step(NamedTuple):
    """One message of a dialogue."""

    delay: float
    """Seconds since the step before, about; 0 where `wait` says how long."""
    wait: str
    """``ring``, ``talk`` or empty."""
    leg: int
    up: bool
    """From the BSC to the MSC."""
    template: str
    """The SCCP message."""


_TO_MSC = "[ 43 {msc} fe ]"
_TO_BSC = "[ 43 {bsc} fe ]"
_UP = "01 {bsc_ref} 02 02 06 " + _TO_MSC + " 04 " + _TO_BSC + " 0f"
_DOWN = "01 {msc_ref} 02 02 06 " + _TO_BSC + " 04 " + _TO_MSC + " 0f"
_FORMS: dict[tuple[str, bool], str] = {
    ("L3", True): _UP + " [ 00 [ 57 05 08 00 {plmn} {lac} {ci} 17 [ %s ] ] ] 00",
    ("CR", False): _DOWN + " [ 00 [ %s ] ] 00",
    ("CC", False): "02 {bsc_ref} {msc_ref} 02 01 03 " + _TO_MSC + " 00",
    ("CC", True): "02 {msc_ref} {bsc_ref} 02 01 03 " + _TO_BSC + " 00",
    ("BSSMAP", True): "06 {msc_ref} 00 01 [ 00 [ %s ] ]",
    ("BSSMAP", False): "06 {bsc_ref} 00 01 [ 00 [ %s ] ]",
    ("DTAP", True): "06 {msc_ref} 00 01 [ 01 80 [ %s ] ]",
    ("DTAP", False): "06 {bsc_ref} 00 01 [ 01 00 [ %s ] ]",
    ("SMS", True): "06 {msc_ref} 00 01 [ 01 83 [ %s ] ]",
    ("SMS", False): "06 {bsc_ref} 00 01 [ 01 83 [ %s ] ]",
    ("RLSD", False): "04 {bsc_ref} {msc_ref} 00 01 00",
    ("RLC", True): "05 {msc_ref} {bsc_ref}",
    ("UDT", False): "09 00 03 07 0b 04 43 {bsc} fe 04 43 {msc} fe [ 00 [ %s ] ]",
}

_CIPHERED = """
9 < DTAP 05 12 03 {rand}
260 > DTAP 05 14 {sres}
11 < BSSMAP 53 0a [ 02 {key} ] 23 01
190 > BSSMAP 55 20 [ 06 32 17 [ {imeisv} ] ] 2c 02
"""
_COMMON_ID = "2 < BSSMAP 2f 08 [ {imsi} ]\n"
_ASK_IMSI = """
3 < DTAP 05 18 01
180 > DTAP 05 19 [ {imsi} ]
"""
_ASK_IMEI = """
3 < DTAP 05 18 02
180 > DTAP 05 19 [ {imei} ]
"""
_SERVED = "4 < DTAP 05 21\n"
_CLEARED = """
30 < BSSMAP 20 04 01 09
40 > BSSMAP 21
3 < RLSD
8 > RLC
"""

_UPDATE = "0 > L3 05 08 {update} {plmn} {old_lac} 30 [ f4 {tmsi} ]"
_UPDATE_BY_IMSI = "0 > L3 05 08 {update} {plmn} {old_lac} 30 [ {imsi} ]"
_UPDATE_FROM_ELSEWHERE = "0 > L3 05 08 {update} {old_plmn} {old_lac} 30 [ f4 {old_tmsi} ]"
_NEW_TMSI = """
40 < DTAP 05 02 {plmn} {lac} 17 [ f4 {new_tmsi} ]
210 > DTAP 05 1b
"""
_KEPT_TMSI = "40 < DTAP 05 02 {plmn} {lac}\n"

_CALLS = "0 > L3 05 24 01 [ 30 19 81 ] [ f4 {tmsi} ]"
_TEXTS = "0 > L3 05 24 04 [ 30 19 81 ] [ f4 {tmsi} ]"
_ASKS = "0 > L3 05 24 08 [ 30 19 81 ] [ f4 {tmsi} ]"
_HELP = "0 > L3 05 24 02 [ 30 19 81 ] [ f4 {tmsi} ]"
_PAGING = "< UDT 52 08 [ {imsi} ] 09 04 {tmsi} 1a [ 05 {old_lac} ]\n"
_ANSWERS = "0 " + _PAGING + "1900 > L3 06 27 00 [ 30 19 81 ] [ f4 {tmsi} ]"

_ASSIGNED = """
30 < BSSMAP 01 0b [ 01 08 01 ] 01 {cic}
620 > BSSMAP 02 15 00 21 98 2c 02 40 11
"""
_DIALS = """
230 > DTAP 03 05 04 [ 60 02 00 81 ] 5e [ 81 {number} ]
20 < DTAP 83 02
"""
_RINGS_THERE = "1400 < DTAP 83 01\n"
_OUT = _DIALS + _ASSIGNED + _RINGS_THERE
_OUT_ANSWERED = """
ring < DTAP 83 07
190 > DTAP 03 0f
"""
_HANGS_UP = """
> DTAP 03 25 [ e0 90 ]
15 < DTAP 83 2d
170 > DTAP 03 2a
"""
_TOLD = """
180 > DTAP 03 2d
15 < DTAP 83 2a
"""

_IS_CALLED = """
20 < DTAP 03 05 04 [ 60 02 00 81 ] 5c [ 81 {number} ]
240 > DTAP 83 08 04 [ 60 02 00 81 ]
"""
_IN = (
    _IS_CALLED
    + """
30 < BSSMAP 01 0b [ 01 08 01 ] 01 {cic}
420 > DTAP 83 01
200 > BSSMAP 02 15 00 21 98 2c 02 40 11
"""
)
_IN_ANSWERED = """
ring > DTAP 83 07
20 < DTAP 03 0f
"""
_OTHER_HANGS_UP = """
< DTAP 03 25 [ e0 90 ]
180 > DTAP 83 2d
15 < DTAP 03 2a
"""

_PERFORMED = """
talk > BSSMAP 17 04 [ 0c ] 05 [ 00 {plmn} {new_lac} {new_ci} ] 21 98 2c 02 40 11
"""
_COMMAND = "17 [ 06 2b {new_ci} 0a e3 67 {handover} 05 ]"  # TS 44.018 9.1.15
_RELOCATED = f"""
talk > BSSMAP 11 04 [ 0c ] 1a [ 01 {{new_lac}} {{new_ci}} ]
25 << CR 10 0b [ 01 08 01 ] 0a [ 02 {{key}} ] 12 [ 30 19 81 ] 05 [ 00 {{plmn}} {{lac}} {{ci}} ] \
01 {{cic}} 05 [ 00 {{plmn}} {{new_lac}} {{new_ci}} ] 04 [ 0c ] 08 [ {{imsi}} ]
12 >> CC
45 >> BSSMAP 12 {_COMMAND} 21 98 2c 02 40 11
15 < BSSMAP 13 {_COMMAND}
240 >> BSSMAP 1b
130 >> BSSMAP 14
15 < BSSMAP 20 04 01 0b
40 > BSSMAP 21
3 < RLSD
8 > RLC
"""

_SENDS = """
400 > SMS 09 01 [ 00 2a 00 [ 91 68 31 08 01 37 05 f0 ] [ 01 2a {party} 00 00 16 {text} ] ]
60 < SMS 89 04
350 < SMS 89 01 [ 03 2a ]
190 > SMS 09 04
"""
_RECEIVES = """
400 < SMS 09 01 [ 01 7a [ 91 68 31 08 01 37 05 f0 ] 00 \
[ 04 {party} 00 00 80 10 82 10 00 00 23 16 {text} ] ]
190 > SMS 89 04
170 > SMS 89 01 [ 02 7a ]
20 < SMS 09 04
"""
_ASKS_BALANCE = """
300 > DTAP 0b 3b 1c [ a1 [ 02 01 05 02 01 3b 30 [ 04 01 0f 04 06 aa 51 0c 06 1b 01 ] ] ]
700 < DTAP 8b 2a 1c [ a2 [ 02 01 05 30 [ 02 01 3b 30 [ 04 01 0f 04 02 c8 32 ] ] ] ]
"""


def _talk(lines: str) -> str:
    return "talk " + lines.lstrip()


def _ring(lines: str) -> str:
    return "ring " + lines.lstrip()


def _second(lines: str) -> str:
    """The same on the second leg."""
    return lines.replace(" < ", " << ").replace(" > ", " >> ")


_OUT_TALKS = _OUT + _OUT_ANSWERED
_IN_TALKS = _IN + _IN_ANSWERED

_SERVICES: dict[Dialogue, tuple[str, str]] = {
    Dialogue.CALL_OUT: (_CALLS, _OUT_TALKS + _talk(_HANGS_UP)),
    Dialogue.CALL_OUT_UNANSWERED: (_CALLS, _OUT + "ring < DTAP 83 25 [ e0 93 ]" + _TOLD),
    Dialogue.CALL_OUT_BUSY: (
        _CALLS,
        _DIALS
        + "30 < BSSMAP 01 0b [ 01 08 01 ] 01 {cic}\n500 < DTAP 83 2d 08 [ e0 91 ]\n"
        + "120 > BSSMAP 02 15 00 21 98 2c 02 40 11\n150 > DTAP 03 2a\n",
    ),
    Dialogue.CALL_OUT_ABANDONED: (_CALLS, _OUT + _ring(_HANGS_UP)),
    Dialogue.CALL_OUT_UNREACHED: (
        _CALLS,
        _DIALS + _ASSIGNED + "9500 < DTAP 83 25 [ e0 92 ]" + _TOLD,
    ),
    Dialogue.CALL_OUT_FAILED: (
        _CALLS,
        _DIALS
        + "30 < BSSMAP 01 0b [ 01 08 01 ] 01 {cic}\n900 > BSSMAP 03 04 [ 21 ]\n"
        + "15 < DTAP 83 2d 08 [ e0 af ]\n180 > DTAP 03 2a\n",
    ),
    Dialogue.CALL_OUT_HANDOVER: (_CALLS, _OUT_TALKS + _PERFORMED + _talk(_HANGS_UP)),
    Dialogue.EMERGENCY: (
        _HELP,
        "230 > DTAP 03 0e\n20 < DTAP 83 02"
        + _ASSIGNED
        + _RINGS_THERE
        + _OUT_ANSWERED
        + _talk(_HANGS_UP),
    ),
    Dialogue.CALL_IN: (_ANSWERS, _IN_TALKS + _talk(_OTHER_HANGS_UP)),
    Dialogue.CALL_IN_UNANSWERED: (_ANSWERS, _IN + _ring(_OTHER_HANGS_UP)),
    Dialogue.CALL_IN_REFUSED: (
        _ANSWERS,
        _IN + "ring > DTAP 83 25 [ e0 91 ]\n15 < DTAP 03 2d\n170 > DTAP 83 2a\n",
    ),
    Dialogue.CALL_IN_HANDOVER: (_ANSWERS, _IN_TALKS + _PERFORMED + _talk(_OTHER_HANGS_UP)),
    Dialogue.TEXT_OUT: (_TEXTS, _SENDS),
    Dialogue.TEXT_IN: (_ANSWERS, _RECEIVES),
    Dialogue.REQUEST: (_ASKS, _ASKS_BALANCE),
}
_RELOCATIONS: dict[Dialogue, tuple[str, str]] = {
    Dialogue.CALL_OUT_RELOCATED: (
        _CALLS,
        _OUT_TALKS + _RELOCATED + _second(_talk(_HANGS_UP) + _CLEARED),
    ),
    Dialogue.CALL_IN_RELOCATED: (
        _ANSWERS,
        _IN_TALKS + _RELOCATED + _second(_talk(_OTHER_HANGS_UP) + _CLEARED),
    ),
}
_UPDATES: dict[Dialogue, tuple[str, str]] = {
    Dialogue.UPDATE: (_UPDATE, _NEW_TMSI),
    Dialogue.UPDATE_KEPT: (_UPDATE, _KEPT_TMSI),
    Dialogue.UPDATE_BY_IMSI: (_UPDATE_BY_IMSI, _NEW_TMSI),
    Dialogue.UPDATE_IDENTIFIED: (_UPDATE_FROM_ELSEWHERE, _NEW_TMSI),
}
_CONNECTED = "\n12 < CC\n"


def steps(dialogue: Dialogue, options: Options) -> tuple[Step, ...]:
    """The messages of `dialogue` in a network run so."""
    return tuple(_numbered(_parsed(_script(dialogue, options))))


def _script(dialogue: Dialogue, options: Options) -> str:
    security = _CIPHERED if options.ciphering else ""
    security += _COMMON_ID if options.common_id else ""
    if dialogue is Dialogue.PAGED:
        return "0 " + _PAGING + "5000 " + _PAGING
    if dialogue is Dialogue.DETACH:
        return "0 > L3 05 01 30 [ f4 {tmsi} ]" + _CONNECTED + _CLEARED
    if dialogue is Dialogue.UPDATE_REJECTED:
        return _UPDATE + _CONNECTED + "15 < DTAP 05 04 11" + _CLEARED
    if dialogue in _UPDATES:
        opening, body = _UPDATES[dialogue]
        asked = _ASK_IMEI if options.imei else ""
        if dialogue is Dialogue.UPDATE_IDENTIFIED:
            security = _ASK_IMSI + security
        return opening + _CONNECTED + security + asked + body + _CLEARED
    if dialogue in _RELOCATIONS:
        opening, body = _RELOCATIONS[dialogue]
    else:
        opening, body = _SERVICES[dialogue]
        body += _CLEARED
    if not options.ciphering and opening is not _ANSWERS:
        security += _SERVED
    return opening + _CONNECTED + security + body


def _parsed(script: str) -> Iterator[tuple[str, str, str, str]]:
    for line in script.splitlines():
        if line.strip():
            delay, way, form, *rest = line.split(maxsplit=3)
            yield delay, way, form, rest[0] if rest else ""


def _numbered(lines: Iterator[tuple[str, str, str, str]]) -> Iterator[Step]:
    """With N(SD), which MM, CC and SS messages of a phone share, modulo 2."""
    sent = 0
    for delay, way, form, template in lines:
        body, up = template, way[0] == ">"
        if up and form in {"DTAP", "L3"} and template[1] in "35b":
            body = f"{template[:3]}{int(template[3:5], 16) | sent << 6:02x}{template[5:]}"
            sent ^= 1
        wrapper = _FORMS[form, up]
        wait = delay if delay in {"ring", "talk"} else ""
        yield Step(
            0.0 if wait else float(delay) / 1000,
            wait,
            len(way) - 1,
            up,
            wrapper % body if "%s" in wrapper else wrapper,
        )
