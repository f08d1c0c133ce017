"""Where events happen, by the areas and cells of now, and what a call is as seen from there."""

from __future__ import annotations

from decoders.events import Event
from rules.areas import Membership, Places
from rules.number_class import LOCAL, LONG_DISTANCE, UNKNOWN, number_class
from rules.profile import Profile
from rules.settings import Settings
from rules.state import Mark

_OPEN_CLASSES = frozenset({None, UNKNOWN, LOCAL, LONG_DISTANCE})
"""Classes of which a city may say more."""


class Whereabouts:
    """Cells and marks as places, and the number class that depends on them."""

    def __init__(self, places: Places, settings: Settings) -> None:
        self.places = places
        self._settings = settings

    def placed(self, mark: Mark) -> Membership:
        """Where a mark's cell lies."""
        return self.places.at(mark.network, mark.lac, mark.ci)

    def city(self, event: Event) -> str | None:
        """The city of the event's cell by the cell table; None if it is not known."""
        membership = self.places.of(event.cell)
        return membership.city if membership else None

    def number_class(
        self, event: Event, profile: Profile | None, membership: Membership | None
    ) -> str | None:
        """The event's number class, completed from where the subscriber lives or is."""
        party = event.other_party
        if party is None or event.number_class not in _OPEN_CLASSES:
            return event.number_class
        home = (profile.home_city if profile else "") or None
        here = membership.city if membership else None
        city = (home or here) if self._settings.from_home else (here or home)
        return number_class(party.destination, city, self._settings.country)
