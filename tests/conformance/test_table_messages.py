"""Every message type of the tables, built from its row, is what tshark says it is."""

from __future__ import annotations

from pathlib import Path

import conformance
import our_reading
import pytest
import single_messages
import table_messages
import tshark_oracle


@pytest.mark.skipif(tshark_oracle.TSHARK is None, reason=tshark_oracle.HOW_TO_GET_IT)
@pytest.mark.parametrize(
    ("layer", "messages"),
    [("bssmap", table_messages.management), ("dtap", table_messages.layer3)],
    ids=["BSSMAP", "layer 3"],
)
def test_every_row_of_the_tables_is_read_as_tshark_reads_it(
    tmp_path: Path, layer: str, messages: table_messages.Messages
) -> None:
    built = [single_messages.sccp(layer, data) for data in messages()]
    capture = tmp_path / "tables.pcap"
    capture.write_bytes(single_messages.capture([unit for unit in built if unit is not None]))
    ours, theirs = our_reading.read(capture), tshark_oracle.read(capture)
    outcome = conformance.compare(capture, ours, theirs)
    assert outcome.differences == []
    assert {finding.frame for finding in ours} == set(range(1, len(built) + 1))
