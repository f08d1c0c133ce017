"""A scenario: who lives, travels and calls for how long, over what network, with which faults.

A scenario is a YAML file; `scenarios/` holds those that ship. Times are of China's one zone
(UTC+8). A share is ``30%`` or ``0.3``, a span ``20m``, ``12h``, ``14d``. What is wrong is refused
with file, line and remedy before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import yaml

from decoders.errors import XinlingError
from simulator import world
from simulator.geography import CAPITAL, CITY, PLACES

ZONE = timezone(timedelta(hours=8))
MOST_PEOPLE = 1_000_000
LEAST_SPAN, MOST_SPAN = 60, 31 * 86_400
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_AT = re.compile(r"(.*) - at `(\$.*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")


class ScenarioError(XinlingError):
    """A scenario that cannot be: file, line, key and remedy."""


class Share(float):
    """A part of one: ``30%`` or ``0.3``."""


class Span(float):
    """Seconds: ``90s``, ``20m``, ``12h``, ``14d``."""


class Moment(float):
    """Seconds since 1970 (UTC) of a day or moment in China: ``2008-02-01 18:30``."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Kinds(_Part, frozen=True):
    """Which people there are, as weights."""

    office: Share = Share(0.30)
    """Live and work in Zhengzhou, registered there."""
    student: Share = Share(0.12)
    """Live on a campus; registered elsewhere, half of them."""
    migrant: Share = Share(0.33)
    """Live and work in Zhengzhou, registered in another city, where their family is."""
    traveller: Share = Share(0.06)
    """Live elsewhere, come to Zhengzhou for a day or two."""
    resident: Share = Share(0.15)
    """Live in the other cities."""
    machine: Share = Share(0.04)
    """Stand still, text a little, never call."""
    visitor: Share = Share(0)
    """Subscribers of other networks, in Zhengzhou for some days; they have no profile."""


class Wave(_Part, frozen=True):
    """A journey that many make between two moments."""

    since: Moment
    until: Moment
    share: Share
    """Of those who could make it."""


class Movement(_Part, frozen=True):
    """Who goes where beyond every day's ways."""

    leave: Wave | None = None
    """Migrants, and students from elsewhere, go home."""
    come_back: Wave | None = None
    """Those who left come back to Zhengzhou."""
    arrive: Wave | None = None
    """Students come to their campus for the first time."""
    flappers: Share = Share(0.03)
    """Of those in Zhengzhou: live at its border, where the phone changes between two cells."""
    day_trips: Share = Share(0.01)
    """Of those in Zhengzhou, each day: out to another city and back in the evening."""
    new_phones: Share = Share(0)
    """Of all, some time during the scenario: put their SIM into another phone."""
    uncovered: Share = Share(0)
    """Of all, each day: out of coverage for ten minutes to an hour and a half."""
    abroad: Share = Share(0)
    """Of those in Zhengzhou who make no other journey: in another network for some days."""


class Gathering(_Part, frozen=True):
    """People come together at a place."""

    at: str
    since: Moment
    until: Moment
    share: Share


class Traffic(_Part, frozen=True):
    """What a person does in a day, on average; a kind of person does more or less of it."""

    calls: Annotated[float, msgspec.Meta(ge=0, le=200)] = 3.0
    texts: Annotated[float, msgspec.Meta(ge=0, le=200)] = 2.5
    requests: Annotated[float, msgspec.Meta(ge=0, le=50)] = 0.15
    greetings: Moment | None = None
    """The evening on which everybody texts greetings."""


class Network(_Part, frozen=True):
    """How the network is run."""

    mscs: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1
    common_id: bool = True
    ciphering: bool = True
    imei: bool = False
    tmsi: Literal["every update", "new vlr"] = "every update"
    """When a location update gives a new TMSI."""
    periodic: Span = Span(7200)
    """T3212: how long a phone may be silent."""
    rejected: Share = Share(0.002)
    """Of the location updates, tried again after T3211."""


class Captures(_Part, frozen=True):
    """How it is captured."""

    per: Literal["bsc", "msc", "all"] = "msc"
    """One file for each controller, for each MSC, or one for everything."""
    link: Literal["ethernet", "vlan", "sll", "ip", "mtp2-header", "mtp2", "mtp3", "sccp"] = (
        "ethernet"
    )
    carrier: Literal["m3ua", "m2ua", "m2pa", "sccplite"] = "m3ua"
    """What carries SCCP over IP; on the MTP links nothing does."""
    rotate: Span | None = None
    compress: bool = False
    bundling: Span = Span(0.001)
    """Messages of one way within this span share an SCTP packet."""


class Dead(_Part, frozen=True):
    """A probe that sees nothing for a while."""

    bsc: Annotated[int, msgspec.Meta(ge=0, le=63)]
    since: Moment
    until: Moment


class Faults(_Part, frozen=True):
    """What the capture does wrong."""

    lost: Share = Share(0)
    doubled: Share = Share(0)
    unknown: Share = Share(0)
    """Of the messages in a connection, followed by one of a type that no specification knows."""
    skew: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    """Clocks of the probes differ by up to this many seconds."""
    dead: tuple[Dead, ...] = ()


class Scenario(_Part, frozen=True):
    """All of it."""

    scenario: str
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    people: Annotated[int, msgspec.Meta(ge=1, le=MOST_PEOPLE)]
    starts: Moment
    lasts: Span
    title: str = ""
    about: str = ""
    kinds: Kinds = Kinds()
    movement: Movement = Movement()
    gatherings: tuple[Gathering, ...] = ()
    traffic: Traffic = Traffic()
    network: Network = Network()
    captures: Captures = Captures()
    faults: Faults = Faults()
    from_cities: dict[str, Share] = {}
    """Where migrants and students are registered, as weights; empty: everywhere alike."""

    @property
    def ends(self) -> float:
        """Seconds since 1970."""
        return self.starts + self.lasts


def shipped() -> tuple[str, ...]:
    """The names of the scenarios that ship."""
    folder = resources.files("simulator") / "scenarios"
    return tuple(sorted(path.name[:-5] for path in folder.iterdir() if path.name[-5:] == ".yaml"))


def load(name: str) -> Scenario:
    """The scenario in the file `name`, or the shipped one of that name; raises `ScenarioError`."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or path.exists():
        try:
            return parse(path.read_bytes(), name)
        except OSError as error:
            raise ScenarioError(error.strerror or "cannot be read", file=name) from error
    if name not in shipped():
        raise ScenarioError(
            f"there is no scenario {name!r}",
            remedy=f"name a YAML file, or one of {', '.join(shipped())}",
        )
    data = (resources.files("simulator") / "scenarios" / f"{name}.yaml").read_bytes()
    return parse(data, f"{name}.yaml")


def parse(data: bytes, file: str) -> Scenario:
    """The scenario in `data`; raises `ScenarioError` with the line of the first mistake."""
    lines: dict[str, int] = {}
    try:
        node = yaml.compose(data.decode("utf-8"), Loader=yaml.SafeLoader)
        value = None if node is None else _plain(node, "$", lines)
        scenario = msgspec.convert(value, Scenario, strict=False, dec_hook=_convert)
    except UnicodeDecodeError as error:
        raise ScenarioError("not UTF-8", file=file, offset=error.start) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ScenarioError(f"not YAML: {error.problem}", file=file, line=line) from error
    except msgspec.ValidationError as error:
        raise _refused(str(error), file, lines) from error
    _check(scenario, file, lines)
    return scenario


def _plain(node: yaml.Node, path: str, lines: dict[str, int]) -> object:
    """Plain values; the line of each by its path."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        value = {}
        for key, part in node.value:
            name = str(key.value)
            lines[f"{path}.{name}"] = key.start_mark.line + 1
            value[name] = _plain(part, f"{path}.{name}", lines)
        return value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(part, f"{path}[{index}]", lines) for index, part in enumerate(node.value)]
    return {"true": True, "false": False, "null": None}.get(node.value, node.value)


def _convert(kind: type, value: Any) -> Any:
    text = str(value)
    if kind is Share:
        part = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        if not 0 <= part <= 1:
            raise ValueError(f"a share from 0% to 100%, not {text}")
        return Share(part)
    if kind is Span:
        match = _SPAN.fullmatch(text)
        if match is None:
            raise ValueError(f"a span such as 20m, 12h or 14d, not {text}")
        return Span(float(match[1]) * _UNITS[match[2]])
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZONE)
    return Moment(moment.astimezone(UTC).timestamp())


def _refused(text: str, file: str, lines: dict[str, int]) -> ScenarioError:
    match = _AT.match(text)
    reason, path = (match[1], match[2]) if match else (text, "$")
    remedy = "simulator/scenario.py lists every key with what it means"
    unknown = _UNKNOWN.fullmatch(reason)
    if unknown:
        path, reason = f"{path}.{unknown[1]}", "there is no such key"
    where = re.sub(r"\[\.\.\.\]", "", path)
    while where not in lines and "." in where:
        where = where.rpartition(".")[0]
    return ScenarioError(
        reason, file=file, line=lines.get(where, 1), key=path[2:] or None, remedy=remedy
    )


class _Mistake(NamedTuple):
    path: str
    reason: str
    remedy: str


def _check(scenario: Scenario, file: str, lines: dict[str, int]) -> None:
    """What no type says: places that exist, spans in order, weights that come to something."""
    for found in chain(_impossible(scenario), _nowhere(scenario), _backwards(scenario)):
        line = lines.get(f"$.{found.path}", 1)
        raise ScenarioError(found.reason, file=file, line=line, key=found.path, remedy=found.remedy)


def _impossible(scenario: Scenario) -> Iterator[_Mistake]:
    if not LEAST_SPAN <= scenario.lasts <= MOST_SPAN:
        yield _Mistake("lasts", "a scenario lasts from 1m to 31d", "give it such a span")
    if not 300 <= scenario.network.periodic <= 2 * 86_400:
        yield _Mistake("network.periodic", "T3212 is from 5m to 2d", "give it such a span")
    if not sum(msgspec.structs.astuple(scenario.kinds)):
        yield _Mistake("kinds", "nobody lives here", "give at least one kind a share")
    captures = scenario.captures
    if captures.carrier != "m3ua" and captures.link in {"mtp2-header", "mtp2", "mtp3", "sccp"}:
        reason = f"{captures.carrier} needs IP, which a link {captures.link} does not have"
        yield _Mistake("captures.carrier", reason, "leave it out, or name a link with IP")
    rotate = captures.rotate
    if rotate is not None and (rotate < 3600 or rotate % 3600):
        yield _Mistake("captures.rotate", "files rotate at whole hours", "such as 1h or 6h")


def _nowhere(scenario: Scenario) -> Iterator[_Mistake]:
    names = sorted(place.name for place in PLACES)
    for index, gathering in enumerate(scenario.gatherings):
        if gathering.at not in names:
            reason = f"there is no place {gathering.at!r}"
            yield _Mistake(f"gatherings[{index}].at", reason, f"one of {', '.join(names)}")
    controllers = len(world.make().bsc_city) if scenario.faults.dead else 0
    for index, dead in enumerate(scenario.faults.dead):
        if dead.bsc >= controllers:
            reason = f"there is no controller {dead.bsc}"
            yield _Mistake(f"faults.dead[{index}].bsc", reason, f"0 to {controllers - 1}")
    for city in scenario.from_cities:
        if city not in CITY or city == CAPITAL:
            others = ", ".join(name for name in CITY if name != CAPITAL)
            reason = f"there is no city {city!r} to come from"
            yield _Mistake(f"from_cities.{city}", reason, f"one of {others}")


def _backwards(scenario: Scenario) -> Iterator[_Mistake]:
    for path, span in _spans(scenario):
        if span.since >= span.until:
            yield _Mistake(path, "ends before it begins", "put `since` before `until`")


def _spans(scenario: Scenario) -> list[tuple[str, Wave | Gathering | Dead]]:
    movement = scenario.movement
    waves = {"leave": movement.leave, "come_back": movement.come_back, "arrive": movement.arrive}
    found: list[tuple[str, Wave | Gathering | Dead]] = [
        (f"movement.{name}", wave) for name, wave in waves.items() if wave is not None
    ]
    found += [(f"gatherings[{n}]", gathering) for n, gathering in enumerate(scenario.gatherings)]
    return found + [(f"faults.dead[{n}]", dead) for n, dead in enumerate(scenario.faults.dead)]
