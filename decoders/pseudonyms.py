"""Keyed pseudonyms: how an identity leaves `decoders` (promise P6).

Each kind of identity has a domain of its own (BLAKE2b's personalisation, RFC 7693 2.8), so that the
same digits as an IMSI and as a dialled number give pseudonyms that cannot be tied together. The
version of the key stands in front, so that pseudonyms of two keys are told apart at sight.
"""

from __future__ import annotations

from hashlib import blake2b

from decoders.errors import XinlingError
from decoders.messages import Lai

TEST_KEY = b"xinling public test key: protects nobody"
"""For tests, the demonstration, `decode` and `replay` only; they say so when they use it."""

MIN_KEY = 16
MAX_KEY = 64
_DIGEST = 12


class Pseudonyms:
    """Makes pseudonyms under one key; equal input under an equal key gives an equal pseudonym."""

    def __init__(self, key: bytes, version: int = 1) -> None:
        """Takes a secret of 16 to 64 bytes and its version; raises XinlingError on another size."""
        if not MIN_KEY <= len(key) <= MAX_KEY:
            raise XinlingError(
                f"a pseudonym key has {MIN_KEY} to {MAX_KEY} bytes, this one has {len(key)}",
                key="privacy.key",
                remedy="make one, for example with: openssl rand -hex 32",
            )
        self.version = version
        self._key = key

    @property
    def secret(self) -> bytes:
        """The key, for who makes the same pseudonyms in columns (`kernel.event_kernel`)."""
        return self._key

    def subscriber(self, imsi: str) -> str:
        """Of an IMSI (digits): the key of everything that is kept about a person."""
        return self._named(b"imsi", imsi.encode())

    def temporary(self, tmsi: str, area: Lai | None) -> str:
        """Of a TMSI (eight hexadecimal digits) within its location area, while no IMSI is known."""
        place = f"{area.mcc}-{area.mnc}-{area.lac}" if area else ""
        return self._named(b"tmsi", f"{place}/{tmsi}".encode())

    def equipment(self, imei: str) -> str:
        """Of an IMEI or IMEISV (digits): an emergency call without a SIM shows nothing else."""
        return self._named(b"imei", imei.encode())

    def number(self, digits: str) -> str:
        """Of another party's number in its one canonical form (see `numbers`)."""
        return self._named(b"number", digits.encode())

    def content(self, *parts: bytes) -> str:
        """Id of an event, dialogue or call: 32 hexadecimal digits, keyed since messages bear IMSIs.

        The parts are joined with their lengths, so that no two lists give the same bytes.
        """
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return blake2b(framed, digest_size=16, key=self._key, person=b"content").hexdigest()

    def _named(self, domain: bytes, value: bytes) -> str:
        digest = blake2b(value, digest_size=_DIGEST, key=self._key, person=domain)
        return f"{self.version}-{digest.hexdigest()}"
