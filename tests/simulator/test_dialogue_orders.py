"""Messages follow each other as in the laboratories, or as the specification says."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from made import messages, simulated

from decoders.messages import Message
from simulator.dialogues import Dialogue, Options, steps

_PCAP = Path(__file__).parents[2] / "fixtures" / "pcap"
_LABS = ("lab-a/A_msc_re_mtp3.pcap", "lab-b/B_msc_re_mtp3.pcap", "lab-c/C_msc_re_mtp3.pcap")

NOT_IN_THE_LABS = {
    Dialogue.UPDATE_KEPT: "TS 24.008 4.4.4.6: an accept without identity keeps the TMSI",
    Dialogue.UPDATE_BY_IMSI: "as UPDATE, another identity: TS 24.008 9.2.15",
    Dialogue.CALL_OUT_FAILED: "lab-b's assignment failure, ciphered",
    Dialogue.EMERGENCY: "TS 24.008 5.2.1.1: the labs' emergency calls were released at once",
    Dialogue.CALL_IN_HANDOVER: "lab-a's handover within a BSC, in a call from the network",
    Dialogue.CALL_OUT_RELOCATED: "lab-c, where the MSC waited longer: TS 48.008 3.1.5;"
    " to another MSC the same on both A-interfaces: TS 23.009 7.1",
    Dialogue.CALL_OUT_UNREACHED: "TS 24.008 5.4.4.1.2.1: cleared before anybody was alerted",
    Dialogue.UPDATE_IDENTIFIED: "as UPDATE; a TMSI of another network: TS 24.008 4.3.3.1",
    Dialogue.CALL_IN_RELOCATED: "as above",
    Dialogue.PAGED: "no connection: lab-a's paging without answer",
}


def _orders(stream: Iterable[Message]) -> list[tuple[str, ...]]:
    """The names of the messages of each connection, RR's and MM's within BSSMAP left out."""
    found: dict[tuple[int | None, int | None], list[str]] = {}
    orders = []
    for message in stream:
        if message.sccp == "CR" and message.within is None:
            names: list[str] = []
            orders.append(names)
            found[message.opc, message.slr] = names
        elif message.sccp == "CC":
            found[message.opc, message.slr] = found.get((message.dpc, message.dlr), [])
        key = (message.dpc, message.dlr) if message.dlr is not None else (message.opc, message.slr)
        if key in found and message.within is None:
            found[key].append(message.message)
    return [tuple(names) for names in orders]


@cache
def _laboratories() -> frozenset[tuple[str, ...]]:
    """Every order in the labs, also without the early CLASSMARK UPDATE that lab-a's phones send."""
    orders = {order for lab in _LABS for order in _orders(messages_of(lab))}
    bare = {tuple(name for name in order if name != "CLASSMARK UPDATE") for order in orders}
    return frozenset(_without_cause(order) for order in orders | bare)


def messages_of(lab: str) -> list[Message]:
    return list(messages(_PCAP / lab))


def _without_cause(order: tuple[str, ...]) -> tuple[str, ...]:
    """IDENTITY REQUEST and its answer stand in lab-a only, and mean nothing for the rest."""
    return tuple(name for name in order if not name.startswith("IDENTITY"))


def test_every_order_that_is_made_stands_in_a_laboratory_or_has_its_reason(
    tmp_path: Path,
) -> None:
    text = "people: 50\nlasts: 13h\ntraffic: {calls: 14, texts: 4, requests: 2}\n"
    text += "movement: {flappers: 30%, uncovered: 50%}\nnetwork: {rejected: 5%, mscs: 4}\n"
    text += "kinds: {visitor: 20%}\n"
    simulated(tmp_path / "out", text + "captures: {per: all, link: mtp3}\n")
    made = {_without_cause(order) for order in _orders(messages(tmp_path / "out" / "all.pcap"))}
    whole = {order for order in made if order[-4:] == _CLEAR and order[: len(_TARGET)] != _TARGET}
    reasoned = {_names(kind) for kind in NOT_IN_THE_LABS}
    strange = {order for order in whole if order not in _laboratories() and order not in reasoned}
    assert not strange
    assert len(whole & _laboratories()) >= 8


def _names(kind: Dialogue) -> tuple[str, ...]:
    return _ORDERS[kind]


_OPEN = ("COMPLETE LAYER 3 INFORMATION", "CONNECTION CONFIRM")
_SECURE = (
    *("AUTHENTICATION REQUEST", "AUTHENTICATION RESPONSE", "CIPHER MODE COMMAND"),
    *("CIPHER MODE COMPLETE", "COMMON ID"),
)
_CLEAR = ("CLEAR COMMAND", "CLEAR COMPLETE", "RELEASED", "RELEASE COMPLETE")
_OUT = (
    *("SETUP", "CALL PROCEEDING", "ASSIGNMENT REQUEST", "ASSIGNMENT COMPLETE", "ALERTING"),
    *("CONNECT", "CONNECT ACKNOWLEDGE"),
)
_IN = (
    *("SETUP", "CALL CONFIRMED", "ASSIGNMENT REQUEST", "ALERTING", "ASSIGNMENT COMPLETE"),
    *("CONNECT", "CONNECT ACKNOWLEDGE"),
)
_END = ("DISCONNECT", "RELEASE", "RELEASE COMPLETE")
_TARGET = (
    *("HANDOVER REQUEST", "CONNECTION CONFIRM", "HANDOVER REQUEST ACKNOWLEDGE"),
    *("HANDOVER DETECT", "HANDOVER COMPLETE"),
)
"""Of a leg that a call is handed over to: lab-c's, with the DETECT of TS 48.008 3.1.5.2.2."""
_ASSIGN = ("ASSIGNMENT REQUEST", "ASSIGNMENT COMPLETE")
_HANDOVER = ("HANDOVER REQUIRED", "HANDOVER COMMAND")
_ORDERS: dict[Dialogue, tuple[str, ...]] = {
    Dialogue.UPDATE_KEPT: (*_OPEN, *_SECURE, "LOCATION UPDATING ACCEPT", *_CLEAR),
    Dialogue.UPDATE_BY_IMSI: (
        *(*_OPEN, *_SECURE, "LOCATION UPDATING ACCEPT", "TMSI REALLOCATION COMPLETE"),
        *_CLEAR,
    ),
    Dialogue.UPDATE_IDENTIFIED: (
        *(*_OPEN, *_SECURE, "LOCATION UPDATING ACCEPT", "TMSI REALLOCATION COMPLETE"),
        *_CLEAR,
    ),
    Dialogue.CALL_OUT_UNREACHED: (
        *(*_OPEN, *_SECURE, "SETUP", "CALL PROCEEDING", *_ASSIGN),
        *("DISCONNECT", "RELEASE", "RELEASE COMPLETE", *_CLEAR),
    ),
    Dialogue.CALL_OUT_FAILED: (
        *(*_OPEN, *_SECURE, "SETUP", "CALL PROCEEDING", "ASSIGNMENT REQUEST"),
        *("ASSIGNMENT FAILURE", "RELEASE", "RELEASE COMPLETE", *_CLEAR),
    ),
    Dialogue.EMERGENCY: (
        *(*_OPEN, *_SECURE, "EMERGENCY SETUP", "CALL PROCEEDING", *_ASSIGN, "ALERTING"),
        *("CONNECT", "CONNECT ACKNOWLEDGE", *_END, *_CLEAR),
    ),
    Dialogue.CALL_IN_HANDOVER: (*_OPEN, *_SECURE, *_IN, "HANDOVER PERFORMED", *_END, *_CLEAR),
    Dialogue.CALL_OUT_RELOCATED: (*_OPEN, *_SECURE, *_OUT, *_HANDOVER, *_CLEAR),
    Dialogue.CALL_IN_RELOCATED: (*_OPEN, *_SECURE, *_IN, *_HANDOVER, *_CLEAR),
    Dialogue.PAGED: (),
}


@pytest.mark.parametrize("kind", Dialogue)
def test_phones_number_their_messages_modulo_two(kind: Dialogue) -> None:
    """N(SD), TS 24.007 11.2.3.2.3: MM, CC and SS share one counter."""
    sent = 0
    for step in steps(kind, Options(ciphering=False)):
        header = "01 80 [ " if "01 80 [ " in step.template else "{ci} 17 [ "
        if step.leg or not step.up or header not in step.template:
            continue
        body = step.template.partition(header)[2].split()
        if body[0][1] in "35b":
            assert int(body[1], 16) >> 6 == sent
            sent ^= 1
