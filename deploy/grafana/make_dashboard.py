"""Writes Grafana's dashboard from the table of panels below: ``python make_dashboard.py``.

The JSON beside this file is checked in, for Grafana mounts it; a test holds the two together
(`tests/deploy/test_dashboard.py`), and another runs every query against a Prometheus that has
scraped a real run. One row of the dashboard for each room of the house, as the data flows.
"""  # noqa: INP001  a script, no package

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

DASHBOARD = Path(__file__).parent / "dashboards" / "xinling.json"
COLUMNS = 24
"""Width of Grafana's grid."""
WINDOW = "$__rate_interval"
"""Grafana's own variable: four scrapes or one pixel, whichever is longer."""
_SOURCE = {"type": "prometheus", "uid": "prometheus"}


class Query(NamedTuple):
    """One PromQL expression and what its lines are called."""

    expr: str
    legend: str


class Panel(NamedTuple):
    """One panel: its title, Grafana's unit, its queries."""

    title: str
    unit: str
    queries: tuple[Query, ...]
    width: int = 8
    kind: str = "timeseries"
    description: str = ""


class Row(NamedTuple):
    """A room of the house and its panels."""

    title: str
    panels: tuple[Panel, ...]


def rate(metric: str, by: str) -> Query:
    """Things a second of a counter, one line for each value of the label `by`."""
    return Query(f"sum by ({by}) (rate({metric}_total[{WINDOW}]))", f"{{{{{by}}}}}")


def rate_or_zero(metric: str, by: str) -> Query:
    """As `rate`, for a counter of failures: no series yet means none, and is drawn as 0."""
    shown = rate(metric, by)
    return Query(f"{shown.expr} or on() vector(0)", shown.legend)


def quantiles(metric: str) -> tuple[Query, ...]:
    """The median, the slowest 1 in 100 and 1 in 1,000 of a histogram."""
    buckets = f"sum by (le) (rate({metric}_bucket[{WINDOW}]))"
    return tuple(
        Query(f"histogram_quantile({quantile}, {buckets})", name)
        for quantile, name in (("0.5", "p50"), ("0.99", "p99"), ("0.999", "p999"))
    )


def stat(title: str, unit: str, expr: str, description: str = "") -> Panel:
    """One number."""
    return Panel(title, unit, (Query(expr, title),), 4, "stat", description)


ROWS = (
    Row(
        "At a glance",
        (
            stat("Messages a second", "ops", f"sum(rate(xinling_messages_total[{WINDOW}]))"),
            stat("Events a second", "ops", f"sum(rate(xinling_events_total[{WINDOW}]))"),
            stat(
                "Offers submitted",
                "short",
                'sum(xinling_outcomes_total{outcome="submitted"})',
                "Since the processes started.",
            ),
            stat(
                "Offers unknown",
                "short",
                'sum(xinling_outcomes_total{outcome="unknown"}) or vector(0)',
                "Submitted without an answer; never sent again.",
            ),
            stat(
                "Slowest partition",
                "s",
                "max(xinling_ingest_clock_seconds)"
                " - min(max by (partition) (xinling_partition_clock_seconds))",
                "How far the slowest partition's clock is behind ingest's, in capture time.",
            ),
            stat(
                "Dependencies down",
                "short",
                "count(min by (dependency) (xinling_dependency_up) == 0) or vector(0)",
            ),
        ),
    ),
    Row(
        "Ingest: captures in, events out",
        (
            Panel("Capture records", "ops", (rate("xinling_frames", "source"),)),
            Panel("Messages by protocol", "ops", (rate("xinling_messages", "protocol"),)),
            Panel("Undecoded by reason", "ops", (rate_or_zero("xinling_undecoded", "reason"),)),
            Panel("Events by type", "ops", (rate("xinling_events", "type"),)),
            Panel(
                "Whose events they are",
                "percentunit",
                (
                    Query(
                        f"sum by (identity) (rate(xinling_events_total[{WINDOW}]))"
                        f" / scalar(sum(rate(xinling_events_total[{WINDOW}])))",
                        "{{identity}}",
                    ),
                ),
                description="imsi: seen in the dialogue. learned: from a TMSI. unknown: nobody's.",
            ),
            Panel(
                "Capture clock",
                "dateTimeAsIso",
                (Query("max by (source) (xinling_ingest_clock_seconds) * 1000", "{{source}}"),),
            ),
            Panel(
                "Batches",
                "ops",
                (Query(f"sum(rate(xinling_batches_total[{WINDOW}]))", "batches"),),
            ),
            Panel("Items in a batch", "short", quantiles("xinling_batch_items")),
            Panel(
                "Keeping up with live feeds",
                "percentunit",
                (
                    Query(
                        f"sum(rate(xinling_ingest_blocked_seconds_total[{WINDOW}])) or vector(0)",
                        "time that sources waited",
                    ),
                    Query("max(xinling_ingest_waiting) / 4096", "buffer used"),
                ),
                description="A folder or a file waits, and is read later. What a tcp:// source does"
                " not get rid of, its sender may drop.",
            ),
            Panel(
                "Behind wall time",
                "s",
                (Query("max(xinling_ingest_behind_seconds)", "latest record"),),
                description="Of live feeds; captures of the past are behind by their age.",
            ),
            Panel(
                "Trust in the feed",
                "short",
                (Query("min by (scope) (xinling_feed_score)", "worst {{scope}}"),),
                description="100: all is well. 0: silent. By gaps, silence, procedures without an"
                " answer, unknown subscribers.",
            ),
            Panel("Gaps by link", "ops", (rate_or_zero("xinling_link_gaps", "link"),)),
            Panel(
                "TMSIs known",
                "short",
                (Query("sum(xinling_bindings)", "bindings"),),
            ),
            Panel("Bindings changed", "ops", (rate("xinling_bindings_changed", "change"),)),
            Panel(
                "Connections followed",
                "short",
                (Query("sum(xinling_open_connections)", "SCCP connections"),),
            ),
            Panel(
                "Left aside of connections",
                "ops",
                (
                    rate_or_zero("xinling_connection_messages", "reason"),
                    rate_or_zero("xinling_events_dropped", "reason"),
                ),
                description="mirrored, repeated: seen before. late: its connection is over."
                " evicted: connections forgotten for lack of room. no identity: an event's"
                " subscriber was never shown.",
            ),
        ),
    ),
    Row(
        "Subscribers: events in, verdicts out",
        (
            Panel("Batches by partition", "ops", (rate("xinling_handled_batches", "partition"),)),
            Panel(
                "Events through the rules",
                "ops",
                (
                    Query(f"sum(rate(xinling_handled_events_total[{WINDOW}]))", "new"),
                    Query(f"sum(rate(xinling_repeated_events_total[{WINDOW}]))", "seen before"),
                    Query(f"sum(rate(xinling_late_events_total[{WINDOW}]))", "late"),
                ),
                description="What is seen before is passed over: a batch that came twice. What is"
                " late counts all the same: another feed's clock was not waited for.",
            ),
            Panel("Batch to commit", "s", quantiles("xinling_step_seconds")),
            Panel("Verdicts", "ops", (rate("xinling_verdicts", "verdict"),)),
            Panel(
                "Why not sent",
                "ops",
                (
                    Query(
                        "sum by (campaign, reason) (rate(xinling_verdicts_total"
                        f'{{verdict=~"refuse|hold"}}[{WINDOW}])) or on() vector(0)',
                        "{{campaign}}: {{reason}}",
                    ),
                ),
            ),
            Panel(
                "Timers, conflicts",
                "ops",
                (
                    Query(f"sum(rate(xinling_timers_fired_total[{WINDOW}]))", "timers fired"),
                    Query(
                        f"sum(rate(xinling_commit_conflicts_total[{WINDOW}]))", "commits refused"
                    ),
                ),
                description="A refused commit is a worker that had lost its partition.",
            ),
            Panel(
                "Feeds passed over",
                "short",
                (Query("sum(increase(xinling_feeds_passed_over_total[1h]))", "in an hour"),),
                description="An ingest that was silent while others went on: the log's clock waits"
                " for it no more.",
            ),
            Panel(
                "Shared budgets",
                "ops",
                (
                    Query(
                        "sum by (campaign, outcome)"
                        f" (rate(xinling_budget_decided_total[{WINDOW}])) or on() vector(0)",
                        "{{campaign}}: {{outcome}}",
                    ),
                ),
            ),
            Panel(
                "Waiting for shared budgets",
                "short",
                (
                    Query("max(xinling_budget_waiting)", "offers"),
                    Query(
                        "sum(increase(xinling_budget_unsettled_total[1h]))",
                        "minutes not settled in time, in an hour",
                    ),
                ),
                description="Offers wait until every partition has passed their second.",
            ),
            Panel(
                "Partitions behind ingest",
                "s",
                (
                    Query(
                        "scalar(max(xinling_ingest_clock_seconds))"
                        " - max by (partition) (xinling_partition_clock_seconds)",
                        "{{partition}}",
                    ),
                ),
            ),
            Panel(
                "Records not committed yet",
                "short",
                (Query("max by (partition) (xinling_partition_lag)", "{{partition}}"),),
            ),
            Panel(
                "In bounded queues",
                "short",
                (Query("max by (queue) (xinling_queue_waiting)", "{{queue}}"),),
                description="To the log: batches of ingest, 32 a partition at most. Partitions:"
                " records in lanes, four each. Offers: in hand at delivery, a window at most.",
            ),
            Panel("Set aside by reason", "ops", (rate_or_zero("xinling_dead_letters", "reason"),)),
        ),
    ),
    Row(
        "Delivery: offers in, submits out",
        (
            Panel(
                "Outbox",
                "short",
                (Query("max by (partition) (xinling_outbox_pending)", "{{partition}}"),),
                description="Verdicts committed and not yet published.",
            ),
            Panel("Outcomes", "ops", (rate("xinling_outcomes", "outcome"),)),
            Panel(
                "Outcomes by campaign",
                "short",
                (
                    Query(
                        "sum by (campaign, outcome) (xinling_outcomes_total)",
                        "{{campaign}}: {{outcome}}",
                    ),
                ),
            ),
            Panel(
                "Offers not dealt with",
                "short",
                (Query("max by (partition) (xinling_offers_lag)", "{{partition}}"),),
                description="Records of the topic offers that delivery has not finished.",
            ),
            Panel(
                "Replies",
                "ops",
                (rate("xinling_replies", "type"),),
                description="What subscribers wrote back, by what it came to; no text is kept.",
            ),
            Panel(
                "Outcomes onto the log",
                "ops",
                (rate("xinling_outcomes_carried", "outcome"),),
                description="Those that end a campaign's waves.",
            ),
            Panel(
                "Test numbers not reached",
                "short",
                (Query("max by (campaign) (xinling_seeds_failed)", "{{campaign}}"),),
                description="1 where a text did not reach every number of the seed list.",
            ),
            Panel("Submit to the SMSC's answer", "s", quantiles("xinling_submit_seconds"), 12),
            Panel(
                "Frame to the SMSC's answer",
                "s",
                quantiles("xinling_frame_to_submit_seconds"),
                12,
                description="From reading the frame that completed a trigger.",
            ),
        ),
    ),
    Row(
        "What the service stands on",
        (
            Panel(
                "Answering",
                "short",
                (Query("min by (dependency) (xinling_dependency_up)", "{{dependency}}"),),
                6,
                description="1 where it answers.",
            ),
            Panel("Tries again", "ops", (rate_or_zero("xinling_retries", "dependency"),), 6),
            Panel(
                "Not as it should be",
                "short",
                (
                    Query("max(xinling_rules_refused)", "campaign files cannot be used"),
                    Query("max(xinling_redis_forgets)", "Redis may forget its last second"),
                ),
                6,
                description="1 while it is so.",
            ),
            Panel(
                "Rules published",
                "short",
                (Query(f"sum(increase(xinling_rules_published_total[{WINDOW}]))", "changes"),),
                6,
                description="Campaigns changed, stopped or resumed.",
            ),
        ),
    ),
)


def _target(index: int, query: Query) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + index),
        "datasource": _SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
    }


def _panel(number: int, panel: Panel, column: int, top: int) -> dict[str, Any]:
    height = 4 if panel.kind == "stat" else 8
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": {"x": column, "y": top, "w": panel.width, "h": height},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [_target(index, query) for index, query in enumerate(panel.queries)],
    }


def _header(number: int, row: Row, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
    return {"id": number, "type": "row", "title": row.title, "gridPos": place, "panels": []}


def panels() -> list[dict[str, Any]]:
    """Every row's header and panels, laid out left to right and top to bottom."""
    laid: list[dict[str, Any]] = []
    top = 0
    for row in ROWS:
        laid.append(_header(len(laid) + 1, row, top))
        top, column, height = top + 1, 0, 0
        for panel in row.panels:
            if column + panel.width > COLUMNS:
                top, column = top + height, 0
            laid.append(_panel(len(laid) + 1, panel, column, top))
            column, height = column + panel.width, laid[-1]["gridPos"]["h"]
        top += height
    return laid


def dashboard() -> dict[str, Any]:
    """The dashboard in Grafana's JSON model."""
    return {
        "uid": "xinling",
        "title": "Xinling",
        "description": "Made by deploy/grafana/make_dashboard.py; change it there.",
        "tags": ["xinling"],
        "timezone": "browser",
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": panels(),
    }


def text() -> str:
    """The file's text."""
    return json.dumps(dashboard(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    DASHBOARD.write_text(text(), encoding="utf-8")
    sys.stderr.write(f"wrote {DASHBOARD}\n")
