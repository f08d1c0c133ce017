"""`xinling simulate`: a scenario into a folder, or as one capture into a pipe."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console

from simulator import scenario as scenarios
from simulator.scenario import Scenario, ScenarioError, Span
from simulator.simulate import Progress, Simulated, Simulation, told

_SAY = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def run(  # noqa: PLR0913  a command's options
    name: str,
    output: str,
    *,
    people: int | None,
    days: float | None,
    seed: int | None,
    pace: float | None = None,
) -> None:
    """Plays the scenario `name` into the folder `output`, or to standard output if it is ``-``.

    `pace` is how many seconds of the scenario are written a second; None: as fast as it goes.

    Raises `ScenarioError` for what cannot be, before anything is written; and when it must stop
    on the way, with the time up to which the captures are whole.
    """
    simulation = Simulation(_changed(scenarios.load(name), people, days, seed), pace)
    last = Simulated(0, 0, 0, 0, 0, simulation.begin)
    with _progress(simulation) as show:

        def keep(done: Simulated) -> None:
            nonlocal last
            last = done
            show(done)

        try:
            if output == "-":
                simulation.piped(sys.stdout.buffer, keep)
            else:
                simulation.into(Path(output), keep)
        except BrokenPipeError:
            raise
        except (KeyboardInterrupt, OSError) as error:
            raise _stopped(error, last) from error
    _SAY.print(told(last))


def _changed(
    scenario: Scenario, people: int | None, days: float | None, seed: int | None
) -> Scenario:
    """The scenario with what the command line says otherwise, checked again."""
    changes: dict[str, object] = {"people": people, "seed": seed}
    if days is not None:
        changes["lasts"] = Span(days * 86_400)
    given = {key: value for key, value in changes.items() if value is not None}
    changed = msgspec.structs.replace(scenario, **given)
    if not 1 <= changed.people <= scenarios.MOST_PEOPLE or changed.seed < 0:
        raise ScenarioError(
            f"1 to {scenarios.MOST_PEOPLE} people and a seed from 0 on",
            remedy="change --people or --seed",
        )
    if not scenarios.LEAST_SPAN <= changed.lasts <= scenarios.MOST_SPAN:
        raise ScenarioError("a scenario lasts from 1m to 31d", remedy="change --days")
    return changed


def _stopped(error: BaseException, last: Simulated) -> ScenarioError:
    if isinstance(error, OSError):
        why, remedy = error.strerror or "cannot write", "make room, or name another folder"
    else:
        why, remedy = "interrupted", None
    return ScenarioError(f"{why}; what is written is whole: {told(last)}", remedy=remedy)


@contextlib.contextmanager
def _progress(simulation: Simulation) -> Iterator[Progress]:
    """Shows how far it is, on a terminal only."""
    if not _SAY.is_terminal or os.environ.get("TERM") == "dumb":
        yield lambda _done: None
        return
    with _SAY.status("") as status:
        span = max(1, simulation.end - simulation.begin)

        def show(done: Simulated) -> None:
            part = (done.reached - simulation.begin) / span
            status.update(f"{min(part, 1):.0%}  {told(done)}")

        yield show
