"""What people do, as the dialogues that a network has with their phones, an hour at a time.

The network knows where each phone is registered, its TMSI, whether it is on, and until when it is
busy. A location area that changes, a phone switched on, a periodic timer that runs out become
location updates; a phone does one thing at a time, so calls to the busy are busy, and an update
waits until the call is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulator import outcomes, roamers
from simulator.dialogues import Dialogue, Options, steps
from simulator.outcomes import DIALOGUE, NEVER_CAME, Dialogues
from simulator.people import People
from simulator.rows import Act, Rows
from simulator.scenario import Scenario
from simulator.world import World

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SECOND = 1_000_000
_T3211 = 16 * SECOND
_GONE = np.int64(2**62)
"""The last contact of a phone that is off."""
_ROUNDS = 60
_PEOPLE = 65_536
"""Whose hour is played at a time: what is needed in between stays small, however many there are."""
SLOWEST = 1.3
"""How much longer than usual a message may take."""

NORMAL, PERIODIC, ATTACH = 0, 1, 2
"""Location updating types, TS 24.008 10.5.3.5."""

_UPDATES = [
    *(Dialogue.UPDATE, Dialogue.UPDATE_KEPT),
    *(Dialogue.UPDATE_BY_IMSI, Dialogue.UPDATE_IDENTIFIED),
]
_OFF, _ON, _SILENT = 0, 1, 2
"""A phone is not registered; is; is for the network, but out of coverage."""
_STATES = dict.fromkeys((Act.ON, Act.FOUND, Act.BACK), _ON)
_STATES |= {Act.OFF: _OFF, Act.AWAY: _OFF, Act.LOST: _SILENT}
_STATE_AFTER = np.array([_STATES.get(act, -1) for act in Act])
_NEW_TMSI = [Dialogue.UPDATE, Dialogue.UPDATE_BY_IMSI, Dialogue.UPDATE_IDENTIFIED]


class _Known(NamedTuple):
    """What holds at certain moments for certain people, sorted; asked for other moments."""

    keys: Integers
    values: Integers
    before: Integers
    """By person: what held before the first of them."""
    base: int

    @classmethod
    def of(cls, rows: Rows, values: Integers, before: Integers, base: int) -> _Known:
        """From rows sorted by person and time, a value each."""
        keys = rows["person"].astype(np.int64) << 42 | rows["time"] - base
        return cls(keys, values, before.astype(values.dtype), base)

    def at(self, person: Integers, time: Integers) -> Integers:
        """What held for each person at each moment."""
        if not len(self.keys):
            return self.before[person].astype(np.int64)
        key = (person << 42) | (time - self.base)
        index = np.searchsorted(self.keys, key, side="right") - 1
        found = (index >= 0) & (self.keys[index] >> 42 == person)
        values: Integers = np.where(found, self.values[index], self.before[person])
        return values.astype(np.int64)


class Network:
    """Phones and what the network knows of them; `play` takes one hour after the other."""

    def __init__(self, world: World, people: People, scenario: Scenario) -> None:
        self._world, self._people, self._scenario = world, people, scenario
        settings = scenario.network
        self.options = Options(settings.common_id, settings.ciphering, settings.imei)
        self._lengths = _lengths(self.options)
        count = len(people.kind)
        rng = np.random.default_rng([scenario.seed, 4])
        self._cell = people.here.home.copy()
        self._on = np.where(people.stays.enters < scenario.starts, _ON, _OFF)
        self._registered = world.lac[self._cell]
        self._vlr = world.msc[self._cell]
        self._version = np.zeros(count, np.int64)
        self._busy = np.zeros(count, np.int64)
        self._period = int(settings.periodic * SECOND)
        begin = int(scenario.starts * SECOND)
        self._contact = begin - rng.integers(0, self._period, count)

    @property
    def cells(self) -> Integers:
        """Where each phone is now."""
        return self._cell

    def settle(self, made: Rows, base: int) -> None:
        """Takes over where phones are and whether they are on, without a message.

        `made` is sorted by person and time, here and in `play`.
        """
        self._moved(made)
        self._registered = self._world.lac[self._cell]
        self._vlr = self._world.msc[self._cell]
        self._contact[self._on == 0] = _GONE
        woken = (self._on == 1) & (self._contact == _GONE)
        self._contact[woken] = base

    def play(self, made: Rows, begin: int, end: int) -> tuple[Dialogues, Rows]:
        """The dialogues of the hour from `begin` to `end` (microseconds), and its camping rows.

        Dialogues come sorted by person and start, camping rows by person and time, only those in
        which a phone really changed its cell.
        """
        rng = np.random.default_rng([self._scenario.seed, 5, begin // SECOND])
        camped, switched = made[made["act"] == Act.CAMP], made[_STATE_AFTER[made["act"]] >= 0]
        states = _STATE_AFTER[switched["act"]]
        camps = _Known.of(camped, camped["cell"], self._cell, begin)
        switches = _Known.of(switched, states, self._on, begin)
        silent = outcomes.pairs_in_vain(made, lambda *asked: switches.at(*asked) == _SILENT)
        wanted = [
            self._one_at_a_time(self._candidates(part, camps, switches, silent, rng))
            for _, part in self._slices(made)
        ]
        held = outcomes.paired(_joined(wanted))
        played = []
        for those, part in self._slices(held):
            part["cell"] = camps.at(part["person"].astype(np.int64), part["start"])
            part = self._with_periodic(part, camps, switches, those, (begin, end))  # noqa: PLW2901
            played.append(self._registered_where(part))
            self._handed_over(played[-1], camps)
        before = camps.at(camped["person"].astype(np.int64), camped["time"] - 1)
        self._moved(made)
        del made, held
        return _joined(played), camped[before != camped["cell"]]

    def _slices(self, made: Rows) -> Iterator[tuple[Integers, Rows]]:
        """Some thousand people at a time, and the rows about them; `made` is sorted by person."""
        firsts = range(0, len(self._cell), _PEOPLE)
        places = np.searchsorted(made["person"], [*firsts[1:], len(self._cell)])
        at = 0
        for first, place in zip(firsts, places.tolist(), strict=True):
            yield np.arange(first, min(first + _PEOPLE, len(self._cell))), made[at:place]
            at = place

    def _moved(self, made: Rows) -> None:
        camp = made["act"] == Act.CAMP
        self._cell[made["person"][camp]] = made["cell"][camp]
        switch = _STATE_AFTER[made["act"]] >= 0
        self._on[made["person"][switch]] = _STATE_AFTER[made["act"][switch]]
        self._contact[made["person"][made["act"] == Act.AWAY]] = _GONE

    def _candidates(
        self,
        made: Rows,
        camps: _Known,
        switches: _Known,
        silent: Integers,
        rng: np.random.Generator,
    ) -> Dialogues:
        """A dialogue for each row that would make one if the phone had nothing else to do."""
        person, time, act = made["person"].astype(np.int64), made["time"], made["act"]
        state = switches.at(person, time - 1)
        was_on = state == _ON
        lac = self._world.lac
        now, then = camps.at(person, time), camps.at(person, time - 1)
        moves = (act == Act.CAMP) & was_on & (lac[now] != lac[then])
        wakes = (act == Act.ON) & ~was_on
        found = (act == Act.FOUND) & ~was_on
        back = (act == Act.BACK) & ~was_on
        sleeps = (act == Act.OFF) & was_on
        paged = (state == _SILENT) & np.isin(act, [Act.CALL_IN, Act.TEXT_IN])
        acts = (act >= Act.CALL_OUT) & (act <= Act.EMERGENCY) & was_on
        held = np.zeros(len(made), DIALOGUE)
        for name in ("person", "peer", "number", "digits", "pair"):
            held[name] = made[name]
        held["start"] = time + np.where(
            moves | wakes | found | back, rng.integers(800_000, 3_000_000, len(made)), 0
        )
        held["update"] = np.where(wakes, ATTACH, NORMAL)
        by_imsi = wakes & (rng.random(len(made)) < 0.02)
        held["kind"] = np.where(by_imsi, Dialogue.UPDATE_BY_IMSI, Dialogue.UPDATE)
        held["kind"][sleeps] = Dialogue.DETACH
        held["kind"][back] = Dialogue.UPDATE_IDENTIFIED
        outcomes.draw(held, act, self._people.kind, rng)
        outcomes.in_vain(held, paged, silent)
        shown = moves | wakes | found | back | sleeps | acts | paged
        held = held[shown & (held["kind"] != NEVER_CAME)]
        held["end"] = held["start"] + self._lasting(held)
        return self._with_rejections(held, rng)

    def _with_rejections(self, held: Dialogues, rng: np.random.Generator) -> Dialogues:
        """Some updates fail once, and are tried again after T3211."""
        update = np.isin(held["kind"], _UPDATES)
        failing = update & (rng.random(len(held)) < self._scenario.network.rejected)
        failing &= held["kind"] != Dialogue.UPDATE_IDENTIFIED
        failed = held[failing]
        failed["kind"] = Dialogue.UPDATE_REJECTED
        failed["end"] = failed["start"] + self._lasting(failed)
        held["start"][failing] += _T3211
        held["end"][failing] += _T3211
        return _sorted(np.concatenate([held, failed]))

    def _lasting(self, held: Dialogues) -> Integers:
        """Microseconds, at the most."""
        fixed, rings, talks = self._lengths
        kind = held["kind"]
        seconds = fixed[kind] * SLOWEST + rings[kind] * held["ring"] + talks[kind] * held["talk"]
        lasting: Integers = ((seconds + 0.3) * SECOND).astype(np.int64)
        return lasting

    def _one_at_a_time(self, held: Dialogues) -> Dialogues:
        """Updates wait until a phone is free; whatever else would overlap does not happen."""
        waits = np.isin(held["kind"], [*_UPDATES, Dialogue.DETACH])
        for _ in range(_ROUNDS):
            person = held["person"].astype(np.int64)
            first = _firsts(person)
            previous = np.where(first, self._busy[person], np.roll(held["end"], 1))
            clash = held["start"] < previous
            if not clash.any():
                break
            leading = clash & (first | ~np.roll(clash, 1))
            late = leading & waits
            lasting = held["end"] - held["start"]
            held["start"][late] = previous[late] + SECOND
            held["end"][late] = (held["start"] + lasting)[late]
            kept = ~(leading & ~waits)
            held, waits = held[kept], waits[kept]
        else:
            held = held[~(held["start"] < previous)]
        return held

    def _with_periodic(
        self,
        held: Dialogues,
        camps: _Known,
        switches: _Known,
        those: Integers,
        span: tuple[int, int],
    ) -> Dialogues:
        """And a periodic update of `those` people when T3212 runs out without another contact."""
        person = held["person"].astype(np.int64)
        first = _firsts(person)
        after = np.where(held["kind"] == Dialogue.DETACH, _GONE, held["end"])
        previous = np.where(first, self._contact[person], np.roll(after, 1))
        many = np.maximum((held["start"] - 5 * SECOND - previous) // self._period, 0)
        parts = [self._periodic(person, previous, many)]
        last = np.append(first[1:], True) if len(first) else first
        contact = self._contact
        contact[person[last]] = after[last]
        many = np.maximum((span[1] - contact[those]) // self._period, 0)
        parts.append(self._periodic(those, contact[those], many))
        periodic = np.concatenate(parts)
        person = periodic["person"].astype(np.int64)
        periodic = periodic[switches.at(person, periodic["start"]) == _ON]
        periodic["cell"] = camps.at(periodic["person"].astype(np.int64), periodic["start"])
        np.maximum.at(contact, periodic["person"], periodic["end"])
        merged = _sorted(np.concatenate([held, periodic]))
        np.maximum.at(self._busy, merged["person"], merged["end"])
        return merged[(merged["start"] >= span[0])]

    def _periodic(self, person: Integers, since: Integers, many: Integers) -> Dialogues:
        made = np.zeros(int(many.sum()), DIALOGUE)
        step = np.arange(len(made)) - np.repeat(np.cumsum(many) - many, many) + 1
        made["person"] = np.repeat(person, many)
        made["start"] = np.repeat(since, many) + step * self._period
        made["kind"], made["update"], made["peer"] = Dialogue.UPDATE, PERIODIC, -1
        made["end"] = made["start"] + self._lasting(made)
        return made

    def _registered_where(self, held: Dialogues) -> Dialogues:
        """Old location areas and TMSIs; without updates of phones that are registered there."""
        world = self._world
        update = np.isin(held["kind"], _UPDATES)
        old = self._followed(held, update, world.lac[held["cell"]], self._registered)
        needless = update & (held["update"] == NORMAL) & (old == world.lac[held["cell"]])
        needless &= ~np.isin(held["kind"], [Dialogue.UPDATE_BY_IMSI, Dialogue.UPDATE_IDENTIFIED])
        held, update, old = held[~needless], update[~needless], old[~needless]
        held["old_lac"] = old
        paged = (held["kind"] == Dialogue.PAGED) & (world.lac[held["cell"]] != old)
        held["cell"][paged] = self._somewhere_in(old[paged])
        from_elsewhere = held["kind"] == Dialogue.UPDATE_IDENTIFIED
        held["old_lac"][from_elsewhere] = roamers.old_area(held["person"][from_elsewhere])
        moved = update & (held["update"] == ATTACH) & (old != world.lac[held["cell"]])
        held["update"][moved] = NORMAL
        vlr = world.msc[held["cell"]]
        old_vlr = self._followed(held, update, vlr, self._vlr)
        if self._scenario.network.tmsi == "new vlr":
            keeps = (held["kind"] == Dialogue.UPDATE) & (vlr == old_vlr)
            held["kind"][keeps] = Dialogue.UPDATE_KEPT
        person = held["person"].astype(np.int64)
        renewed = np.isin(held["kind"], _NEW_TMSI)
        total: Integers = np.cumsum(renewed) - renewed
        first = np.maximum.accumulate(np.where(_firsts(person), np.arange(len(held)), 0))
        held["version"] = self._version[person] + total - total[first]
        np.add.at(self._version, person[renewed], 1)
        self._registered[person[update]] = world.lac[held["cell"]][update]
        self._vlr[person[update]] = vlr[update]
        return held

    def _somewhere_in(self, lac: Integers) -> Integers:
        """A cell of each location area: a phone out of coverage is paged where it registered."""
        known, first = np.unique(self._world.lac, return_index=True)
        return first[np.searchsorted(known, lac)]

    @staticmethod
    def _followed(held: Dialogues, update: Flags, values: Integers, before: Integers) -> Integers:
        """What the last update before each dialogue left behind."""
        person = held["person"].astype(np.int64)
        order = np.arange(len(held))
        mark = np.where(update, order, -1)
        last = np.concatenate([[-1], np.maximum.accumulate(mark)[:-1]]) if len(held) else mark
        found = (last >= 0) & (person[last] == person)
        return np.where(found, values[last], before[person])

    def _handed_over(self, held: Dialogues, camps: _Known) -> None:
        """Calls in which the phone changes its cell are handed over, also to another MSC.

        One that would have to be handed back before its end is not handed over at all.
        """
        world = self._world
        answered = np.isin(held["kind"], [Dialogue.CALL_OUT, Dialogue.CALL_IN])
        calls = np.flatnonzero(answered & (held["talk"] > 20))
        person = held["person"][calls].astype(np.int64)
        middle = held["start"][calls] + ((10 + held["talk"][calls] / 2) * SECOND).astype(np.int64)
        then, now = held["cell"][calls].astype(np.int64), camps.at(person, middle)
        stays = camps.at(person, held["end"][calls]) != then
        moved = (then != now) & stays
        calls, then, now = calls[moved], then[moved], now[moved]
        near = world.bsc[then] == world.bsc[now]
        out = held["kind"][calls] == Dialogue.CALL_OUT
        held["kind"][calls] = np.where(
            near,
            np.where(out, Dialogue.CALL_OUT_HANDOVER, Dialogue.CALL_IN_HANDOVER),
            np.where(out, Dialogue.CALL_OUT_RELOCATED, Dialogue.CALL_IN_RELOCATED),
        )
        held["new_cell"][calls] = now
        held["talk"][calls] /= 2


def _lengths(options: Options) -> tuple[Floats, Floats, Floats]:
    """By dialogue: seconds of its fixed delays, how often it waits for ringing and for talk."""
    fixed, rings, talks = np.zeros(256), np.zeros(256), np.zeros(256)
    for dialogue in Dialogue:
        made = steps(dialogue, options)
        fixed[dialogue] = sum(step.delay for step in made)
        rings[dialogue] = sum(step.wait == "ring" for step in made)
        talks[dialogue] = sum(step.wait == "talk" for step in made)
    return fixed, rings, talks


def _joined(parts: list[Dialogues]) -> Dialogues:
    """All of them; the list is empty then, so that nothing is there twice."""
    held = np.empty(sum(map(len, parts)), DIALOGUE)
    at = len(held)
    while parts:
        part = parts.pop()
        at -= len(part)
        held[at : at + len(part)] = part
    return held


def _sorted(held: Dialogues) -> Dialogues:
    return held[np.lexsort((held["start"], held["person"]))]


def _firsts(person: Integers) -> Flags:
    """Which rows are the first of their person."""
    first = np.ones(len(person), bool)
    first[1:] = person[1:] != person[:-1]
    return first
