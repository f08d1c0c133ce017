"""Sign-ups a day of a simulated spring festival, three ways: ``docs/festival.svg`` and figures.

    python docs/make_festival_curve.py FOLDER VERDICTS

FOLDER is what `xinling simulate spring-festival` wrote, VERDICTS what `xinling replay --simulated
FOLDER` wrote with the two seed campaigns live. A few thousand people give a few dozen sign-ups, so
their answers to the same offers are drawn a hundred times, and days bear the mean. Beside whom the
trigger reached stand two ways that need no signalling: nobody is asked, or everybody of the
audience is mailed at ten in the morning, a seventh on each day of a week.
"""  # noqa: INP001  a script, no package

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from decoders.times import to_text
from rules.verdicts import Verdict
from simulator import response
from stream import closed_loop
from stream.ask.evaluation import Evaluation
from stream.ask.lookup import verdicts_in
from stream.ask.uplift import Difference
from stream.closed_loop import CONVERTED, Effect, Market
from stream.sms.outcomes import Outcome

DRAWS = 100
DAY, HOUR = 86_400_000_000, 3_600_000_000
EAST = 8 * HOUR
PICTURE = Path(__file__).resolve().parent / "festival.svg"
WAYS = {"nobody asked": "#888888", "mailed": "#d08000", "asked when they leave": "#0060c0"}
_WEEK = 7

Curve = dict[int, float]
"""Day since 1970 in China → sign-ups."""


class Drawn(NamedTuple):
    """One draw of everybody's answers."""

    signed: list[Outcome]
    effects: dict[str, Effect]
    found: dict[str, Difference | None]


def drawn(folder: Path, verdicts: list[Verdict], seed: int) -> Drawn:
    """What the report of one draw finds, and what is true."""
    reports = {name: Evaluation(name) for name in response.CAMPAIGNS}
    signed: list[Outcome] = []

    def write(outcome: Outcome) -> None:
        reports[outcome.campaign].outcome(outcome)
        if outcome.outcome == CONVERTED:
            signed.append(outcome)

    market = Market(folder, write, seed)
    for verdict in verdicts:
        market.reached(verdict.time)
        market.take(verdict)
        reports[verdict.campaign].verdict(verdict)
    market.close()
    effects = {name: market.effect(name) for name in reports}
    return Drawn(signed, effects, {name: one.uplift() for name, one in reports.items()})


def curves(folder: Path, draws: list[Drawn], days: range) -> dict[str, Curve]:
    """Mean sign-ups for two-cities by way and day."""
    told, left = closed_loop.read(folder), closed_loop.first_left(folder)
    with (folder / "profiles.csv").open(encoding="utf-8", newline="") as file:
        people = list(csv.DictReader(file))
    imsis = [person["imsi"] for person in people]
    audience = sorted(person["imsi"] for person in people if _in_audience(person))
    sums: dict[str, Counter[int]] = {way: Counter() for way in WAYS}
    for seed, draw in enumerate(draws):
        model = response.Model(seed)
        every = response.sign_ups_anyway(model, imsis, left, told.begin, told.end)
        anyway = {imsi: time for time, imsi, campaign in every if campaign == response.TWO_CITIES}
        times = [
            anyway.values(),
            (_mailed(model, audience, told.begin) | anyway).values(),
            [one.time for one in draw.signed if one.campaign == response.TWO_CITIES],
        ]
        for way, found in zip(WAYS, times, strict=True):
            sums[way].update(_day(time) for time in found)
    return {way: {day: count[day] / len(draws) for day in days} for way, count in sums.items()}


def _in_audience(person: dict[str, str]) -> bool:
    away = person["home_city"] != "郑州" and "two-cities" not in person["products"]
    return away and bool(person["consent"]) and not person["opted_out"]


def _mailed(model: response.Model, audience: list[str], begin: int) -> dict[str, int]:
    """When those sign up who are mailed from the second day on."""
    morning = _day(begin) * DAY - EAST + 10 * HOUR
    signed = {}
    for place, imsi in enumerate(audience):
        answer = model.respond(imsi, response.TWO_CITIES, math.inf)
        if answer.buys:
            sent = morning + (1 + place % _WEEK) * DAY
            signed[imsi] = sent + int(answer.replies_after * 1e6)
    return signed


def _day(time: int) -> int:
    return (time + EAST) // DAY


def _name(day: int) -> str:
    return to_text(day * DAY)[5:10]


def picture(made: dict[str, Curve]) -> str:
    """An SVG: a line a way."""
    days = sorted(made["mailed"])
    most = max(max(curve.values()) for curve in made.values()) or 1.0
    wide, high, edge = 640, 300, 40
    across, up = (wide - 2 * edge) / max(1, len(days) - 1), (high - 2 * edge) / most
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-size="11">'
    parts = [head, f'<rect width="{wide}" height="{high}" fill="white"/>']
    for place, day in enumerate(days):
        x = edge + across * place
        parts.append(f'<text x="{x:.0f}" y="{high - 15}" text-anchor="middle">{_name(day)}</text>')
    for value in (0.0, most / 2, most):
        y = high - edge - up * value + 4
        parts.append(f'<text x="{edge - 6}" y="{y:.0f}" text-anchor="end">{value:.1f}</text>')
    for row, (way, colour) in enumerate(WAYS.items()):
        points = " ".join(
            f"{edge + across * place:.1f},{high - edge - up * made[way][day]:.1f}"
            for place, day in enumerate(days)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(f'<text x="{edge + 8}" y="{20 + 15 * row}" fill="{colour}">{way}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def table(made: dict[str, Curve]) -> str:
    """The same in Markdown, a line a day."""
    lines = ["| | " + " | ".join(made) + " |", "| --- |" + " --- |" * len(made)]
    for day in sorted(made["mailed"]):
        cells = " | ".join(f"{curve[day]:.1f}" for curve in made.values())
        lines.append(f"| {_name(day)} | {cells} |")
    sums = " | ".join(f"{sum(curve.values()):.1f}" for curve in made.values())
    return "\n".join([*lines, f"| in all | {sums} |"]) + "\n"


def uplifts(draws: list[Drawn], campaign: str) -> str:
    """The true uplift, what reports find, and how often their interval holds the truth."""
    true = [draw.effects[campaign].uplift for draw in draws]
    found = [draw.found[campaign] for draw in draws]
    values = [one.value for one in found if one is not None]
    held = sum(
        one is not None and one.low <= truth <= one.high
        for one, truth in zip(found, true, strict=True)
    )
    effect = draws[0].effects[campaign]
    return (
        f"{campaign}: {effect.sent} sent, {effect.control} control, true uplift {mean(true):.2%}, "
        f"reported {mean(values):.2%}, within the interval in {held} of {len(draws)} draws\n"
    )


def main() -> None:
    """Writes the picture, prints the figures."""
    folder, file = Path(sys.argv[1]), Path(sys.argv[2])
    verdicts = list(verdicts_in(file))
    draws = [drawn(folder, verdicts, seed) for seed in range(DRAWS)]
    days = range(_day(verdicts[0].time), _day(verdicts[-1].time) + 1)
    made = curves(folder, draws, days)
    PICTURE.write_text(picture(made), encoding="utf-8")
    say = sys.stdout.write
    say(table(made))
    for campaign in response.CAMPAIGNS:
        say(uplifts(draws, campaign))
    every = [one for draw in draws for one in draw.signed if one.campaign == response.LONG_DISTANCE]
    share = sum(one.reason is None for one in every) / max(1, len(every))
    say(f"12593: {share:.1%} of {len(every) / len(draws):.0f} sign-ups by the trigger\n")


if __name__ == "__main__":
    main()
