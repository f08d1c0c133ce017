"""Agreement with tshark, the oracle: frame by frame, message by message, field by field."""

from __future__ import annotations

from pathlib import Path

import conformance
import our_reading
import pytest
import tshark_oracle

PCAP = Path(__file__).parents[2] / "fixtures" / "pcap"
CAPTURES = (
    "lab-a/A_msc.pcap",
    "lab-a/A_bsc1_re_mtp2.pcap",
    "lab-b/B_msc_re_mtp3.pcap",
    "lab-b/B_bsc2_ipa.pcap",
    "lab-b/reset_ipa.pcap",
    "lab-c/C_msc_re_m3ua.pcap",
)
"""One of each carrier; ``make conformance`` reads all of them."""

pytestmark = pytest.mark.skipif(tshark_oracle.TSHARK is None, reason=tshark_oracle.HOW_TO_GET_IT)


@pytest.mark.parametrize("name", CAPTURES)
def test_every_message_of_a_capture_is_read_as_tshark_reads_it(name: str) -> None:
    ours, theirs = our_reading.read(PCAP / name), tshark_oracle.read(PCAP / name)
    outcome = conformance.compare(PCAP / name, ours, theirs)
    assert outcome.differences == []
    assert outcome.messages == len(theirs) > 0
    assert outcome.fields > 5 * outcome.messages
