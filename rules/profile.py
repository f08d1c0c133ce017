"""What the operator knows of a subscriber: home, products, consent. Missing means no (P3)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rules import consent
from rules.consent import Terms
from rules.errors import StateError

VERSION = 2
_READABLE = frozenset({1, VERSION})
"""Version 1 knew no terms of consent."""
EVERYTHING = "*"
"""In `Profile.consent`: consent to every channel and purpose."""

_NO = frozenset({"", "no", "false", "0", "n", "none", "否", "无"})
_YES = frozenset({"yes", "true", "1", "y", "all", "是", "*"})
_COLUMNS = frozenset(
    {"imsi", "msisdn", "home_city", "products", "segments", "consent", "opted_out", "time_zone"}
    | {"seed"}
    | consent.COLUMNS
)


class Profile(msgspec.Struct, frozen=True, array_like=True):
    """One subscriber's profile; replaced as a whole."""

    home_city: str = ""
    products: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    consent: tuple[str, ...] = ()
    """Channels and purposes consented to; `EVERYTHING` for all; empty for none."""
    opted_out: bool = False
    time_zone: str = ""
    """IANA name; empty if unknown."""
    seed: str = ""
    """What control groups and variants are drawn by in place of the pseudonym, so that a change of
    the privacy key does not move anybody to another arm."""
    extra: dict[str, str] = {}
    """Further columns, which CEL sees as ``profile.NAME``."""
    terms: Terms | None = None
    """What limits the consent besides its kinds."""

    def consents(self, *wanted: str) -> bool:
        """Whether consent covers any of the `wanted` channels or purposes."""
        given = self.consent
        if EVERYTHING in given:
            return True
        for name in wanted:  # noqa: SIM110  asked of every offer; a generator costs three times it
            if name in given:
                return True
        return False


def opted_out(profile: Profile | None) -> Profile:
    """`profile` after its subscriber said no; also for one nobody knew."""
    return msgspec.structs.replace(profile or Profile(), opted_out=True)


def after(before: Profile, loaded: Profile | None) -> Profile:
    """What `loaded` makes of `before`: a no stays a no, and a seed stays where none is given.

    A change of the privacy key gives seeds; who loads profiles need not know of them.
    """
    profile = loaded or Profile()
    return msgspec.structs.replace(
        profile,
        opted_out=before.opted_out or profile.opted_out,
        seed=profile.seed or before.seed,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(";") if (name := part.strip()))


def _consent(text: str) -> tuple[str, ...]:
    word = text.strip().lower()
    if word in _NO:
        return ()
    return (EVERYTHING,) if word in _YES else _names(word)


def from_row(row: Mapping[str, str]) -> tuple[str, str, Profile]:
    """IMSI, MSISDN and profile of a row of a profiles file (columns as in the contracts).

    ``products``, ``segments`` and ``consent`` are ``;``-separated. An ``opted_out`` that is not
    plainly a no counts as a yes. Raises ValueError for a row whose IMSI is no IMSI, or whose terms
    of consent cannot be understood.
    """
    imsi = (row.get("imsi") or "").strip()
    if not (imsi.isascii() and imsi.isdigit() and 6 <= len(imsi) <= 15):
        raise ValueError("the imsi column holds no IMSI of 6 to 15 digits")
    profile = Profile(
        home_city=(row.get("home_city") or "").strip(),
        products=_names(row.get("products") or ""),
        segments=_names(row.get("segments") or ""),
        consent=_consent(row.get("consent") or ""),
        opted_out=(row.get("opted_out") or "").strip().lower() not in _NO,
        time_zone=(row.get("time_zone") or "").strip(),
        seed=(row.get("seed") or "").strip(),
        extra={
            name: value.strip()
            for name, value in row.items()
            if name and name not in _COLUMNS and value and value.strip()
        },
        terms=consent.from_row(row),
    )
    return imsi, (row.get("msisdn") or "").strip(), profile


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, Profile])


def encode(profile: Profile) -> bytes:
    """MessagePack of a profile with the version of its layout."""
    return _encoder.encode((VERSION, profile))


def decode(data: bytes) -> Profile:
    """The profile in `data`; raises `StateError` for another version or damaged bytes."""
    try:
        version, profile = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateError(f"not a profile of version {VERSION}: damaged or foreign") from error
    if version not in _READABLE:
        raise StateError(f"a profile of version {version}, and this version reads {VERSION}")
    return profile
