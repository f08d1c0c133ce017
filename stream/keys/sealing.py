"""Bytes that only the privacy key opens, each bound to the place in Redis where it lies (P6)."""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE: Final = 12
_SHORTEST: Final = _NONCE + 16


class Seal:
    """AES-256-GCM under a key that HKDF derives from the privacy key for one purpose alone."""

    def __init__(self, privacy_key: bytes, purpose: bytes) -> None:
        derived = HKDF(SHA256(), length=32, salt=None, info=purpose)
        self._cipher = AESGCM(derived.derive(privacy_key))

    def seal(self, place: str, data: bytes) -> bytes:
        """`data` for `place`."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, place.encode())

    def open(self, place: str, sealed: bytes | str | None) -> bytes:
        """What was sealed; raises InvalidTag where that was not for this place under this key."""
        if not isinstance(sealed, bytes) or len(sealed) < _SHORTEST:
            raise InvalidTag
        return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
