"""Local or long distance: what a call to a number is, seen from a city.

`decoders.numbers` says where a number belongs; only here is it compared with where the subscriber
belongs, since only here are profiles and cell tables known.
"""

from __future__ import annotations

from decoders.events import Destination

LOCAL = "local"
LONG_DISTANCE = "long distance"
INTERNATIONAL = "international"
SERVICE = "service"
EMERGENCY = "emergency"
UNKNOWN = "unknown"

CLASSES = (LOCAL, LONG_DISTANCE, INTERNATIONAL, SERVICE, EMERGENCY, UNKNOWN)


def number_class(destination: Destination, city: str | None, country: str | None = None) -> str:
    """The class of a call to `destination` by someone of `city`.

    Args:
        destination: where the dialled number belongs, from the numbering plan.
        city: the subscriber's home or present city, by configuration; None or empty if unknown.
        country: ISO 3166-1 alpha-2 of the operator, to tell international destinations; None if
            the numbering plan alone says so.

    Returns:
        One of `CLASSES`; ``unknown`` where plan or city do not say enough.
    """
    if destination.kind in {SERVICE, EMERGENCY}:
        return destination.kind
    if country and destination.country and destination.country != country:
        return INTERNATIONAL
    if not city or not destination.city:
        return UNKNOWN
    return LOCAL if destination.city == city else LONG_DISTANCE
