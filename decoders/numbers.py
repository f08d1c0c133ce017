"""A number split by a numbering plan, before it becomes a pseudonym; the plan is data.

A plan is a CSV text of four columns, ``kind,prefix,code,name``; lines beginning with ``#`` are
remarks. `prefix` may hold several prefixes and ranges of equally long prefixes, separated by
spaces (``1380371 1390371-1390379``).

=============  ===================================================================================
kind           meaning
=============  ===================================================================================
country        ``prefix`` is the plan's own country code, ``code`` the country (ISO 3166-1 alpha-2)
international  dialled before a country code
trunk          dialled before a national number
select         carrier or service selected before the number proper
emergency      the whole number
service        the whole number; with a trailing ``*``, whatever follows
fixed          national prefix of a geographic area: ``code`` its area code, ``name`` its city
mobile         national prefix of mobile numbers: ``code`` and ``name`` of where they belong
local          lengths of numbers dialled without area code, such as ``7 8``
short          longest number that has no pseudonym
abroad         another country's code, ``code`` that country
=============  ===================================================================================
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

import msgspec

from decoders.errors import XinlingError
from decoders.events import Destination
from decoders.messages import PartyNumber

LOCAL = "local"
INTERNATIONAL = "international"
SERVICE = "service"
EMERGENCY = "emergency"
FIXED = "fixed"
MOBILE = "mobile"

TON_INTERNATIONAL = 1
TON_NATIONAL = 2
"""Types of number, TS 24.008 10.5.4.7."""

_MAX_DIGITS = 32
_MAX_RANGE = 1_000_000
_PLACES = frozenset({"fixed", "mobile"})
_RULES = frozenset({"trunk", "international", "select"})
_KINDS = _PLACES | _RULES | {"country", "emergency", "service", "local", "short", "abroad"}


class Split(msgspec.Struct, frozen=True):
    """What a plan makes of a number."""

    destination: Destination
    canonical: str | None = None
    """The one form in which equal numbers are equal; None for what has no pseudonym."""
    selected: str | None = None
    """Carrier or service prefix that was dialled before it."""
    number_class: str | None = None
    """Only where no city is needed to tell it."""


class PrefixTable:
    """Longest prefix → destination."""

    def __init__(self) -> None:
        self._entries: dict[str, Destination] = {}
        self._lengths: tuple[int, ...] = ()

    def add(self, prefixes: list[str], destination: Destination) -> None:
        """A later entry for the same prefix takes the place of the earlier one."""
        self._entries.update(dict.fromkeys(prefixes, destination))
        self._lengths = tuple(sorted({*self._lengths, *map(len, prefixes)}, reverse=True))

    def find(self, digits: str) -> Destination | None:
        """The destination of the longest prefix of `digits`, or None."""
        for length in self._lengths:
            found = self._entries.get(digits[:length])
            if found is not None:
                return found
        return None


class NumberingPlan:
    """A country's plan; `split` is a handful of dictionary look-ups."""

    def __init__(self) -> None:
        self.country_code = ""
        self.country: str | None = None
        self._prefixes: dict[str, tuple[str, ...]] = dict.fromkeys(_RULES, ())
        self._emergency: set[str] = set()
        self._service: set[str] = set()
        self._services: tuple[str, ...] = ()
        self._local: frozenset[int] = frozenset()
        self._short = 0
        self._national = PrefixTable()
        self._abroad = PrefixTable()

    @classmethod
    def load(cls, text: str, file: str) -> NumberingPlan:
        """Read a plan; raises XinlingError naming `file`, the line, the column and the remedy."""
        plan = cls()
        for line, row in _rows(text, file):
            try:
                plan._add(*row)
            except ValueError as wrong:
                raise XinlingError(
                    str(wrong),
                    file=file,
                    line=line,
                    key=row[0],
                    remedy="a line is kind,prefix,code,name; see decoders/numbers.py",
                ) from None
        if not plan.country_code:
            raise XinlingError(
                "the plan has no line of kind country",
                file=file,
                key="country",
                remedy="add one, such as: country,86,CN,",
            )
        return plan

    def split(self, number: PartyNumber) -> Split:
        """What `number` is; never fails, whatever the digits."""
        digits = number.digits[:_MAX_DIGITS]
        if number.ton == TON_INTERNATIONAL:
            return self._from_abroad(digits, None)
        known = self._service_number(digits)
        if known is not None:
            return known
        selected, digits = self._take_selected(digits)
        prefix = _first(self._prefixes["international"], digits)
        if prefix is not None and number.ton != TON_NATIONAL:
            return self._from_abroad(digits[len(prefix) :], selected)
        known = self._service_number(digits)
        if known is not None:
            return msgspec.structs.replace(known, selected=selected)
        return self._national_number(digits, selected, with_area=number.ton == TON_NATIONAL)

    def _service_number(self, digits: str) -> Split | None:
        if digits in self._emergency:
            return Split(Destination(kind=EMERGENCY, country=self.country), number_class=EMERGENCY)
        if digits in self._service or _first(self._services, digits) is not None:
            return Split(Destination(kind=SERVICE, country=self.country), number_class=SERVICE)
        return None

    def _take_selected(self, digits: str) -> tuple[str | None, str]:
        selected = _first(self._prefixes["select"], digits)
        return (selected, digits[len(selected) :]) if selected else (None, digits)

    def _from_abroad(self, digits: str, selected: str | None) -> Split:
        """A number with its country code."""
        if digits.startswith(self.country_code):
            national = digits[len(self.country_code) :]
            return self._national_number(national, selected, with_area=True)
        destination = self._abroad.find(digits) or Destination()
        return Split(destination, digits or None, selected, INTERNATIONAL)

    def _national_number(self, digits: str, selected: str | None, *, with_area: bool) -> Split:
        """A number of this country; `with_area` where it begins with its area code for certain."""
        trunk = _first(self._prefixes["trunk"], digits)
        national = digits[len(trunk) :] if trunk else digits
        found = self._national.find(national)
        if found is not None and (trunk or with_area or found.kind == MOBILE):
            return Split(found, self.country_code + national, selected)
        if trunk or with_area:
            return Split(Destination(country=self.country), self.country_code + national, selected)
        return self._subscriber_number(digits, selected)

    def _subscriber_number(self, digits: str, selected: str | None) -> Split:
        """Dialled as it stands: a neighbour's, one with a bare country code, or a short one."""
        if len(digits) in self._local:
            return Split(Destination(FIXED, self.country), digits, selected, LOCAL)
        if digits.startswith(self.country_code):
            found = self._national.find(digits[len(self.country_code) :])
            if found is not None and len(digits) > self._short:
                return Split(found, digits, selected)
        return Split(Destination(), digits if len(digits) > self._short else None, selected)

    def _add(self, kind: str, prefix: str, code: str, name: str) -> None:
        prefixes = prefix.split()
        if kind not in _KINDS or not prefixes:
            raise ValueError(f"unknown kind {kind!r}" if prefixes else "no prefix")
        if kind in _PLACES:
            where = Destination(kind, self.country, code or None, name or None)
            self._national.add(_expanded(prefixes), where)
        elif kind == "abroad":
            self._abroad.add(_expanded(prefixes), Destination("unknown", code or None))
        else:
            self._add_rule(kind, prefixes, code)

    def _add_rule(self, kind: str, prefixes: list[str], code: str) -> None:
        if kind == "service":
            self._service |= {one for one in prefixes if not one.endswith("*")}
            stars = [one[:-1] for one in prefixes if one.endswith("*")]
            self._services = _longest_first((*self._services, *stars))
        elif kind == "emergency":
            self._emergency |= set(prefixes)
        elif kind == "country":
            self.country_code, self.country = prefixes[0], code or None
        elif kind == "local":
            self._local |= {int(one) for one in prefixes}
        elif kind == "short":
            self._short = int(prefixes[0])
        else:
            self._prefixes[kind] = _longest_first((*self._prefixes[kind], *prefixes))


def _rows(text: str, file: str) -> Iterator[tuple[int, tuple[str, str, str, str]]]:
    """(line, columns) of each line that is no remark, no heading and not empty."""
    lines = csv.reader(StringIO(text))
    for row in lines:
        if not row or row[0].startswith("#") or row[0] == "kind":
            continue
        if len(row) > 4:
            raise XinlingError(
                f"{len(row)} columns instead of 4",
                file=file,
                line=lines.line_num,
                remedy="a line is kind,prefix,code,name",
            )
        padded = [column.strip() for column in [*row, "", "", ""][:4]]
        yield lines.line_num, (padded[0], padded[1], padded[2], padded[3])


def _expanded(prefixes: list[str]) -> list[str]:
    """All prefixes, those of ranges one by one; raises ValueError for what is neither."""
    found = []
    for one in prefixes:
        if _digits(one):
            found.append(one)
        else:
            found += _range(one)
    return found


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _range(one: str) -> Iterator[str]:
    first, _, last = one.partition("-")
    if not (_digits(first) and _digits(last) and len(first) == len(last)):
        raise ValueError(f"{one!r} is neither digits nor a range of equally long prefixes")
    if not 0 <= int(last) - int(first) < _MAX_RANGE:
        raise ValueError(f"the range {one!r} is empty or too long")
    values = map(str, range(int(first), int(last) + 1))
    return (value.zfill(len(first)) for value in values) if first.startswith("0") else values


def _first(prefixes: tuple[str, ...], digits: str) -> str | None:
    """The longest of `prefixes` that `digits` begins with, if more digits follow."""
    for prefix in prefixes:
        if digits.startswith(prefix) and len(digits) > len(prefix):
            return prefix
    return None


def _longest_first(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(prefixes), key=lambda prefix: (-len(prefix), prefix)))
