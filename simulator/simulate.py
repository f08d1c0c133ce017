"""A scenario played from its first hour to its last, into a folder or into a pipe."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from decoders.times import to_text
from simulator import days, people, response, roamers, world
from simulator.captures import Captures, Pipe
from simulator.carriers import Carrier
from simulator.messages import NOTHING, Messages, Speaker, joined
from simulator.network import Network
from simulator.outcomes import Dialogues
from simulator.pace import Paced
from simulator.rows import HOUR, Hours
from simulator.scenario import Scenario, ScenarioError
from simulator.truth import Truth

Integers = npt.NDArray[np.int64]

SECOND = 1_000_000
_EAST = 8 * 3600
_SLICE = 8_192
"""People whose day is planned at a time."""
_DAY_HOURS = 24
_PART = 32_768
"""Messages that are made into frames at a time."""
_SPOKEN = 16_384
"""Dialogues that are made into messages at a time."""


class Simulated(NamedTuple):
    """What a run came to."""

    people: int
    dialogues: int
    messages: int
    frames: int
    octets: int
    reached: int
    """The captures are whole up to this time, microseconds."""


Progress = Callable[[Simulated], None]


class Simulation:
    """One scenario on its way through time."""

    def __init__(self, scenario: Scenario, pace: float | None = None) -> None:
        """`pace`: seconds of the scenario that are written a second; None: as fast as it goes."""
        self.scenario, self._pace = scenario, pace
        self.world = world.make(scenario.network.mscs)
        self.people = people.make(self.world, scenario)
        self.begin, self.end = int(scenario.starts * SECOND), int(scenario.ends * SECOND)

    def into(self, folder: Path, progress: Progress) -> Simulated:
        """Writes captures, tables, profiles and truth; says how far it got if it must stop."""
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ScenarioError(
                "is not empty", file=str(folder), remedy="name a new folder with -o"
            )
        self._tables(folder)
        captures = Captures(folder, self.scenario, self.begin)
        truth = Truth(folder / "truth", self.world, self.people, self.begin)
        return self._play(captures, truth, progress)

    def piped(self, stream: IO[bytes], progress: Progress) -> Simulated:
        """Writes one capture of everything to `stream`, and nothing else."""
        captures = msgspec.structs.replace(self.scenario.captures, per="all", rotate=None)
        self.scenario = msgspec.structs.replace(self.scenario, captures=captures)
        return self._play(Pipe(stream, self.scenario), None, progress)

    def _tables(self, folder: Path) -> None:
        texts = {
            "cells.csv": world.cells_csv(self.world),
            "areas.geojson": world.areas_geojson(self.world),
            "profiles.csv": people.profiles_csv(self.people, self.scenario.seed),
            "plan.csv": people.plan_csv(self.people),
            "settings.json": SETTINGS,
        }
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "truth").mkdir()
        model = response.Model(self.scenario.seed)
        (folder / "truth" / "responses.csv").write_text(
            response.responses_csv(model, self.people), encoding="utf-8"
        )
        told = roamers.roamers_csv(
            self.people.stays,
            self.people.imsi,
            self.people.kind == people.VISITOR,
            self.scenario.ends,
        )
        (folder / "truth" / "roamers.csv").write_text(told, encoding="utf-8")
        (folder / "truth" / "model.json").write_text(
            response.model_json(self.scenario.seed, self.begin, self.end), encoding="utf-8"
        )

    def _play(self, written: Captures | Pipe, truth: Truth | None, progress: Progress) -> Simulated:
        captures = written if self._pace is None else Paced(written, self._pace)
        network = Network(self.world, self.people, self.scenario)
        speaker = Speaker(self.world, self.people, self.scenario, network)
        carrier = Carrier(self.world, self.scenario)
        done = Simulated(len(self.people.kind), 0, 0, 0, 0, self.begin)
        waiting = NOTHING
        with tempfile.TemporaryDirectory(prefix="xinling-simulate-") as scratch:
            hours = Hours(Path(scratch))
            for hour in range(self._first_hour(), -(-self.end // HOUR)):
                self._plan(hours, hour)
                time = hour * HOUR
                if time < self.begin:
                    network.settle(hours.take(hour), self.begin)
                    if truth is not None:
                        truth.settle(network.cells)
                    continue
                held, camps = network.play(hours.take(hour), time, time + HOUR)
                if truth is not None:
                    truth.add(held, camps)
                for number, (spoken, until) in enumerate(_stretches(held, time + HOUR)):
                    if number and spoken["start"][0] >= self.end:
                        break
                    drawn_from = (hour, number) if number else (hour,)
                    made_now = joined([waiting, speaker.speak(spoken, *drawn_from)])
                    limit = min(until if until == time + HOUR else until - carrier.ahead, self.end)
                    now, waiting = _split(made_now, carrier.seen(made_now), limit)
                    done = done._replace(dialogues=done.dialogues + len(spoken))
                    for part in _parts(now, carrier.seen(now)):
                        done = self._written(part, carrier, captures, done, time)
                        progress(done)
        if truth is not None:
            truth.close(self.end)
        return done

    def _written(
        self,
        part: Messages,
        carrier: Carrier,
        captures: Captures | Pipe | Paced,
        done: Simulated,
        time: int,
    ) -> Simulated:
        """Some messages as frames into the captures; what the run has come to then."""
        frames = carrier.carry(part, done.messages)
        octets = captures.write(frames, time)
        return done._replace(
            messages=done.messages + len(part.time),
            frames=done.frames + len(frames.time),
            octets=done.octets + octets,
            reached=int(carrier.seen(part).max()),
        )

    def _first_hour(self) -> int:
        """The midnight in China before the beginning."""
        local = self.begin + _EAST * SECOND
        return (local - local % (_DAY_HOURS * HOUR) - _EAST * SECOND) // HOUR

    def _plan(self, hours: Hours, hour: int) -> None:
        """At midnight, the day's rows."""
        if (hour - self._first_hour()) % _DAY_HOURS:
            return
        count = len(self.people.kind)
        for first in range(0, count, _SLICE):
            part = np.arange(first, min(first + _SLICE, count))
            made = days.plan(hour * 3600.0, part, self.scenario, self.world, self.people)
            hours.add(made[made["time"] >= hour * HOUR])


SETTINGS = """{
  "zone": "Asia/Shanghai",
  "quiet_hours": {"from": "20:00", "until": "08:00"},
  "control_salt": "xinling simulator: protects nobody"
}
"""


def _stretches(held: Dialogues, end: int) -> Iterator[tuple[Dialogues, int]]:
    """The dialogues of an hour by their start, some at a time, each with when the next begin."""
    order = np.argsort(held["start"], kind="stable")
    for first in range(0, max(len(order), 1), _SPOKEN):
        last = first + _SPOKEN
        until = int(held["start"][order[last]]) if last < len(order) else end
        yield held[order[first:last]], until


def _parts(messages: Messages, seen: Integers) -> Iterator[Messages]:
    """The messages in the order they are seen, so many at a time that memory stays small."""
    order = np.argsort(seen, kind="stable")
    for first in range(0, len(order), _PART):
        yield messages.taken(order[first : first + _PART])


def _split(messages: Messages, seen: Integers, end: int) -> tuple[Messages, Messages]:
    """What is seen before `end`, and what waits for the next hour."""
    now = seen < end
    waiting = messages.taken(np.flatnonzero(~now)).packed()
    return messages.taken(np.flatnonzero(now)), waiting


def told(done: Simulated) -> str:
    """One line for a person."""
    return (
        f"{done.people} people, {done.dialogues} dialogues, {done.messages} messages in "
        f"{done.frames} frames, {done.octets / 1e6:.1f} MB, up to {to_text(done.reached)}"
    )
