"""Compares this project's reading of captures with tshark's, message by message, field by field.

``python tests/conformance/conformance.py [CAPTURE...]`` prints a table and ends with 1 where they
differ without a written reason; without arguments it reads every capture there is.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import our_reading
import tshark_oracle
from tshark_oracle import Finding

SHOWN = 20
"""Differences printed of one capture."""
ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("XINLING_SHARED_CAPTURES", ROOT.parent / "shared" / "captures"))

SAME_NAME = {
    "CONFIGURATIONCHANGEACK": "CONFIGURATIONCHANGEACKNOWLEDGE",
    "CONNECTIONORIENTEDINFORMATIONOBSOLETE": "CONNECTIONORIENTEDINFORMATION",
}
"""tshark's names that the specification writes otherwise, squeezed to letters and digits."""


class Reason(NamedTuple):
    """A difference that stands, and who is right."""

    note: str
    """Peculiarity of the message's bytes, see `our_reading`."""
    key: str
    section: str
    why: str


REASONS: tuple[Reason, ...] = (
    Reason(
        our_reading.CAUSE_WITHOUT_EXTENSION_BIT,
        "cause",
        "24.008 10.5.4.11",
        "Bit 8 of octet 3 alone says whether octet 3a follows; with 1, the next octet is octet 4, "
        "whatever its own bit 8 is. tshark asks the next octet and takes it for octet 3a.",
    ),
    Reason(
        our_reading.EXTENDED_CAUSE,
        "cause",
        "48.008 3.2.2.5",
        "With bit 8 set the cause value has two octets; both are kept. tshark shows no number.",
    ),
    *(
        Reason(
            our_reading.TOO_MANY_DIGITS,
            key,
            "23.003 2.2, 6.2",
            "An IMSI has at most 15 digits, an IMEI 15, an IMEISV 16: longer ones are errors.",
        )
        for key in ("imsi", "imei", "imeisv")
    ),
    Reason(
        our_reading.NO_END_MARK,
        "imsi",
        "24.008 10.5.1.4",
        "With an even number of digits the last half octet is 1111; without, it is an error.",
    ),
    Reason(
        our_reading.NO_DECIMAL,
        "lai",
        "24.008 10.5.1.3",
        "Half octets that are no digits stay hexadecimal; tshark adds them up to a number.",
    ),
)


class Difference(NamedTuple):
    """A place where the two readings differ."""

    capture: str
    frame: int
    protocol: str
    key: str
    ours: object
    theirs: object


class Outcome(NamedTuple):
    """How far two readings of a capture agree."""

    capture: str
    messages: int
    fields: int
    differences: list[Difference]
    reasoned: int
    """Differences that `REASONS` explains."""


def captures() -> list[Path]:
    """Every capture of this repository and, where it is there, of the shared folder."""
    found = sorted((ROOT / "fixtures" / "pcap").rglob("*.pcap"))
    known = {path.read_bytes() for path in found}
    shared = [path for path in sorted(SHARED.rglob("*.pcap")) if path.read_bytes() not in known]
    return found + shared


def compare(capture: Path, ours: list[Finding], theirs: list[Finding]) -> Outcome:
    """Pairs the messages of each frame in order and compares every field that either gives."""
    differences: list[Difference] = []
    compared = reasoned = 0
    for frame, mine, other in _frames(ours, theirs):
        if [f.protocol for f in mine] != [f.protocol for f in other]:
            shown = [[(f.protocol, f.values.get("code")) for f in side] for side in (mine, other)]
            differences.append(Difference(capture.name, frame, "", "messages", *shown))
            continue
        for left, right in zip(mine, other, strict=True):
            keys = sorted(left.values.keys() | right.values.keys())
            compared += len(keys)
            for key in keys:
                values = (left.values.get(key), right.values.get(key))
                if _same(key, *values):
                    continue
                if any(reason.key == key and reason.note in left.notes for reason in REASONS):
                    reasoned += 1
                    continue
                found = Difference(capture.name, frame, left.protocol, key, *values)
                differences.append(found)
    return Outcome(capture.name, len(ours), compared, differences, reasoned)


def _same(key: str, ours: object, theirs: object) -> bool:
    if key == "name" and isinstance(theirs, str):
        theirs = SAME_NAME.get(theirs, theirs)
    return ours == theirs


def _frames(
    ours: list[Finding], theirs: list[Finding]
) -> Iterator[tuple[int, list[Finding], list[Finding]]]:
    mine: dict[int, list[Finding]] = {}
    other: dict[int, list[Finding]] = {}
    for side, findings in ((mine, ours), (other, theirs)):
        for found in findings:
            side.setdefault(found.frame, []).append(found)
    for frame in sorted(mine.keys() | other.keys()):
        yield frame, mine.get(frame, []), other.get(frame, [])


def _counts(outcome: Outcome) -> dict[str, int]:
    return {
        "messages": outcome.messages,
        "fields": outcome.fields,
        "differ": len(outcome.differences),
        "explained": outcome.reasoned,
    }


def _print(name: str, counts: Mapping[str, int]) -> None:
    shown = "".join(
        f"{counts[key]:9} {key}" for key in ("messages", "fields", "explained", "differ")
    )
    sys.stdout.write(f"{name:34}{shown}\n")


def main(arguments: list[str]) -> int:
    """Prints a line a capture; 1 where something differs."""
    if tshark_oracle.TSHARK is None:
        sys.stderr.write(f"{tshark_oracle.HOW_TO_GET_IT}\n")
        return 1
    total: Counter[str] = Counter()
    for path in [Path(argument) for argument in arguments] or captures():
        outcome = compare(path, our_reading.read(path), tshark_oracle.read(path))
        _print(outcome.capture, _counts(outcome))
        total.update(_counts(outcome))
        for difference in outcome.differences[:SHOWN]:
            sys.stdout.write(f"  {difference}\n")
    _print("all", total)
    for reason in REASONS:
        sys.stdout.write(f"reason: {reason.note} ({reason.section}): {reason.why}\n")
    return 1 if total["differ"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
