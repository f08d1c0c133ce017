"""Control groups and variants, drawn by a keyed hash: one person, one arm, in every replay.

The key is the operator's salt, not the privacy key, so that arms survive a change of the latter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from rules.campaign import Variant

_LEAST = 2.0**-64
"""A power of two, so that no bit is lost."""


def draw(salt: bytes, kind: str, scope: str, person: str) -> float:
    """A number in [0, 1), uniform over persons.

    Args:
        salt: the operator's secret, any length.
        kind: what is drawn, so that arms of different kinds do not depend on each other.
        scope: the campaign's own salt; empty for what holds over campaigns.
        person: the subscriber's pseudonym, or the seed of their profile.
    """
    hasher = _begun(salt, kind, scope).copy()
    hasher.update(person.encode())
    return int.from_bytes(hasher.digest(), "big") * _LEAST


@lru_cache(maxsize=4096)
def _begun(salt: bytes, kind: str, scope: str) -> blake2b:
    """The hash of all that stands before the person."""
    before = f"{kind}\0{scope}\0".encode()
    return blake2b(before, key=_key(salt), digest_size=8, person=b"draw")


@lru_cache(maxsize=8)
def _key(salt: bytes) -> bytes:
    return blake2b(salt, digest_size=32).digest()


def variant(variants: Sequence[Variant], drawn: float) -> Variant:
    """The variant in whose share of [0, 1) `drawn` lies; `variants` is not empty."""
    reached = 0.0
    for candidate in variants:
        reached += candidate.share
        if drawn < reached:
            return candidate
    return variants[-1]
