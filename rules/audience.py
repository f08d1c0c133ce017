"""Whom a campaign is for: a CEL expression over ``profile``, ``state`` and ``event``.

What cannot be answered (a missing profile, column or key) is a no. A profile's empty columns are
absent, so that ``profile.home_city != "郑州"`` does not take in people whose home nobody knows;
``has(profile.home_city)`` asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

import cel
import msgspec

from rules.errors import CampaignError
from rules.firing import Firing
from rules.profile import Profile
from rules.zones import local

VARIABLES = frozenset({"profile", "state", "event"})


class Expression:
    """A compiled expression."""

    def __init__(self, text: str) -> None:
        """Compiles `text`; raises `CampaignError` (without file and line) if that fails."""
        try:
            self._program = cel.compile(text)
        except ValueError as error:
            reason = str(error).partition("ERROR:")[2] or str(error)
            raise CampaignError(
                f"not a CEL expression: {' '.join(reason.split())}", remedy="mend the expression"
            ) from error
        self.names = frozenset(self._program.variables())
        if not self.names & VARIABLES:
            raise CampaignError(
                "asks nothing about profile, state or event",
                remedy="leave it out to reach everybody",
            )

    def holds(self, variables: Mapping[str, object]) -> bool:
        """Whether it is true of `variables`; what cannot be evaluated is false."""
        try:
            return self._program.execute(dict(variables)) is True
        except Exception:  # noqa: BLE001  CEL raises what it likes; whatever it is means no
            return False


def seen_event(
    firing: Firing, kind: str, city: str | None, number_class: str | None, zone: tzinfo
) -> dict[str, object]:
    """What an expression sees as ``event``: the event itself, or what a timer says of one.

    `kind` is the trigger's key in the file; `zone` the operator's, for ``date``, ``hour`` and
    ``weekday`` (1 is Monday).
    """
    last = firing.evidence[-1]
    view: dict[str, object] = {"type": kind, "time": last.time}
    if firing.event is not None:
        view = msgspec.to_builtins(firing.event)
        view["number_class"] = number_class
    view["city"] = city
    when = local(last.time, zone)
    view |= {"date": str(when.date()), "hour": when.hour, "weekday": when.isoweekday()}
    return view


def seen_profile(profile: Profile) -> dict[str, object]:
    """What an expression sees as ``profile``: lists always, other columns where they are filled."""
    columns: dict[str, object] = dict(profile.extra)
    columns |= {
        name: value for name in ("home_city", "time_zone") if (value := getattr(profile, name))
    }
    columns["products"] = list(profile.products)
    columns["segments"] = list(profile.segments)
    return columns
