"""Who is served by several networks in turn: visitors, and our own who travel beyond the province.

Networks, numbers and identities are of test ranges. A phone that comes from another network shows
that network's TMSI and location area, so it is asked for its IMSI (TS 24.008 4.3.3). Who flies
switches the phone off in the city; who goes by train is lost where the province ends, since another
network takes over and nobody tells this one by radio.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decoders.times import to_text
from simulator.geography import CITY
from simulator.scenario import Scenario

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = float("inf")
NETWORKS = ("001-01", "999-99")
"""Test networks, ITU-T E.212 (MCC 001 and 999)."""
_PLMNS = np.array([[0x00, 0xF1, 0x10], [0x99, 0xF9, 0x99]], np.uint8)
"""TS 24.008 10.5.1.3."""
_IMSIS = np.array([1_01, 999_99]) * 10**10
_MOBILE, _FIXED = 44_7700_900_000, 44_20_7946_0000
"""Of the numbers that Ofcom keeps for drama: a thousand each."""
ABROAD_DIGITS = 14
"""With the international prefix 00."""
EDGES = np.array([CITY[name] for name in ("信阳", "商丘", "三门峡", "安阳")])
"""Where the railways leave the province."""
TO_THE_HOTEL = 2700.0
"""Seconds from the station."""
_DAY = 86_400.0
_FLIES = 0.4


class Stays(NamedTuple):
    """When each is in this network: columns over people, seconds since 1970."""

    enters: Floats
    """Minus infinity for who is there from the beginning."""
    exits: Floats
    """When they set off to somewhere else; NEVER for most."""
    again: Floats
    """When they are back; NEVER if they do not come."""
    flies: Flags
    toward: Integers
    """The city where the train leaves the province."""

    @property
    def roams(self) -> Flags:
        """Who is not in this network all the time."""
        return np.isfinite(self.enters) | np.isfinite(self.exits)

    def away(self, person: Integers, time: Floats) -> Flags:
        """Who is on the way to another network, or in one, at each moment."""
        before = time < self.enters[person]
        gone: Flags = (time >= self.exits[person]) & (time < self.again[person])
        return before | gone


def stays(visits: Flags, could_go: Flags, scenario: Scenario) -> Stays:
    """`visits`: subscribers of other networks; `could_go`: who of our own might travel."""
    rng = np.random.default_rng([scenario.seed, 10])
    count, starts, lasts = len(visits), float(scenario.starts), float(scenario.lasts)
    enters = starts + rng.uniform(-2 * _DAY, lasts, count)
    here_for = rng.uniform(0.6, 4, count) * _DAY
    sets_off = starts + rng.uniform(0.05, 0.9, count) * lasts
    gone_for = rng.uniform(0.4, 3, count) * _DAY
    goes = could_go & (rng.random(count) < scenario.movement.abroad)
    exits = np.where(visits, enters + here_for, np.where(goes, sets_off, NEVER))
    return Stays(
        enters=np.where(visits & (enters > starts), enters, -NEVER),
        exits=np.where(exits > starts, exits, NEVER),
        again=np.where(goes, exits + gone_for, NEVER),
        flies=rng.random(count) < _FLIES,
        toward=rng.choice(EDGES, count),
    )


def imsis(scattered: Integers) -> Integers:
    """Of visitors, half from each of the networks."""
    return _IMSIS[_network(np.arange(len(scattered)))] + scattered


def numbers(count: int) -> tuple[Integers, Integers]:
    """Visitors' own numbers, and those of their families, as dialled in China."""
    those = np.arange(count) % 1000
    return _MOBILE + those, _FIXED + those


def old_network(person: Integers) -> npt.NDArray[np.uint8]:
    """Three octets: the network that each one's phone was registered in before."""
    return _PLMNS[_network(person)]


def old_area(person: Integers) -> Integers:
    """A location area code of that network."""
    return 1 + person * 7919 % 60_000


def old_tmsi(person: Integers, time: Integers) -> Integers:
    """A TMSI of that network."""
    return (person * 2_246_822_519 + time) & 0x7FFFFFFF


def roamers_csv(stays: Stays, imsi: Integers, visits: Flags, end: float) -> str:
    """Who was in another network, from when until when; empty where it was so before or stays so.

    A visitor was elsewhere before and after, our own in between.
    """
    lines = ["imsi,kind,network,since,until"]
    for person in np.flatnonzero(visits | stays.roams).tolist():
        exits, kind = stays.exits[person], "visitor" if visits[person] else "away"
        span = (stays.enters[person], exits) if visits[person] else (exits, stays.again[person])
        since, until = (_moment(time) if time < end else "" for time in span)
        if since or until or visits[person]:
            network = NETWORKS[person % len(NETWORKS)]
            lines.append(f"{imsi[person]:015d},{kind},{network},{since},{until}")
    return "\n".join(lines) + "\n"


def _network(person: Integers) -> Integers:
    return person % len(NETWORKS)


def _moment(seconds: float) -> str:
    return to_text(int(seconds * 1e6)) if np.isfinite(seconds) else ""
