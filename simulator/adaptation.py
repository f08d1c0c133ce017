"""What stands between SCTP and MTP3 or SCCP: M3UA (RFC 4666), M2UA (RFC 3331), M2PA (RFC 4165)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulator.fields import big, little
from simulator.templates import Octets

Integers = npt.NDArray[np.int64]

_DATA = 16
"""A DATA chunk's header, RFC 4960 3.3.1."""
SERVICE = 0x83
"""Service information octet: national, SCCP."""


class Chunks(NamedTuple):
    """DATA chunks to be: columns."""

    tsn: Integers
    seen: Integers
    """TSN of the other way that was seen last."""
    link: Integers
    """Which link it is: the controller's number."""
    label: Integers
    """MTP3 routing label, Q.704 2.2: 32 bits."""
    opc: Integers
    dpc: Integers
    sls: Integers
    length: Integers
    """Octets of the SCCP message."""


class Layer(NamedTuple):
    """One adaptation layer."""

    port: int
    protocol: int
    """SCTP's payload protocol identifier."""
    width: int
    """Octets before the SCCP message, the chunk's header among them."""
    padded: bool
    """Whether the padding counts as the message's."""
    fill: Callable[[Octets, Chunks, Integers], None]
    """Fills what follows the chunk's header; the third is how long the message is."""


def _m3ua(head: Octets, chunks: Chunks, length: Integers) -> None:
    head[:, 16:20] = (1, 0, 1, 1)
    head[:, 20:24] = big(length, 4)
    head[:, 24:26] = (2, 0x10)
    head[:, 26:28] = big(16 + chunks.length, 2)
    head[:, 28:32], head[:, 32:36] = big(chunks.opc, 4), big(chunks.dpc, 4)
    head[:, 36:39] = (3, 2, 0)
    head[:, 39] = chunks.sls


def _m2ua(head: Octets, chunks: Chunks, length: Integers) -> None:
    head[:, 16:20] = (1, 0, 6, 1)
    head[:, 20:24] = big(length, 4)
    head[:, 24:28] = (0, 1, 0, 8)
    head[:, 28:32] = big(chunks.link, 4)
    head[:, 32:34] = (3, 0)
    head[:, 34:36] = big(9 + chunks.length, 2)
    head[:, 36] = SERVICE
    head[:, 37:41] = little(chunks.label, 4)


def _m2pa(head: Octets, chunks: Chunks, length: Integers) -> None:
    head[:, 16:20] = (1, 0, 11, 1)
    head[:, 20:24] = big(length, 4)
    head[:, 25:28], head[:, 29:32] = big(chunks.seen, 3), big(chunks.tsn, 3)
    head[:, 33] = SERVICE
    head[:, 34:38] = little(chunks.label, 4)


LAYERS = {
    "m3ua": Layer(2905, 3, _DATA + 24, True, _m3ua),
    "m2ua": Layer(2904, 2, _DATA + 25, True, _m2ua),
    "m2pa": Layer(3565, 5, _DATA + 22, False, _m2pa),
}


def heads(layer: Layer, chunks: Chunks) -> Octets:
    """Everything before the SCCP messages, (n, width)."""
    exact = layer.width + chunks.length
    total = padded(exact) if layer.padded else exact
    head = np.zeros((len(chunks.tsn), layer.width), np.uint8)
    head[:, 1] = 3
    head[:, 2:4] = big(total, 2)
    head[:, 4:8] = big(chunks.tsn, 4)
    head[:, 9] = 1
    head[:, 10:12] = big(chunks.tsn, 2)
    head[:, 15] = layer.protocol
    layer.fill(head, chunks, total - _DATA)
    return head


def padded(length: Integers) -> Integers:
    """Up to the next multiple of four."""
    return length + 3 & ~3
