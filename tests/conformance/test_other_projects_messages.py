"""Agreement with tshark on single messages from other projects' test suites.

Their licences forbid copying them here: they are read from the shared captures where those are, and
nothing is collected where they are not.
"""

from __future__ import annotations

from pathlib import Path

import conformance
import our_reading
import pytest
import single_messages
import tshark_oracle
from tshark_oracle import Finding

from decoders.sccp import parse

PATH = conformance.SHARED / "vectors.jsonl"
VECTORS = single_messages.vectors(PATH) if PATH.exists() else []
SCCP = [vector.data for vector in VECTORS if vector.layer == "sccp"]
OTHERS = [
    unit
    for vector in VECTORS
    if vector.layer != "sccp" and (unit := single_messages.sccp(vector.layer, vector.data))
]

pytestmark = pytest.mark.skipif(tshark_oracle.TSHARK is None, reason=tshark_oracle.HOW_TO_GET_IT)


if OTHERS:

    def test_the_messages_of_other_projects_are_read_as_tshark_reads_them(tmp_path: Path) -> None:
        capture = tmp_path / "vectors.pcap"
        capture.write_bytes(single_messages.capture(OTHERS))
        ours, theirs = our_reading.read(capture), tshark_oracle.read(capture)
        outcome = conformance.compare(capture, ours, theirs)
        assert outcome.differences == []
        assert outcome.messages > 150


if SCCP:

    def test_the_sccp_headers_of_other_projects_are_read_as_tshark_reads_them(
        tmp_path: Path,
    ) -> None:
        capture = tmp_path / "sccp.pcap"
        capture.write_bytes(single_messages.capture(SCCP))
        ours = [header(index + 1, data) for index, data in enumerate(SCCP)]
        assert ours == tshark_oracle.headers(capture)
        assert [parse(data).error for data in SCCP] == [None] * len(SCCP)


def header(frame: int, data: bytes) -> Finding:
    """Our reading of an SCCP header, as the oracle tells it."""
    parsed = parse(data)
    values: dict[str, object] = {"sccp": parsed.code}
    if parsed.slr is not None:
        values["slr"] = parsed.slr
    if parsed.dlr is not None:
        values["dlr"] = parsed.dlr
    for side in ("called", "calling"):
        party = getattr(parsed, side)
        for key, value in (("pc", party and party.point_code), ("ssn", party and party.subsystem)):
            if value is not None:
                values[f"{side} {key}"] = value
        if party and party.global_title:
            values[f"{side} digits"] = party.global_title
    return Finding(frame, "SCCP", values)
