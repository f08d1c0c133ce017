"""How people answer offers: what they would have done anyway, and what an offer changes.

The model is fixed here, before any campaign is run, and is asked offer by offer: the same person
asked the same thing answers the same. Its constants are of field experiments with text messages of
Chinese operators, as far as there are such:

==============  =======  =====================================================================
constant        value    where it is from
==============  =======  =====================================================================
reached         0.032    the middle of 2.1 % and 4.3 %: purchases after an operator's text
                         message at a favourable moment, 14,972 subscribers (Andrews, Luo, Fang,
                         Ghose, Marketing Science 35(2), 2016)
elsewhere       1/6 of   the same message to people who are somewhere else: one sixth of the
                reached  purchases (Fang, Gu, Luo, Xu, Information Systems Research 26(3), 2015;
                         22,000 subscribers)
anyway          1/12 of  the same people without any message: one twelfth (the same experiment)
                reached
halves in       45 h     what being there at the right time adds: two days' distance divides the
                         odds by 1.76 (Luo, Andrews, Fang, Phang, Management Science 60(7), 2014;
                         12,265 subscribers), elsewhere being what remains in the end
replies within  30 min   84 % of those who reply (160Characters' survey, May 2007)
opts out        0.0085   of those reached once: the middle of what counts as good, 0.5 to 1.2 %
                         (Klaviyo's benchmarks of text messages)
annoyed         0.6      assumption, no figure was found: a second offer within a week works 0.6
                         times as well; each one doubles who opts out. The direction is that of
                         Rau et al., Telematics and Informatics 31(3), 2014
==============  =======  =====================================================================

None is fitted to a result. The seed's figures (uptake 424.26 % up; 32.6 % of the sign-ups of 12593
from the trigger) are compared with what comes out, never put in.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from simulator.people import MACHINE, MIGRANT, STUDENT, VISITOR, People, imsi_text

TWO_CITIES, LONG_DISTANCE = "two-cities-one-home", "cheap-long-distance"
CAMPAIGNS = (TWO_CITIES, LONG_DISTANCE)
REACHED = 0.032
ELSEWHERE = REACHED / 6
ANYWAY = REACHED / 12
"""In a fortnight."""
_TWO_DAYS = 2 * 86_400.0
_REMAINS = (1 / 1.76 - ELSEWHERE / REACHED) / (1 - ELSEWHERE / REACHED)
HALF_LIFE = _TWO_DAYS / math.log2(1 / _REMAINS)
"""Seconds."""
FATIGUE = 0.6
OPTS_OUT = 0.0085
_MINUTE = 60.0
QUICKEST = 1.5 * _MINUTE
"""Nobody has read and answered before."""
_SLOWNESS = 30 * _MINUTE / -math.log(1 - 0.84)


class Response(NamedTuple):
    """What somebody does with an offer."""

    buys: bool
    replies_after: float
    """Seconds until the reply; 0 where there is none."""
    opts_out: bool


class Model:
    """Answers for everybody, drawn from the scenario's seed."""

    def __init__(self, seed: int) -> None:
        self._key = seed.to_bytes(8, "big")

    def buys_anyway(self, imsi: str, campaign: str) -> float | None:
        """When they sign up though nobody asked them, as a part of the time there is for it.

        The time is a fortnight for 12593, the day after leaving for two-cities. None: not at all.
        """
        if campaign not in CAMPAIGNS or self._drawn("anyway", imsi, campaign) >= ANYWAY:
            return None
        return self._drawn("when", imsi, campaign)

    def respond(self, imsi: str, campaign: str, delay: float, earlier: int = 0) -> Response:
        """To an offer `delay` seconds after its moment, the person having had `earlier` this week.

        An infinite delay is an offer at no moment in particular. Who buys after a long delay would
        have bought after a short one too.
        """
        chance = self.true_uplift(delay) * FATIGUE**earlier
        buys = self._drawn("buys", imsi, campaign) < chance
        leaves = self._drawn("leaves", imsi, campaign) < OPTS_OUT * 2**earlier
        slow = -_SLOWNESS * math.log(1 - self._drawn("after", imsi, campaign))
        return Response(buys, QUICKEST + slow if buys or leaves else 0.0, leaves and not buys)

    def true_uplift(self, delay: float = 0.0) -> float:
        """The chance that an offer after so many seconds moves somebody to buy."""
        at_the_moment = 0.5 ** (max(delay, 0.0) / HALF_LIFE)
        return ELSEWHERE + (REACHED - ELSEWHERE) * float(at_the_moment)

    def _drawn(self, *what: object) -> float:
        """A number in [0, 1) that belongs to `what`."""
        digest = blake2b("\x1f".join(map(str, what)).encode(), key=self._key, digest_size=8)
        return int.from_bytes(digest.digest(), "big") / 2**64


def responses_csv(model: Model, people: People) -> str:
    """Who would have bought what if reached at once or anyway, and who would have opted out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["imsi", "campaign", "buys", "anyway", "opts_out"])
    likely = np.isin(people.kind, [MIGRANT, STUDENT])
    for campaign in CAMPAIGNS:
        for index in np.flatnonzero(~np.isin(people.kind, [MACHINE, VISITOR])).tolist():
            if campaign == TWO_CITIES and not likely[index]:
                continue
            imsi = imsi_text(int(people.imsi[index]))
            answer, anyway = model.respond(imsi, campaign, 0.0), model.buys_anyway(imsi, campaign)
            if answer.buys or answer.opts_out or anyway is not None:
                flags = (answer.buys, anyway is not None, answer.opts_out)
                writer.writerow([imsi, campaign, *map(int, flags)])
    return out.getvalue()


def model_json(seed: int, begin: int, end: int) -> str:
    """What the answers of a run depend on; times in microseconds."""
    constants = {
        "reached": REACHED,
        "elsewhere": ELSEWHERE,
        "anyway": ANYWAY,
        "halves_in_seconds": HALF_LIFE,
        "annoyed": FATIGUE,
        "opts_out": OPTS_OUT,
    }
    return json.dumps({"seed": seed, "begin": begin, "end": end, "constants": constants}) + "\n"


def sign_ups_anyway(
    model: Model, imsis: Iterable[str], left: dict[str, int], begin: int, end: int
) -> list[tuple[int, str, str]]:
    """(time, IMSI, campaign) of whom nobody had to ask; `left`: when each left the city."""
    made = []
    for imsi in imsis:
        anyway = model.buys_anyway(imsi, LONG_DISTANCE)
        if anyway is not None:
            made.append((begin + int(anyway * _FORTNIGHT), imsi, LONG_DISTANCE))
        anyway = model.buys_anyway(imsi, TWO_CITIES) if imsi in left else None
        if anyway is not None:
            made.append((left[imsi] + int(anyway * _DAY), imsi, TWO_CITIES))
    return sorted(one for one in made if one[0] < end)


_DAY = 86_400_000_000
_FORTNIGHT = 14 * _DAY
