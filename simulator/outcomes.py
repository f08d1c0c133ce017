"""How calls and texts end, alike for both who take part in them: answered, refused, in vain.

The dialogues that a network holds are rows, one array of records; both sides of a call or text
between two people of the scenario share a number, from which what becomes of it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from simulator.dialogues import Dialogue
from simulator.people import MACHINE
from simulator.rows import Act, Rows

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

DIALOGUE = np.dtype(
    [
        ("start", "<i8"),  # microseconds since 1970
        ("end", "<i8"),  # not later than this
        ("person", "<i4"),
        ("peer", "<i4"),
        ("number", "<i8"),
        ("digits", "<u1"),
        ("kind", "<u1"),
        ("update", "<u1"),
        ("cell", "<i2"),
        ("new_cell", "<i2"),  # after a handover
        ("old_lac", "<i4"),
        ("version", "<u4"),  # of the TMSI that the phone has at the start
        ("ring", "<f4"),  # seconds
        ("talk", "<f4"),  # seconds; each half of it where there is a handover
        ("pair", "<i8"),
    ]
)
Dialogues = npt.NDArray[np.void]

_OUT = np.array(
    [
        Dialogue.CALL_OUT,
        Dialogue.CALL_OUT_UNANSWERED,
        Dialogue.CALL_OUT_BUSY,
        Dialogue.CALL_OUT_ABANDONED,
        Dialogue.CALL_OUT_FAILED,
        Dialogue.CALL_OUT_UNREACHED,
    ]
)
NEVER_CAME = 255
"""A call that failed before it got here."""
_IN = np.array(
    [
        Dialogue.CALL_IN,
        Dialogue.CALL_IN_UNANSWERED,
        Dialogue.CALL_IN_REFUSED,
        Dialogue.CALL_IN_UNANSWERED,
        NEVER_CAME,
        Dialogue.PAGED,
    ]
)
_OUTCOMES = np.array([0.70, 0.84, 0.91, 0.96, 0.98])
"""Of calls: answered, not answered, refused, given up, failed, paged in vain."""


def draw(
    held: Dialogues, act: npt.NDArray[np.uint8], kinds: Integers, rng: np.random.Generator
) -> None:
    """How calls end, alike on both sides of a pair; how long phones ring and people talk."""
    count, pair = len(held), held["pair"]
    drawn = [np.where(pair > 0, _uniform(pair, salt), rng.random(count)) for salt in (1, 2, 3, 4)]
    outcome = np.searchsorted(_OUTCOMES, drawn[0])
    normal = np.sqrt(-2 * np.log(1 - drawn[1])) * np.cos(2 * np.pi * drawn[2])
    held["talk"] = np.clip(55 * np.exp(0.9 * normal), 3, 1800)
    answered = outcome == 0
    held["ring"] = np.where(answered, 3 + 12 * drawn[3], 8 + 30 * drawn[3])
    machine = kinds[held["person"]] == MACHINE
    held["kind"] = np.where(act == Act.CALL_OUT, _OUT[outcome], held["kind"])
    held["kind"] = np.where(act == Act.CALL_IN, _IN[outcome], held["kind"])
    for one, kind in (
        (Act.TEXT_OUT, Dialogue.TEXT_OUT),
        (Act.TEXT_IN, Dialogue.TEXT_IN),
        (Act.REQUEST, Dialogue.REQUEST),
        (Act.EMERGENCY, Dialogue.EMERGENCY),
    ):
        held["kind"][act == one] = kind
    held["kind"][machine & (act == Act.CALL_IN)] = Dialogue.CALL_IN_UNANSWERED


def pairs_in_vain(made: Rows, silent: Callable[[Integers, Integers], Flags]) -> Integers:
    """The calls to phones that are out of coverage then, by the number that both sides share."""
    called = made[(made["act"] == Act.CALL_IN) & (made["pair"] > 0)]
    found = silent(called["person"].astype(np.int64), called["time"] - 1)
    pairs: Integers = called["pair"][found]
    return pairs


def in_vain(held: Dialogues, paged: Flags, pairs: Integers) -> None:
    """Who is out of coverage is `paged` in vain, and the callers in these `pairs` are told so."""
    held["kind"][paged & (held["kind"] != NEVER_CAME)] = Dialogue.PAGED
    calls = np.isin(held["kind"], _OUT) & (held["kind"] != Dialogue.CALL_OUT_FAILED)
    held["kind"][calls & np.isin(held["pair"], pairs)] = Dialogue.CALL_OUT_UNREACHED


def paired(held: Dialogues) -> Dialogues:
    """Nobody is called by whom did not call; who calls a busy or silent phone is told so."""
    outward = np.isin(held["kind"], [*_OUT, Dialogue.TEXT_OUT]) & (held["pair"] > 0)
    inward = np.isin(held["kind"], [*_IN, Dialogue.TEXT_IN]) & (held["pair"] > 0)
    called = np.isin(held["pair"], held["pair"][outward])
    reached = np.isin(held["pair"], held["pair"][inward])
    missed = outward & ~reached
    missed &= np.isin(held["kind"], [Dialogue.CALL_OUT, Dialogue.CALL_OUT_UNREACHED])
    held["kind"][missed] = Dialogue.CALL_OUT_BUSY
    return held[~inward | called]


def _uniform(pair: Integers, salt: int) -> Floats:
    """A number in [0, 1) that both sides of a pair draw (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = pair.astype(np.uint64) + np.uint64(salt) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2**53
