"""Prometheus is told of links, areas and bindings, and of none that is gone."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import REGISTRY

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from stream.feed_metrics import FeedMetrics
from stream.sources import merged


def value(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(metric, labels) or 0.0


def test_scores_and_counters_grow_with_what_passes(pcap: Path) -> None:
    correlator = Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), None)
    told = FeedMetrics(correlator, correlator.connections)
    decoder = Decoder(DecoderConfig())
    bound = value("xinling_bindings_changed_total", change="bound")
    errors: list[Exception] = []
    for record in merged([str(pcap / "lab-a" / "A_msc.pcap")], errors.append):
        for message in decoder.feed(record):
            correlator.feed(message)
        told.tell()
    told.tell(now=True)
    assert errors == []
    for area in correlator.quality.areas:
        assert value("xinling_feed_score", scope="area", name=area) == 100
    grown = value("xinling_bindings_changed_total", change="bound") - bound
    assert grown == correlator.bindings.counts["bound"] > 0
    assert value("xinling_bindings") == len(correlator.bindings)
    told.tell(now=True)
    assert value("xinling_bindings_changed_total", change="bound") - bound == grown


def test_a_link_that_is_gone_is_shown_no_more() -> None:
    correlator = Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), None)
    told = FeedMetrics(correlator, correlator.connections)
    correlator.quality.heard("a link of yesterday", missing=0)
    told.tell(now=True)
    assert value("xinling_feed_score", scope="link", name="a link of yesterday") == 100
    correlator.advance(0)
    correlator.advance(2 * 24 * 3600 * 1_000_000)
    told.tell(now=True)
    gone = {"scope": "link", "name": "a link of yesterday"}
    assert REGISTRY.get_sample_value("xinling_feed_score", gone) is None
