"""Names for what two ends talk over, the same for both directions."""

from __future__ import annotations

import ipaddress


def link_name(source: str, carrier: str, addresses: bytes, ports: bytes) -> str:
    """A label such as ``A_msc.pcap sctp 127.0.0.3:42055-127.0.0.5:2905``.

    Args:
        source: label of the capture.
        carrier: ``sctp`` or ``tcp``.
        addresses: source then destination, as in the packet.
        ports: source then destination, as in the packet.
    """
    half = len(addresses) // 2
    ends = sorted([(addresses[:half], ports[:2]), (addresses[half:], ports[2:])])
    return f"{source} {carrier} {_endpoint(*ends[0])}-{_endpoint(*ends[1])}"


def swapped(pair: bytes) -> bytes:
    """The two halves the other way round: the same path seen from the other end."""
    half = len(pair) // 2
    return pair[half:] + pair[:half]


def _endpoint(address: bytes, port: bytes) -> str:
    host = ipaddress.ip_address(address)
    number = int.from_bytes(port, "big")
    return f"[{host}]:{number}" if host.version == 6 else f"{host}:{number}"
