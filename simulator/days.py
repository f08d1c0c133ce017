"""A day of some people as rows: where they go, whom they call, when the phone is off.

Everything is drawn from (seed, day, slice), so a day does not depend on how others were drawn.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulator.geography import CAPITAL, CITIES, CITY
from simulator.people import MACHINE, MIGRANT, OFFICE, STUDENT, VISITOR, Life, People
from simulator.roamers import TO_THE_HOTEL
from simulator.rows import ROW, Act, Rows, rows
from simulator.scenario import Scenario
from simulator.world import World

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

DAY = 86_400.0
_EAST = 8 * 3600
SATURDAY = 5
_HOME_ZHENGZHOU = CITY[CAPITAL]

CALLS_BY_HOUR = np.array(
    [6, 3, 2, 1, 1, 3, 12, 30, 55, 70, 74, 72, 60, 52, 56, 60, 62, 68, 72, 70, 66, 52, 30, 14]
)
"""Weights of the hours for calls and texts: two broad peaks, as any network's."""
_NEAR_CITIES = np.array([CITY[name] for name in ("开封", "新乡", "许昌", "焦作")])
_SERVICE = 10086
_SELECTED = np.array([12593, 17951])

BY_TRAIN = 0.7
"""Of those who leave Zhengzhou, past the railway or coach station."""
DIES = 0.02
"""Of the phones, on a journey: switched off for some hours."""
FAMILY_SHARE = 0.45
"""Of a migrant's calls, to the family's fixed line at home."""
CHEAP_SHARE = 0.06
"""Of long-distance calls, already dialled with a carrier's prefix."""


class Day(NamedTuple):
    """One day of one slice of people, and what it is drawn from."""

    start: float
    """Midnight in China, seconds since 1970."""
    working: bool
    people: Integers
    """Indices of the slice."""
    rng: np.random.Generator
    scenario: Scenario
    world: World
    everybody: People


def plan(start: float, part: Integers, scenario: Scenario, world: World, people: People) -> Rows:
    """The rows of a day that starts at `start` for the people `part`, in no order."""
    number = round((start - scenario.starts) / DAY) + 400
    rng = np.random.default_rng([scenario.seed, 3, number, int(part[0]) if len(part) else 0])
    weekday = datetime.fromtimestamp(start + _EAST, UTC).weekday()
    working = weekday < SATURDAY and not _holiday(start, scenario)
    day = Day(start, working, part, rng, scenario, world, people)
    parts = [*_at_home(day), *_journeys(day), *_nights(day), *_talk(day), *_mishaps(day)]
    parts = [*_present(day, parts), *_roaming(day)]
    return np.concatenate([np.zeros(0, ROW), *parts])


def _holiday(start: float, scenario: Scenario) -> bool:
    leave, back = scenario.movement.leave, scenario.movement.come_back
    if leave is None:
        return False
    return leave.until - DAY <= start < (back.until if back is not None else leave.until + 7 * DAY)


def _at_home(day: Day) -> list[Rows]:
    """What people do in the city they are in, before, between and after their journeys."""
    people, those, end = day.everybody, day.people, day.start + DAY
    left, returned = people.out_arrives(day.world), people.back_arrives(day.world)
    trippers = _trippers(day)
    here = (people.out[those] > day.start) | (returned[those] < end)
    at = those[here & ~trippers]
    first = _routine(day, at, _part(people.here, at))
    first = np.concatenate([first, _trips(day, those[trippers])])
    seconds, person = first["time"] / 1e6, first["person"]
    first = first[(seconds < people.out[person]) | (seconds > returned[person])]
    there = (left[those] < end) & (people.back[those] > day.start)
    at = those[there]
    second = _routine(day, at, _part(people.there, at), visiting=True)
    seconds, person = second["time"] / 1e6, second["person"]
    return [first, second[(seconds > left[person]) & (seconds < people.back[person])]]


def _part(life: Life, those: Integers) -> Life:
    return Life(*(column[those] for column in life))


def _trippers(day: Day) -> Flags:
    """Who goes to another city today and comes back in the evening."""
    people, those = day.everybody, day.people
    could: Flags = (people.here.city[those] == _HOME_ZHENGZHOU) & (people.kind[those] != MACHINE)
    journey = (people.out[those] < day.start + 2 * DAY) & (people.back[those] > day.start - DAY)
    chosen: Flags = day.rng.random(len(those)) < day.scenario.movement.day_trips
    return could & ~journey & chosen


def _routine(day: Day, at: Integers, life: Life, *, visiting: bool = False) -> Rows:
    """Work or an outing, an errand, a gathering, and a phone that changes cells at home."""
    rng, kind = day.rng, day.everybody.kind[at]
    works = np.full(len(at), day.working and not visiting)
    works &= np.isin(kind, [OFFICE, MIGRANT, STUDENT]) | (rng.random(len(at)) < 0.4)
    works &= kind != MACHINE
    made, goes = _gatherings(day, at, life)
    made += _commute(day, at[works], _part(life, works))
    free = ~works & ~goes & (kind != MACHINE)
    made += _outing(day, at, life, free & (rng.random(len(at)) < 0.5), (9.0, 14.0, 2.5))
    evening = ~goes & (kind != MACHINE) & (rng.random(len(at)) < 0.25)
    made += _outing(day, at, life, evening, (19.0, 20.0, 1.0))
    made += _restless(day, at, life, goes | (kind == MACHINE))
    return np.concatenate([np.zeros(0, ROW), *made])


def _gatherings(day: Day, at: Integers, life: Life) -> tuple[list[Rows], Flags]:
    """Who goes to which of today's gatherings, and who goes to any."""
    rng, made, goes = day.rng, list[Rows](), np.zeros(len(at), bool)
    could = (life.city == _HOME_ZHENGZHOU) & (day.everybody.kind[at] != MACHINE)
    for gathering in day.scenario.gatherings:
        if day.start <= gathering.since < day.start + DAY:
            going = could & ~goes & (rng.random(len(at)) < gathering.share)
            cells = rng.choice(day.world.at(gathering.at), int(going.sum()))
            begins = gathering.since - rng.uniform(0, 3600, len(cells))
            ends = gathering.until + rng.uniform(0, 2400, len(cells))
            made += _visit(at[going], begins, ends, cells, life.home[going])
            goes |= going
    return made, goes


def _commute(day: Day, at: Integers, life: Life) -> list[Rows]:
    """To work in the morning over three cells, and back."""
    rng, count = day.rng, len(at)
    leaves = day.start + 3600 * rng.normal(7.6, 0.6, count)
    ends = day.start + 3600 * rng.normal(18.0, 0.7, count)
    takes = rng.uniform(900, 2700, count)
    made = []
    steps = [life.ways[:, 0], life.ways[:, 1], life.ways[:, 2], life.work]
    for index, cell in enumerate(steps, start=1):
        made.append(rows(leaves + takes * index / 4, at, Act.CAMP, cell=cell))
    steps = [life.ways[:, 2], life.ways[:, 1], life.ways[:, 0], life.home]
    for index, cell in enumerate(steps, start=1):
        made.append(rows(ends + takes * index / 4, at, Act.CAMP, cell=cell))
    return made


def _outing(
    day: Day, at: Integers, life: Life, those: Flags, hours: tuple[float, float, float]
) -> list[Rows]:
    """Some go somewhere in their city between two hours, for about so many hours."""
    rng, chosen = day.rng, at[those]
    earliest, latest, about = hours
    begins = day.start + 3600 * rng.uniform(earliest, latest, len(chosen))
    ends = begins + 3600 * about * rng.uniform(0.4, 1.2, len(chosen))
    cells = np.zeros(len(chosen), np.int64)
    cities = life.city[those]
    for number in np.unique(cities):
        in_city = cities == number
        cells[in_city] = rng.choice(_goals(day.world, int(number)), int(in_city.sum()))
    return _visit(chosen, begins, ends, cells, life.home[those])


def _goals(world: World, city: int) -> Integers:
    """Cells to go to; in Zhengzhou its stations and business halls among them."""
    cells = world.of_city(city)
    if city != _HOME_ZHENGZHOU:
        return cells
    tagged = [world.tagged(tag) for tag in ("subway", "business-hall")]
    return np.concatenate([cells, np.repeat(np.concatenate(tagged), 6)])


def _visit(
    at: Integers, begins: Floats, ends: Floats, cells: Integers, home: Integers
) -> list[Rows]:
    return [rows(begins, at, Act.CAMP, cell=cells), rows(ends, at, Act.CAMP, cell=home)]


def _restless(day: Day, at: Integers, life: Life, never: Flags) -> list[Rows]:
    """A phone at home changes to the cell beside it and back, at the border often."""
    rng = day.rng
    people = day.everybody
    flapping = people.flapper[at] & (life.home == people.here.home[at])
    often = rng.poisson(np.where(flapping, 6.0, 1.2)) * ~never
    person, home, beside = (np.repeat(column, often) for column in (at, life.home, life.beside))
    hour = rng.uniform(-2.4, 6.3, len(person)) % 24
    begins = day.start + 3600 * hour
    lasts = np.minimum(rng.exponential(300, len(person)) + 20, 1020)
    return _visit(person, begins, begins + lasts, beside, home)


def _trips(day: Day, at: Integers) -> Rows:
    """To a city nearby in the morning and back in the evening."""
    rng, count = day.rng, len(at)
    goal = rng.choice(_NEAR_CITIES, count)
    leaves = day.start + 3600 * rng.uniform(7.5, 9.5, count)
    comes = day.start + 3600 * rng.uniform(15.5, 18.0, count)
    cells = np.array([day.world.of_city(int(city))[0] for city in goal], np.int64)
    home, outward = day.everybody.here.home[at], np.ones(count, bool)
    out = _way(day, at, leaves, goal, cells, outward=outward)
    return np.concatenate([out, _way(day, at, comes, goal, home, outward=~outward)])


def _journeys(day: Day) -> list[Rows]:
    """The ways of those who leave or come back today; some phones die on the way."""
    people = day.everybody
    return [
        *_journey(day, people.out, people.here, people.there),
        *_journey(day, people.back, people.there, people.here),
    ]


def _journey(day: Day, moments: Floats, home: Life, other: Life) -> list[Rows]:
    """From `home` to `other`, most by train if it begins in Zhengzhou."""
    rng, people = day.rng, day.everybody
    starts = moments[day.people]
    going = day.people[(starts >= day.start) & (starts < day.start + DAY)]
    outward = home.city[going] == _HOME_ZHENGZHOU
    rides = outward & (rng.random(len(going)) < BY_TRAIN)
    stops = rng.choice(day.world.tagged("railway"), len(going))
    at_station = moments[going] + people.station[going] * 0.6
    leaves = moments[going] + people.station[going]
    city = np.maximum(home.city[going], other.city[going])
    dies = rng.random(len(going)) < DIES
    dead = leaves + people.pace[going] * rng.uniform(1, 10, len(going))
    again = dead + 3600 * rng.uniform(1, 9, len(going))
    return [
        rows(at_station[rides], going[rides], Act.CAMP, cell=stops[rides]),
        _way(day, going, leaves, city, other.home[going], outward=outward),
        rows(dead[dies], going[dies], Act.OFF),
        rows(again[dies], going[dies], Act.ON),
    ]


def _way(  # noqa: PLR0913  a column each
    day: Day, at: Integers, leaves: Floats, city: Integers, goal: Integers, *, outward: Flags
) -> Rows:
    """Camping along the way between Zhengzhou and `city`, and at `goal` in the end."""
    lengths = np.array([len(route) for route in day.world.routes])
    starts = np.cumsum(lengths) - lengths
    cells, pace = np.concatenate(day.world.routes), day.everybody.pace[at]
    many = lengths[city]
    person = np.repeat(np.arange(len(at)), many)
    step = np.arange(len(person)) - np.repeat(np.cumsum(many) - many, many)
    along = np.where(outward[person], step, many[person] - 1 - step)
    time = leaves[person] + pace[person] * (step + 0.5)
    return np.concatenate(
        [
            rows(time, at[person], Act.CAMP, cell=cells[starts[city][person] + along]),
            rows(leaves + pace * (many + 1), at, Act.CAMP, cell=goal),
        ]
    )


def _roaming(day: Day) -> list[Rows]:
    """Who comes from another network today, and who sets off to one."""
    people, stays, rng = day.everybody, day.everybody.stays, day.rng
    made = []
    for moments in (stays.enters, stays.again):
        at = day.people[_today(day, moments)]
        cells = rng.choice(day.world.tagged("railway"), len(at))
        made += [
            rows(moments[at], at, Act.CAMP, cell=cells),
            rows(moments[at] + 1, at, Act.BACK),
            rows(moments[at] + TO_THE_HOTEL, at, Act.CAMP, cell=people.here.home[at]),
        ]
    at = day.people[_today(day, stays.exits)]
    made.append(rows(stays.exits[at][stays.flies[at]], at[stays.flies[at]], Act.OFF))
    at = at[~stays.flies[at]]
    leaves, city, pace = stays.exits[at], stays.toward[at], people.pace[at]
    last = np.array([day.world.of_city(int(one))[0] for one in city], np.int64)
    made.append(_way(day, at, leaves, city, last, outward=np.ones(len(at), bool)))
    many = np.array([len(route) for route in day.world.routes])[city]
    made.append(rows(leaves + pace * (many + 3), at, Act.AWAY))
    return made


def _present(day: Day, parts: list[Rows]) -> list[Rows]:
    """Without what people would have done here while they are in another network."""
    stays = day.everybody.stays
    if not stays.roams[day.people].any():
        return parts
    return [part[~stays.away(part["person"], part["time"] / 1e6)] for part in parts]


def _today(day: Day, moments: Floats) -> Flags:
    those = moments[day.people]
    today: Flags = (those >= day.start) & (those < day.start + DAY)
    return today


def _nights(day: Day) -> list[Rows]:
    """Some switch the phone off for the night."""
    those = day.people[day.everybody.night_off[day.people]]
    off = day.start + 3600 * day.rng.normal(23.2, 0.3, len(those))
    on = day.start + 3600 * day.rng.normal(30.6, 0.3, len(those))
    return [rows(off, those, Act.OFF), rows(on, those, Act.ON)]


def _mishaps(day: Day) -> list[Rows]:
    """SIMs are put into other phones; phones lose coverage for a while."""
    rng, those = day.rng, day.people
    changes = day.everybody.new_phone[those]
    today = (changes >= day.start) & (changes < day.start + DAY)
    off, at = changes[today], those[today]
    made = [rows(off, at, Act.OFF), rows(off + rng.uniform(60, 600, len(at)), at, Act.ON)]
    at = those[rng.random(len(those)) < day.scenario.movement.uncovered]
    lost = day.start + rng.uniform(0, DAY - 5400, len(at))
    found = lost + rng.uniform(600, 5400, len(at))
    return [*made, rows(lost, at, Act.LOST), rows(found, at, Act.FOUND)]


def _talk(day: Day) -> list[Rows]:
    people, traffic, rng, those = day.everybody, day.scenario.traffic, day.rng, day.people
    busy, machine = people.busy[those], people.kind[those] == MACHINE
    made = []
    person, time = _moments(day, those, traffic.calls * busy)
    made += _calls(day, person, time)
    person, time = _moments(day, those, 0.5 * traffic.calls * busy)
    number, digits = _fixed(people, person)
    made.append(rows(time, person, Act.CALL_IN, number=number, digits=digits))
    evening = traffic.greetings
    festive = evening is not None and day.start <= evening < day.start + DAY
    person, time = _moments(day, those, traffic.texts * np.where(machine, 1.0, busy))
    made += _texts(day, person, time)
    if festive:
        person, time = _moments(day, those, 8 * traffic.texts * busy, from_hour=18)
        made += _texts(day, person, time)
    person, time = _moments(day, those, 0.3 * traffic.texts * busy)
    made.append(rows(time, person, Act.TEXT_IN, number=_SERVICE, digits=5))
    person, time = _moments(day, those, traffic.requests * busy)
    made.append(rows(time, person, Act.REQUEST))
    person = those[rng.random(len(those)) < 0.0005]
    made.append(rows(day.start + rng.uniform(0, DAY, len(person)), person, Act.EMERGENCY))
    return made


def _moments(
    day: Day, those: Integers, rate: Floats, from_hour: int = 0
) -> tuple[Integers, Floats]:
    """Who does something, and when: the hours by their weights, none in an hour's last seconds."""
    person = np.repeat(those, day.rng.poisson(rate))
    weights = np.where(np.arange(24) >= from_hour, CALLS_BY_HOUR, 0)
    hour = day.rng.choice(24, len(person), p=weights / weights.sum())
    return person, day.start + 3600.0 * hour + day.rng.uniform(0, 3580, len(person))


def _circle(day: Day, person: Integers) -> Integers:
    """Whom somebody calls: mostly one of six they always call, now and then anybody."""
    count = len(day.everybody.kind)
    near = (person + day.rng.choice([-3, -2, -1, 1, 2, 3], len(person))) % count
    far = (person * 31 + day.rng.integers(0, 9, len(person)) * 7919) % count
    return np.where(day.rng.random(len(person)) < 0.8, near, far)


def _calls(day: Day, person: Integers, time: Floats) -> list[Rows]:
    """To the family at home, to a fixed line, to the operator, or to one of the circle."""
    rng, count, people = day.rng, len(person), day.everybody
    drawn = rng.random(count)
    away = people.registered[person] != _HOME_ZHENGZHOU
    away |= people.kind[person] == VISITOR
    family = away & (drawn < FAMILY_SHARE)
    fixed = ~family & (drawn > 0.9)
    service = ~family & (drawn > 0.86) & ~fixed
    number = np.where(family, people.family[person], 0)
    digits = np.where(family, people.family_digits[person], 0)
    some, some_digits = _fixed(people, rng.integers(0, len(people.kind), count))
    number, digits = np.where(fixed, some, number), np.where(fixed, some_digits, digits)
    number, digits = np.where(service, _SERVICE, number), np.where(service, 5, digits)
    peer = _circle(day, person)
    circle = ~family & ~fixed & ~service & (peer != person) & (people.kind[peer] != MACHINE)
    number = np.where(circle, people.msisdn[peer], number)
    digits = np.where(circle, people.msisdn_digits[peer], digits)
    number, digits = _selected(person, family, number, digits)
    kept = digits > 0
    pair = _pairs(day, person, 0)
    own = people.msisdn[person]
    return [
        rows(time[kept], person[kept], Act.CALL_OUT, peer=np.where(circle, peer, -1)[kept],
             number=number[kept], digits=digits[kept], pair=np.where(circle, pair, 0)[kept]),
        rows((time + 2.5)[circle], peer[circle], Act.CALL_IN, peer=person[circle],
             number=own[circle], digits=people.msisdn_digits[person][circle], pair=pair[circle]),
    ]  # fmt: skip


def _selected(
    person: Integers, family: Flags, number: Integers, digits: Integers
) -> tuple[Integers, Integers]:
    """Some always dial a carrier's prefix before a long-distance number."""
    habit = (person * 2_654_435_761 % 1000) / 1000 < CHEAP_SHARE
    prefixed = family & habit
    carrier = np.where(person % 3 > 0, _SELECTED[0], _SELECTED[1])
    tens = 10 ** digits.astype(np.int64)
    return np.where(prefixed, carrier * tens + number, number), np.where(
        prefixed, digits + 5, digits
    )


def _texts(day: Day, person: Integers, time: Floats) -> list[Rows]:
    people, peer = day.everybody, _circle(day, person)
    met = peer != person
    person, time, peer = person[met], time[met], peer[met]
    pair = _pairs(day, person, 1)
    return [
        rows(time, person, Act.TEXT_OUT, peer=peer, number=people.msisdn[peer],
             digits=people.msisdn_digits[peer], pair=pair),
        rows(time + day.rng.uniform(4, 9, len(time)), peer, Act.TEXT_IN, peer=person,
             number=people.msisdn[person], digits=people.msisdn_digits[person], pair=pair),
    ]  # fmt: skip


def _pairs(day: Day, person: Integers, kind: int) -> Integers:
    """A number for each call of the day that no other call bears."""
    day_number = int(day.start // DAY)
    first = int(day.people[0]) if len(day.people) else 0
    drawn = np.arange(len(person)) + kind * 2**27
    return (day_number % 2**12 << 50) + (first << 29) + drawn + 1


def _fixed(people: People, person: Integers) -> tuple[Integers, Integers]:
    """A fixed line in the city of somebody's registration."""
    return people.family[person], people.family_digits[person]


assert all(len(city.area_code) == 4 for city in CITIES)
