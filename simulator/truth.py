"""What really happened: who was where when, every dialogue, who left Zhengzhou and who flapped.

Times are as everywhere in rows; people are named by their IMSI.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from decoders.times import to_text
from simulator.dialogues import Dialogue
from simulator.outcomes import Dialogues
from simulator.people import People, imsi_text
from simulator.rows import Rows
from simulator.world import World

SECOND = 1_000_000
CONFIRMED = 20 * 60 * SECOND
"""An absence shorter than this is flapping, as the campaign two-cities-one-home sees it."""

_NAMES = {int(kind): kind.name.lower().replace("_", " ") for kind in Dialogue}


class Truth:
    """Truth files in a folder; an hour at a time."""

    def __init__(self, folder: Path, world: World, people: People, begin: int) -> None:
        folder.mkdir(exist_ok=True)
        self._world, self._people = world, people
        self._visits = _csv(folder / "visits.csv", "time,imsi,lac,ci,inside")
        self._dialogues = _csv(
            folder / "dialogues.csv",
            "time,imsi,kind,update,lac,ci,new_ci,number,peer,ring,talk",
        )
        self._departures = _csv(folder / "departures.csv", "imsi,left,returned,stayed,kind")
        self._since: dict[int, int] = {}
        """Since when a person has been inside; not there: since the beginning, or never."""
        self._left: dict[int, tuple[int, int]] = {}
        """Who is outside: when they left, and since when they had been inside."""
        self._begin = begin
        self._inside = world.inside[people.here.home].copy()

    def settle(self, cells: npt.NDArray[np.int64]) -> None:
        """Where everybody is when the capture begins."""
        self._inside = self._world.inside[cells].copy()

    def add(self, held: Dialogues, camps: Rows) -> None:
        """An hour: dialogues, and camping rows sorted by person and time."""
        self._add_visits(camps[np.argsort(camps["time"], kind="stable")])
        self._add_dialogues(held[np.argsort(held["start"], kind="stable")])
        self._add_departures(camps)

    def close(self, end: int) -> None:
        """Writes who is still outside, and closes the files."""
        for person, (left, since) in sorted(self._left.items()):
            kind = "left" if end - left >= CONFIRMED else "unseen"
            self._departure(person, left, None, since, kind)
        for file in (self._visits, self._dialogues, self._departures):
            file.close()

    def _add_visits(self, camps: Rows) -> None:
        world, cell = self._world, camps["cell"].astype(np.int64)
        lines = zip(
            camps["time"].tolist(),
            self._people.imsi[camps["person"]].tolist(),
            world.lac[cell].tolist(),
            world.ci[cell].tolist(),
            world.inside[cell].tolist(),
            strict=True,
        )
        self._visits.writelines(
            f"{to_text(time)},{imsi_text(imsi)},{lac},{ci},{int(inside)}\n"
            for time, imsi, lac, ci, inside in lines
        )

    def _add_dialogues(self, held: Dialogues) -> None:
        world, imsi = self._world, self._people.imsi
        for row in held.tolist():
            (start, _, person, peer, number, digits, kind, update, cell, new_cell, *_rest) = row
            ring, talk = _rest[2], _rest[3]
            over = Dialogue(kind).name.endswith(("HANDOVER", "RELOCATED"))
            self._dialogues.write(
                f"{to_text(start)},{imsi_text(int(imsi[person]))},{_NAMES[kind]},{update},"
                f"{world.lac[cell]},{world.ci[cell]},{world.ci[new_cell] if over else ''},"
                f"{f'{number:0{digits}d}' if digits else ''},"
                f"{imsi_text(int(imsi[peer])) if peer >= 0 else ''},{ring:.1f},"
                f"{talk * (1 + over):.1f}\n"
            )

    def _add_departures(self, camps: Rows) -> None:
        """Follows who goes out of the area and comes back; few rows do either."""
        person, inside = camps["person"], self._world.inside[camps["cell"]]
        first = np.ones(len(person), bool)
        first[1:] = person[1:] != person[:-1]
        was = np.where(first, self._inside[person], np.roll(inside, 1))
        for index in np.flatnonzero(was != inside).tolist():
            one, time = int(person[index]), int(camps["time"][index])
            if inside[index]:
                self._entered(one, time)
            else:
                self._left[one] = (time, self._since.get(one, self._begin))
        self._inside[person] = inside

    def _entered(self, person: int, time: int) -> None:
        if person not in self._left:
            self._since[person] = time
            return
        left, since = self._left.pop(person)
        if time - left < CONFIRMED:
            self._departure(person, left, time, since, "flapped")
            return
        self._departure(person, left, time, since, "left")
        self._since[person] = time

    def _departure(
        self, person: int, left: int, returned: int | None, since: int, kind: str
    ) -> None:
        back = "" if returned is None else to_text(returned)
        self._departures.write(
            f"{imsi_text(int(self._people.imsi[person]))},{to_text(left)},{back},"
            f"{(left - since) // SECOND},{kind}\n"
        )


def _csv(path: Path, columns: str) -> IO[str]:
    file = path.open("w", encoding="utf-8", newline="\n")
    file.write(columns + "\n")
    return file
