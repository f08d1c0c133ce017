"""Dialogues as SCCP messages: templates filled a step at a time for all dialogues of a kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulator import digits, roamers
from simulator.dialogues import Dialogue, Step, steps
from simulator.network import SECOND, SLOWEST, Network
from simulator.outcomes import Dialogues
from simulator.people import People
from simulator.scenario import Scenario
from simulator.templates import WIDTHS, Octets, Template, compiled
from simulator.world import PLMN, World

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FIRST_BSC_POINT_CODE = 1000
FIRST_MSC_POINT_CODE = 200
_QUICKEST = 2 - SLOWEST
_NO_HANDOVER = {"new_lac", "new_ci", "handover"}


class Messages(NamedTuple):
    """SCCP messages: columns, and their octets one after the other."""

    time: Integers
    """Microseconds since 1970."""
    bsc: Integers
    up: npt.NDArray[np.bool_]
    """From the BSC to the MSC."""
    sls: Integers
    length: Integers
    offset: Integers
    octets: npt.NDArray[np.uint8]

    def taken(self, chosen: Integers) -> Messages:
        """Those messages, in that order; their octets stay where they are."""
        return self._replace(
            time=self.time[chosen],
            bsc=self.bsc[chosen],
            up=self.up[chosen],
            sls=self.sls[chosen],
            length=self.length[chosen],
            offset=self.offset[chosen],
        )

    def packed(self) -> Messages:
        """The same with the octets of these messages alone."""
        octets = self.octets[indices(self.offset, self.length)]
        offset = np.cumsum(self.length) - self.length
        return self._replace(octets=octets, offset=offset)


def indices(offset: Integers, length: Integers) -> Integers:
    """The positions of ragged pieces, one after the other."""
    total = int(length.sum())
    start = np.cumsum(length) - length
    found: Integers = np.arange(total) + np.repeat(offset - start, length)
    return found


def joined(parts: list[Messages]) -> Messages:
    """All of them, in that order."""
    shift = np.cumsum([0, *(len(part.octets) for part in parts)])
    return Messages(
        time=np.concatenate([part.time for part in parts]),
        bsc=np.concatenate([part.bsc for part in parts]),
        up=np.concatenate([part.up for part in parts]),
        sls=np.concatenate([part.sls for part in parts]),
        length=np.concatenate([part.length for part in parts]),
        offset=np.concatenate([part.offset + by for part, by in zip(parts, shift, strict=False)]),
        octets=np.concatenate([part.octets for part in parts]),
    )


_NONE = np.zeros(0, np.int64)
NOTHING = Messages(_NONE, _NONE, np.zeros(0, bool), _NONE, _NONE, _NONE, np.zeros(0, np.uint8))


class Speaker:
    """Turns dialogues into messages, and numbers the connections."""

    def __init__(self, world: World, people: People, scenario: Scenario, network: Network) -> None:
        self._world, self._people, self._scenario = world, people, scenario
        self._steps = {kind: steps(kind, network.options) for kind in Dialogue}
        self._templates: dict[tuple[Dialogue, int], list[Template]] = {}
        self._next = 1

    def speak(self, held: Dialogues, *drawn_from: int) -> Messages:
        """The messages of these dialogues, sorted by start, in no order.

        `drawn_from` are numbers that belong to these dialogues alone, such as the hour.
        """
        rng = np.random.default_rng([self._scenario.seed, 6, *drawn_from])
        first = self._next + 2 * np.arange(len(held), dtype=np.int64)
        self._next += 2 * len(held)
        group = held["kind"].astype(np.int64) * 64 + held["digits"]
        parts = [NOTHING]
        for number in np.unique(group):
            those = np.flatnonzero(group == number)
            parts += self._of_kind(held[those], first[those], rng)
        return joined(parts)

    def _of_kind(
        self, held: Dialogues, first: Integers, rng: np.random.Generator
    ) -> Iterator[Messages]:
        """The messages of dialogues of one kind whose numbers have as many digits."""
        kind, count = Dialogue(int(held["kind"][0])), len(held)
        width = (int(held["digits"][0]) + 1) // 2
        values = self._values(held, first, rng)
        second = self._second(held, first, values)
        time = held["start"].astype(np.int64)
        cells = held["cell"].astype(np.int64), held["new_cell"].astype(np.int64)
        for step, template in zip(self._steps[kind], self._compiled(kind, width), strict=True):
            time = time + _delay(step, held, rng)
            octets = template.fill(count, second if step.leg else values)
            length = np.full(count, octets.shape[1])
            yield Messages(
                time=time,
                bsc=self._world.bsc[cells[step.leg]],
                up=np.full(count, step.up),
                sls=(first + step.leg) & 15,
                length=length,
                offset=np.arange(count) * octets.shape[1],
                octets=octets.ravel(),
            )

    def _compiled(self, kind: Dialogue, width: int) -> list[Template]:
        key = (kind, width)
        if key not in self._templates:
            widths = WIDTHS | {"number": width, "party": width + 2}
            self._templates[key] = [compiled(step.template, widths) for step in self._steps[kind]]
        return self._templates[key]

    def _values(
        self, held: Dialogues, first: Integers, rng: np.random.Generator
    ) -> dict[str, Octets]:
        """What goes into the holes, (n, width) each."""
        people, count = self._people, len(held)
        person, cell = held["person"].astype(np.int64), held["cell"].astype(np.int64)
        new_cell = held["new_cell"].astype(np.int64)
        number = held["number"].astype(np.int64)
        figures = int(held["digits"][0])
        version = held["version"].astype(np.int64)
        phone = people.imei_at(person, held["start"].astype(np.int64))
        values = self._places(cell, new_cell)
        if figures:
            values["number"] = digits.swapped(number, figures)
            values["party"] = digits.address(number, figures)
        drawn = rng.integers(0, 256, (count, 16 + 4 + 8 + 2 + 1), np.uint8)
        return values | {
            "plmn": np.broadcast_to(np.frombuffer(PLMN, np.uint8), (count, 3)),
            "bsc_ref": digits.little_endian(_reference(first, 0), 3),
            "msc_ref": digits.little_endian(_reference(first, 1 << 22), 3),
            "old_lac": digits.big_endian(held["old_lac"].astype(np.int64), 2),
            "old_plmn": roamers.old_network(person),
            "old_tmsi": digits.big_endian(roamers.old_tmsi(person, held["start"]), 4),
            "update": held["update"][:, None] | np.uint8(0x20),
            "tmsi": digits.big_endian(tmsi(person, version, len(people.kind)), 4),
            "new_tmsi": digits.big_endian(tmsi(person, version + 1, len(people.kind)), 4),
            "imsi": digits.identity(people.imsi[person], 15, 1),
            "imei": digits.identity(phone * 10, 15, 2),
            "imeisv": digits.identity(phone * 100 + 1, 16, 3),
            "rand": drawn[:, :16],
            "sres": drawn[:, 16:20],
            "key": drawn[:, 20:28],
            "cic": drawn[:, 28:30] & np.array([0x1F, 0xFF], np.uint8),
            "handover": drawn[:, 30:31],
            "text": rng.integers(0, 256, (count, 20), np.uint8)
            if held["kind"][0] in (Dialogue.TEXT_OUT, Dialogue.TEXT_IN)
            else drawn[:, :20],
        }

    def _places(self, cell: Integers, new_cell: Integers) -> dict[str, Octets]:
        world = self._world
        return {
            "lac": digits.big_endian(world.lac[cell], 2),
            "ci": digits.big_endian(world.ci[cell], 2),
            "new_lac": digits.big_endian(world.lac[new_cell], 2),
            "new_ci": digits.big_endian(world.ci[new_cell], 2),
            "msc": digits.little_endian(FIRST_MSC_POINT_CODE + world.msc[cell], 2),
            "bsc": digits.little_endian(FIRST_BSC_POINT_CODE + world.bsc[cell], 2),
        }

    def _second(
        self, held: Dialogues, first: Integers, values: dict[str, Octets]
    ) -> dict[str, Octets]:
        """The same for the second leg of a handover: another BSC, other references."""
        new_cell = held["new_cell"].astype(np.int64)
        return values | {
            "msc": digits.little_endian(FIRST_MSC_POINT_CODE + self._world.msc[new_cell], 2),
            "bsc": digits.little_endian(FIRST_BSC_POINT_CODE + self._world.bsc[new_cell], 2),
            "bsc_ref": digits.little_endian(_reference(first + 1, 0), 3),
            "msc_ref": digits.little_endian(_reference(first + 1, 1 << 22), 3),
        }


def tmsi(person: Integers, version: Integers, people: int) -> Integers:
    """The TMSI of a person after so many reallocations: no two are alike until 2**32 were given."""
    mixed = ((version * people + person) * 2_654_435_761 + 0x1234567) & 0xFFFFFFFF
    return np.where(mixed == 0xFFFFFFFF, 0x7FFFFFFF, mixed)


def _reference(number: Integers, shift: int) -> Integers:
    """A local reference of three octets, never zero and never all ones."""
    return (number + shift) % 0xFFFFFE + 1


def _delay(step: Step, held: Dialogues, rng: np.random.Generator) -> Integers:
    """Microseconds since the step before."""
    if step.wait:
        return (held[step.wait].astype(np.float64) * SECOND).astype(np.int64)
    if not step.delay:
        return np.zeros(len(held), np.int64)
    spread = rng.random(len(held), np.float32) * (SLOWEST - _QUICKEST) + _QUICKEST
    return (spread * (step.delay * SECOND)).astype(np.int64)
