"""How people answer offers: what they would have done anyway, and what an offer changes.

The model is fixed here, before any campaign is run, and is asked offer by offer: the same person
asked the same thing answers the same. Its shape and its constants:

=====================  =======  ==================================================================
constant               value    where it is from
=====================  =======  ==================================================================
two-cities, a day      0.00046  assumption: one migrant in a hundred over three weeks by themselves
12593, a day           0.00050  assumption: the seed's 181 sign-ups a day from a province of
                                which this names the order of magnitude alone
reached in time        0.040    assumption: the middle of what is usual for text-message offers to
                                people who did not ask (1 to 8 %)
halves in              2 h      assumption: a moment passes; an offer two hours late is worth half
annoyed by each more   0.6      assumption: the second offer in a week works 0.6 times as well, the
                                third 0.36 times
opts out               0.004    assumption: of those reached once; each further offer doubles it
=====================  =======  ==================================================================

None is fitted to a result. The seed's figures (uptake 424.26 % up; 32.6 % of the sign-ups of 12593
from the trigger) are compared with what comes out, never put in.
"""

from __future__ import annotations

import csv
import io
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from simulator.people import MACHINE, MIGRANT, STUDENT, People, imsi_text

BASELINE_A_DAY = {"two-cities-one-home": 0.00046, "cheap-long-distance": 0.00050}
REACHED = 0.040
HALF_LIFE = 2 * 3600.0
FATIGUE = 0.6
OPTS_OUT = 0.004
_MINUTE = 60.0


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

    def would_buy_anyway(self, imsi: str, campaign: str, day: int) -> bool:
        """Whether they sign up on this day (days since 1970 in China) though nobody asked them."""
        rate = BASELINE_A_DAY.get(campaign, 0.0)
        return self._drawn("anyway", imsi, campaign, day) < rate

    def respond(self, imsi: str, campaign: str, delay: float, earlier: int = 0) -> Response:
        """To an offer `delay` seconds after its moment, the person having had `earlier` this week.

        Who buys after a long delay would have bought after a short one too.
        """
        chance = REACHED * 0.5 ** (max(delay, 0.0) / HALF_LIFE) * FATIGUE**earlier
        buys = self._drawn("buys", imsi, campaign) < chance
        leaves = self._drawn("leaves", imsi, campaign) < OPTS_OUT * 2**earlier
        after = 2 * _MINUTE + 28 * _MINUTE * self._drawn("after", imsi, campaign)
        return Response(buys, after if buys or leaves else 0.0, leaves and not buys)

    def true_uplift(self, delay: float = 0.0) -> float:
        """By how much reaching somebody once raises their chance to buy."""
        return REACHED * float(0.5 ** (max(delay, 0.0) / HALF_LIFE))

    def _drawn(self, *what: object) -> float:
        """A number in [0, 1) that belongs to `what`."""
        digest = blake2b("\x1f".join(map(str, what)).encode(), key=self._key, digest_size=8)
        return int.from_bytes(digest.digest(), "big") / 2**64


def responses_csv(model: Model, people: People) -> str:
    """Who would have bought what if reached at once, and who would have opted out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["imsi", "campaign", "buys", "opts_out"])
    likely = np.isin(people.kind, [MIGRANT, STUDENT])
    for campaign in BASELINE_A_DAY:
        for index in np.flatnonzero(people.kind != MACHINE).tolist():
            if campaign == "two-cities-one-home" and not likely[index]:
                continue
            imsi = imsi_text(int(people.imsi[index]))
            answer = model.respond(imsi, campaign, 0.0)
            if answer.buys or answer.opts_out:
                writer.writerow([imsi, campaign, int(answer.buys), int(answer.opts_out)])
    return out.getvalue()
