"""What Prometheus is told of the correlation: scores of links and areas, TMSI bindings, gaps."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

from prometheus_client import Counter as Metric
from prometheus_client import Gauge

from decoders.quality import Quality
from stream import metrics

EVERY_SECONDS: Final = 1.0
"""Prometheus asks no more often than this."""


class Counted(Protocol):
    """Something of which there are so many, and of which is counted what became."""

    @property
    def counts(self) -> Counter[str]:
        """By kind."""

    def __len__(self) -> int:
        """How many there are."""


class Correlating(Protocol):
    """`decoders.correlator.Correlator`, or compiled correlation."""

    @property
    def gaps(self) -> Mapping[str, int]:
        """Link → visible gaps."""

    @property
    def bindings(self) -> Counted:
        """TMSIs."""

    @property
    def dropped(self) -> Counter[str]:
        """Reason → events that were not told."""

    @property
    def quality(self) -> Quality:
        """How far links and areas can be trusted."""


class FeedMetrics:
    """Tells the counters of one correlator, as they grow."""

    def __init__(self, correlator: Correlating, connections: Counted) -> None:
        """Takes it, and its connections."""
        self._correlator = correlator
        self._connections = connections
        self._told: Counter[tuple[str, str]] = Counter()
        self._scored: set[tuple[str, str]] = set()
        self._last = 0.0

    def tell(self, *, now: bool = False) -> None:
        """Tells what has changed, if it is time for it or `now` asks for it."""
        moment = time.monotonic()
        if not now and moment - self._last < EVERY_SECONDS:
            return
        self._last = moment
        correlator = self._correlator
        self._grow(metrics.link_gaps, "gaps", correlator.gaps)
        self._grow(metrics.bindings_changed, "bindings", correlator.bindings.counts)
        self._grow(metrics.connections, "connections", self._connections.counts)
        self._grow(metrics.events_dropped, "dropped", correlator.dropped)
        metrics.bindings.set(len(correlator.bindings))
        metrics.open_connections.set(len(self._connections))
        self._score(correlator)

    def pass_over(self) -> None:
        """What the correlator counts now was told by the process before this one."""
        for link, count in self._correlator.gaps.items():
            self._told["gaps", link] = count

    def _grow(self, metric: Metric, kind: str, counts: Mapping[str, int]) -> None:
        for name, count in counts.items():
            grown = count - self._told[kind, name]
            if grown > 0:
                metric.labels(name).inc(grown)
            self._told[kind, name] = count

    def _score(self, correlator: Correlating) -> None:
        quality = correlator.quality
        scores = {("link", name): score for name, score in quality.links.items()}
        scores.update({("area", name): score for name, score in quality.areas.items()})
        for (scope, name), score in scores.items():
            metrics.feed_score.labels(scope, name).set(score)
        for scope, name in self._scored - set(scores):
            _forget(metrics.feed_score, scope, name)
        self._scored = set(scores)


def _forget(gauge: Gauge, scope: str, name: str) -> None:
    """A link or an area that is gone is no longer shown."""
    gauge.remove(scope, name)
