"""Verdicts, events, states and messages as lines for a person; identities stay pseudonyms (P6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from decoders.events import Event
from decoders.messages import Cell, Message
from decoders.pseudonyms import Pseudonyms
from decoders.rows import row as message_row
from decoders.times import to_text
from rules.consent import NO_TERMS
from rules.format import Place
from rules.profile import Profile
from rules.state import Mark, Sent, Subscriber
from rules.verdicts import Sample, Verdict
from stream.sms.outcomes import Outcome

NOTHING = "nothing is kept"
_MESSAGE_KEYS = ("lai", "cell", "target_cell", "imsi", "tmsi", "update", "called", "calling")
_SHORT = 10
"""Characters of a pseudonym that are shown: enough to tell two apart."""
_EARLIEST_TIME = 10**13
"""Integers of a state from here on are times, in microseconds (1970-04-26); none below is."""
_PROFILE_KEYS = ("home_city", "products", "segments", "consent", "opted_out", "time_zone")


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """One step: what was decided, and each check in the order asked."""
    yield f"step {verdict.step}   {to_text(verdict.time)}   {outcome_text(verdict)}"
    width = max((len(name) for name, _ in verdict.checks), default=0)
    for name, result in verdict.checks:
        yield f"    {name:<{width}}  {result}"
    if verdict.text:
        yield f"    text: {verdict.text}"


def outcome_text(verdict: Verdict) -> str:
    """What a verdict says, with its reason, variant or end of hold."""
    parts = [verdict.verdict]
    if verdict.reason:
        parts.append(f"({verdict.reason})")
    if verdict.not_before is not None:
        parts.append(f"until {to_text(verdict.not_before)}")
    if verdict.variant:
        parts.append(f"variant {verdict.variant}")
    return " ".join(parts)


def delivery_line(outcome: Outcome) -> str:
    """What became of an offer."""
    reason = f" ({outcome.reason})" if outcome.reason else ""
    return f"{to_text(outcome.time)}   {outcome.outcome}{reason}"


def sample_line(sample: Sample, city: str | None) -> str:
    """An event that a trigger rests on."""
    frames = ", ".join(f"{frame.source}:{frame.frame}" for frame in sample.frames)
    return f"{to_text(sample.time)}   {cell_text(sample.cell, city)}   event {sample.event}   frames {frames}"  # noqa: E501  one line of output


def event_line(event: Event, city: str | None, number_class: str | None) -> str:
    """An event: what happened, where, with whom as far as that is no identity."""
    parts = [to_text(event.time), event.type, cell_text(event.cell, city)]
    if event.direction:
        parts.append(event.direction)
    if event.other_party is not None:
        party = event.other_party
        dialled = f" by {party.selected}" if party.selected else ""
        where = party.destination.city or party.destination.kind
        parts.append(f"{number_class or 'unknown'} number{dialled} ({where})")
    parts += [f"{name} {value}" for name, value in event.detail.items() if _is_plain(value)]
    if event.trust:
        parts.append(f"trust {event.trust}")
    return "   ".join(parts)


def cell_text(cell: Cell | None, city: str | None = None) -> str:
    """A cell as LAC/CI, with its network and city where they are known."""
    if cell is None or cell.lac is None:
        return "no cell"
    network = f"{cell.mcc}-{cell.mnc} " if cell.mcc else ""
    place = f"{network}{cell.lac}" + ("" if cell.ci is None else f"/{cell.ci}")
    return f"{place} {city}" if city else place


def state_lines(state: Subscriber, names: Mapping[int, str]) -> Iterator[str]:
    """What is kept of a subscriber; `names` names triggers and campaigns by their keys."""
    empty = True
    for field in state.__struct_fields__:
        value = getattr(state, field)
        if field == "subscriber" or not value:
            continue
        empty = False
        yield from _part_lines(field, value, names)
    if empty:
        yield NOTHING


def _part_lines(field: str, value: Any, names: Mapping[int, str]) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            name = names.get(key, f"{key:08x}") if isinstance(key, int) else str(key)
            yield f"{field} of {name}: {_text(part, names)}"
    elif isinstance(value, tuple):
        for part in value:
            yield f"{field}: {_text(part, names)}"
    else:
        yield f"{field}: {_text(value, names)}"


def _text(value: Any, names: Mapping[int, str]) -> str:
    """A part of a state, whatever it holds: marks as time and cell, times as text."""
    if isinstance(value, Mark):
        return f"{to_text(value.time)} in {cell_text(value.cell)}"
    if isinstance(value, Sent):
        shadow = " in the shadow" if value.shadow else ""
        name = names.get(value.campaign, f"{value.campaign:08x}")
        return f"{name} at {to_text(value.time)}{shadow}"
    if isinstance(value, msgspec.Struct):
        fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
        return ", ".join(
            name if part is True else f"{name} {_text(part, names)}"
            for name, part in fields
            if part is not None and part is not False
        )
    if isinstance(value, tuple | list):
        return " · ".join(_text(part, names) for part in value)
    if isinstance(value, bytes):
        return value.hex()
    return to_text(value) if isinstance(value, int) and value > _EARLIEST_TIME else str(value)


def profile_line(profile: Profile | None) -> str:
    """What the operator knows of a subscriber, as far as governance asks; no further columns."""
    if profile is None:
        return "profile: none, which means no to everything"
    parts = []
    for name in _PROFILE_KEYS:
        value = getattr(profile, name)
        shown = ("yes" if value else "no") if isinstance(value, bool) else value
        text = ";".join(shown) if isinstance(shown, tuple) else shown
        parts.append(f"{name} {text or '-'}")
    terms = msgspec.structs.asdict(profile.terms or NO_TERMS)
    parts += [f"consent_{name} {said}" for name, said in terms.items() if said]
    return "profile: " + ", ".join(parts)


def message_line(message: Message, pseudonyms: Pseudonyms) -> str:
    """A message dissected to one line."""
    row = message_row(message, pseudonyms=pseudonyms)
    parts = [to_text(message.time), f"{message.source}:{message.frame}", message.protocol]
    parts.append(message.message)
    parts += [f"{key} {_value(row[key])}" for key in _MESSAGE_KEYS if key in row]
    if message.cause is not None:
        parts.append(f"cause {message.cause}")
    return "   ".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, dict) and "digits" in value:
        return short(str(value["digits"]))
    if isinstance(value, dict):
        return "-".join(str(part) for part in value.values() if part is not None)
    return short(str(value))


def short(pseudonym: str) -> str:
    """A pseudonym as far as it is shown in a line; what is short already stays."""
    return pseudonym[:_SHORT] + "…" if len(pseudonym) > 2 * _SHORT else pseudonym


def _is_plain(value: object) -> bool:
    return value is not None and isinstance(value, str | int | float | bool)


def differences(spec: Place, event: Event, number_class: str | None) -> list[str]:
    """Why an event does not complete a trigger of single events: the keys that disagree.

    Empty where all agree. Places and lengths are not asked.
    """
    facts = {
        "direction": event.direction,
        "number_class": number_class,
        "prefix": event.other_party.selected if event.other_party else None,
        **{name: event.detail.get(name) for name in _DETAILS},
    }
    found = []
    for name in spec.__struct_fields__:
        wanted = getattr(spec, name)
        if wanted is UNSET:
            continue
        if name == "not_prefix":
            if facts["prefix"] in wanted:
                found.append(f"prefix {facts['prefix']} is excluded")
        elif name in facts and not _agrees(facts[name], wanted):
            found.append(f"{name} is {facts[name]}, wanted {_wanted(wanted)}")
    return found


_DETAILS = ("answered", "ended_by", "operation", "code", "kind", "outcome", "cause")


def _agrees(fact: object, wanted: object) -> bool:
    return fact in wanted if isinstance(wanted, list) else fact == wanted


def _wanted(wanted: object) -> str:
    return " or ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)
