"""The people of a scenario as columns: where they live, work and come from, what they are like."""

from __future__ import annotations

import csv
import io
from importlib import resources
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulator import roamers
from simulator.geography import CAPITAL, CITIES, CITY
from simulator.scenario import Scenario, Wave
from simulator.world import KM_LAT, KM_LON, MCC, MNC, World

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

KINDS = ("office", "student", "migrant", "traveller", "resident", "machine", "visitor")
OFFICE, STUDENT, MIGRANT, TRAVELLER, RESIDENT, MACHINE, VISITOR = range(7)
NEVER = float("inf")
STATION_SECONDS = (1200.0, 2400.0)
"""From home to the train."""
_OTHER_PHONES = 20_000_000
"""What the IMEI of a second phone is above that of the first."""
SECONDS_A_CELL = (150.0, 240.0)
"""Between cells along a way, four kilometres apart."""

_HOME_ZHENGZHOU = CITY[CAPITAL]
_MOBILE = 1349
"""Numbers of satellite phones, which no mobile phone has: nobody is called by what is simulated."""


class Life(NamedTuple):
    """Where somebody lives in one city: columns over people, of cells."""

    city: Integers
    home: Integers
    beside: Integers
    """The cell that the phone changes to at home, now and then."""
    work: Integers
    ways: Integers
    """(n, 3): on the way to work."""


class People(NamedTuple):
    """Columns over people."""

    kind: Integers
    registered: Integers
    """City of the contract: a profile's home city."""
    here: Life
    there: Life
    """Where they are from `out` on, until `back`."""
    out: Floats
    """Seconds since 1970; NEVER for those who go nowhere."""
    back: Floats
    station: Floats
    """Seconds between leaving home and leaving the station."""
    pace: Floats
    """Seconds between cells on the way."""
    flapper: Flags
    night_off: Flags
    busy: Floats
    """How much more than others they call and text."""
    imsi: Integers
    msisdn: Integers
    imei: Integers
    """Fourteen digits."""
    new_phone: Floats
    """Seconds since 1970 when the SIM is put into another phone; NEVER for most."""
    family: Integers
    """The fixed line at home, in the city of registration, as a number of `family_digits`."""
    family_digits: Integers
    msisdn_digits: Integers
    """As others dial it."""
    stays: roamers.Stays
    """In this network."""

    def imei_at(self, person: Integers, time: Integers) -> Integers:
        """Fourteen digits of the phone in which each one's SIM is (`time` in microseconds)."""
        changed = time >= self.new_phone[person] * 1e6
        return self.imei[person] + np.where(changed, _OTHER_PHONES, 0)

    def out_arrives(self, world: World) -> Floats:
        """When those who leave come to where they go, seconds since 1970."""
        return self.out + self.station + self.pace * (_cells_between(self, world) + 1)

    def back_arrives(self, world: World) -> Floats:
        """When those who come back are back."""
        return self.back + self.station + self.pace * (_cells_between(self, world) + 1)


def _cells_between(people: People, world: World) -> Integers:
    lengths = np.array([len(route) for route in world.routes])
    return lengths[np.maximum(people.here.city, people.there.city)]


def make(world: World, scenario: Scenario) -> People:
    """Everybody of the scenario, drawn from its seed."""
    rng = np.random.default_rng([scenario.seed, 1])
    count = scenario.people
    weights = np.array([float(getattr(scenario.kinds, name)) for name in KINDS])
    kind = rng.choice(len(KINDS), count, p=weights / weights.sum())
    registered = _registered(kind, scenario, rng)
    lives_there = np.isin(kind, [TRAVELLER, RESIDENT])
    city_here = np.where(lives_there, registered, _HOME_ZHENGZHOU)
    city_there = np.where(lives_there, _HOME_ZHENGZHOU, registered)
    out, back = _journeys(kind, registered, scenario, rng)
    here, there = _life(world, city_here, kind, rng), _life(world, city_there, kind, rng)
    if scenario.movement.arrive is not None:  # new students begin at home
        new = (kind == STUDENT) & (registered != _HOME_ZHENGZHOU)
        here, there = _exchanged(here, there, new)
    flapper = _flappers(world, here, kind, scenario, rng)
    digits = np.array([4 + (8 if city.area_code in {"0371", "0379"} else 7) for city in CITIES])
    visits = kind == VISITOR
    could_go = (city_here == _HOME_ZHENGZHOU) & ~np.isfinite(out) & ~visits & (kind != MACHINE)
    own, abroad = _scattered(count) % 10**10, roamers.numbers(count)
    return People(
        kind=kind,
        registered=registered,
        here=here,
        there=there,
        out=out,
        back=back,
        station=rng.uniform(*STATION_SECONDS, count),
        pace=rng.uniform(*SECONDS_A_CELL, count),
        flapper=flapper,
        night_off=(rng.random(count) < 0.1) & (kind != MACHINE),
        busy=np.where(kind == MACHINE, 0.0, rng.lognormal(-0.18, 0.6, count)),
        imsi=np.where(visits, roamers.imsis(own), 460_00_0000000000 + own),
        msisdn=np.where(visits, abroad[0], _numbers(registered)),
        imei=10_1000_00_000000 % 10**14 + np.arange(count),
        new_phone=_new_phones(scenario),
        family=np.where(visits, abroad[1], _family(registered, digits, rng)),
        family_digits=np.where(visits, roamers.ABROAD_DIGITS, digits[registered]),
        msisdn_digits=np.where(visits, roamers.ABROAD_DIGITS, 11),
        stays=roamers.stays(visits, could_go, scenario),
    )


def _new_phones(scenario: Scenario) -> Floats:
    """When SIMs are put into other phones, by day."""
    rng = np.random.default_rng([scenario.seed, 9])
    count, days = scenario.people, max(1, int(scenario.lasts // 86_400))
    hours = rng.integers(0, days, count) * 24 + rng.uniform(9, 20, count)
    chosen = rng.random(count) < scenario.movement.new_phones
    return np.where(chosen, scenario.starts + 3600 * hours, NEVER)


def _scattered(count: int) -> Integers:
    """Distinct numbers of ten digits in no order that shows."""
    return (np.arange(count, dtype=np.int64) * 7_368_787_371 + 900_000_001) % 9_999_999_967


def _registered(kind: Integers, scenario: Scenario, rng: np.random.Generator) -> Integers:
    names = list(scenario.from_cities) or [city.name for city in CITIES[1:]]
    weights = np.array([float(scenario.from_cities.get(name, 1.0)) for name in names])
    drawn = rng.choice([CITY[name] for name in names], len(kind), p=weights / weights.sum())
    local = np.isin(kind, [OFFICE, MACHINE, VISITOR])
    local |= (kind == STUDENT) & (rng.random(len(kind)) < 0.5)
    return np.where(local, _HOME_ZHENGZHOU, drawn)


def _journeys(
    kind: Integers, registered: Integers, scenario: Scenario, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """When each leaves and comes back."""
    count = len(kind)
    out, back = np.full(count, NEVER), np.full(count, NEVER)
    from_elsewhere = (registered != _HOME_ZHENGZHOU) & ((kind == MIGRANT) | (kind == STUDENT))
    movement = scenario.movement
    if movement.leave is not None:
        _draw(out, from_elsewhere, movement.leave, rng)
    if movement.come_back is not None:
        _draw(back, np.isfinite(out), movement.come_back, rng)
    if movement.arrive is not None:
        _draw(out, from_elsewhere & (kind == STUDENT), movement.arrive, rng)
    visits = kind == TRAVELLER
    days = int(scenario.lasts // 86_400) + 1
    drawn = (
        scenario.starts + rng.integers(0, days, count) * 86_400 + rng.uniform(7, 18, count) * 3600
    )
    out[visits] = drawn[visits]
    back[visits] = (drawn + rng.uniform(6, 36, count) * 3600)[visits]
    return out, np.where(np.isfinite(out), back, NEVER)


def _draw(moments: Floats, chosen: Flags, wave: Wave, rng: np.random.Generator) -> None:
    """Moments within the wave, more in the day than in the night."""
    count = len(moments)
    going = chosen & (rng.random(count) < wave.share)
    drawn = rng.uniform(wave.since, wave.until, count)
    hour = ((drawn + 8 * 3600) % 86_400) / 3600
    shifted = np.where(hour < 5.5, drawn + 7 * 3600, drawn)
    moments[going] = np.minimum(shifted, wave.until - 1)[going]


def _life(world: World, city: Integers, kind: Integers, rng: np.random.Generator) -> Life:
    """Homes and work places in each one's city, and the cells between them."""
    count = len(city)
    home, work = np.zeros(count, np.int64), np.zeros(count, np.int64)
    campus = world.tagged("campus")
    for number in np.unique(city):
        those = np.flatnonzero(city == number)
        cells = world.of_city(int(number))
        home[those] = rng.choice(cells, len(those))
        work[those] = rng.choice(cells, len(those))
    students = np.flatnonzero((kind == STUDENT) & (city == _HOME_ZHENGZHOU))
    home[students] = rng.choice(campus, len(students))
    work[students] = rng.choice(campus, len(students))
    still = kind == MACHINE
    work[still] = home[still]
    return Life(city, home, _beside(world, city, home, rng), work, _ways(world, city, home, work))


def _beside(world: World, city: Integers, home: Integers, rng: np.random.Generator) -> Integers:
    angle = rng.uniform(0, 2 * np.pi, len(home))
    lon = world.lon[home] + 1.6 * np.cos(angle) / KM_LON
    lat = world.lat[home] + 1.6 * np.sin(angle) / KM_LAT
    found = home.copy()
    for number in np.unique(city):
        those = np.flatnonzero(city == number)
        found[those] = world.nearest(lon[those], lat[those], world.of_city(int(number)))
    return found


def _ways(world: World, city: Integers, home: Integers, work: Integers) -> Integers:
    ways = np.zeros((len(home), 3), np.int64)
    for number in np.unique(city):
        those = np.flatnonzero(city == number)
        cells = world.of_city(int(number))
        for index, part in enumerate((0.25, 0.5, 0.75)):
            lon = world.lon[home[those]] * (1 - part) + world.lon[work[those]] * part
            lat = world.lat[home[those]] * (1 - part) + world.lat[work[those]] * part
            ways[those, index] = world.nearest(lon, lat, cells)
    return ways


def _exchanged(here: Life, there: Life, those: Flags) -> tuple[Life, Life]:
    def either(one: Integers, other: Integers) -> Integers:
        flags = those if one.ndim == 1 else those[:, None]
        return np.where(flags, other, one)

    return (
        Life(*(either(one, other) for one, other in zip(here, there, strict=True))),
        Life(*(either(other, one) for one, other in zip(here, there, strict=True))),
    )


def _flappers(
    world: World, here: Life, kind: Integers, scenario: Scenario, rng: np.random.Generator
) -> Flags:
    """Moves some homes to the border: `home` inside, `beside` outside."""
    movable = (here.city == _HOME_ZHENGZHOU) & (kind != MACHINE) & (kind != STUDENT)
    flapper: Flags = movable & (rng.random(len(kind)) < scenario.movement.flappers)
    pairs = world.border[rng.integers(0, len(world.border), len(kind))]
    here.home[flapper] = pairs[flapper, 0]
    here.beside[flapper] = pairs[flapper, 1]
    return flapper


def _numbers(registered: Integers) -> Integers:
    """Mobile numbers whose fifth to seventh digits tell the city (`plan_csv`)."""
    first = _first_blocks(registered)
    order = np.argsort(registered, kind="stable")
    rank = np.empty(len(registered), np.int64)
    counts = np.bincount(registered, minlength=len(CITIES))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank[order] = np.arange(len(registered)) - starts[registered[order]]
    return _MOBILE * 10**7 + first[registered] * 10**4 + rank


def _first_blocks(registered: Integers) -> Integers:
    blocks = -(-np.bincount(registered, minlength=len(CITIES)) // 10_000)
    return np.concatenate([[0], np.cumsum(blocks)[:-1]])


def _family(registered: Integers, digits: Integers, rng: np.random.Generator) -> Integers:
    """Fixed lines whose first digit after the area code is 1, which no line in China has."""
    codes = np.array([int(city.area_code) for city in CITIES])
    local = digits[registered] - 4
    drawn = rng.integers(0, 10**6, len(registered))
    return codes[registered] * 10**local + 10 ** (local - 1) + drawn


def plan_csv(people: People) -> str:
    """China's numbering plan with Henan's area codes of then, and the made-up mobile numbers."""
    plan = (resources.files("decoders") / "plans" / "china.csv").read_text(encoding="utf-8")
    first = _first_blocks(people.registered)
    counts = np.bincount(people.registered, minlength=len(CITIES))
    rows = ["# the area codes of 2008, and numbers of simulated people"]
    for index, city in enumerate(CITIES):
        rows.append(f"fixed,{city.area_code[1:]},{city.area_code},{city.name}")
        if counts[index]:
            last = first[index] + (counts[index] - 1) // 10_000
            prefixes = f"{_MOBILE}{first[index]:03d}-{_MOBILE}{last:03d}"
            rows.append(f"mobile,{prefixes},{city.area_code},{city.name}")
    return plan + "\n".join(rows) + "\n"


def imsi_text(value: int) -> str:
    """Fifteen digits."""
    return f"{value:015d}"


def profiles_csv(people: People, seed: int) -> str:
    """Profiles as `xinling profiles load` takes them: consent in them, some opted out.

    Who is another network's subscriber has none.
    """
    rng = np.random.default_rng([seed, 2])
    count = len(people.kind)
    consent = rng.random(count) < 0.86
    opted_out = rng.random(count) < 0.02
    owns = rng.random(count) < 0.05
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["imsi", "msisdn", "home_city", "products", "segments", "consent", "opted_out",
         "time_zone", "kind"]
    )  # fmt: skip
    for index in np.flatnonzero(people.kind != VISITOR).tolist():
        kind = KINDS[people.kind[index]]
        writer.writerow(
            [
                imsi_text(int(people.imsi[index])),
                f"86{people.msisdn[index]}",
                CITIES[people.registered[index]].name,
                "two-cities" if owns[index] else "",
                kind,
                "sms" if consent[index] and kind != "machine" else "",
                "yes" if opted_out[index] else "",
                "Asia/Shanghai",
                kind,
            ]
        )
    return out.getvalue()


assert (MCC, MNC) == ("460", "00"), "the IMSIs above begin so"
