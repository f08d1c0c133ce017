"""deploy/grafana: the dashboard is what its table of panels makes, and shows all that counts."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import make_dashboard
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from stream import metrics

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "deploy" / "grafana"
SUFFIXES = ("_total", "_bucket", "_sum", "_count")


DASHBOARD: dict[str, Any] = make_dashboard.dashboard()
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]


def counted() -> set[str]:
    """The metrics that the service counts, without the suffixes of their kinds."""
    found = (value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase))
    return {next(iter(metric.describe())).name for metric in found}


def asked(query: str) -> set[str]:
    """The metrics that a query asks for."""
    names: set[str] = set(re.findall(r"\bxinling_\w+", query))
    for suffix in SUFFIXES:
        names = {name.removesuffix(suffix) for name in names}
    return names


def test_the_checked_in_file_is_what_the_table_makes() -> None:
    text = (GRAFANA / "dashboards" / "xinling.json").read_text(encoding="utf-8")
    assert text == make_dashboard.text(), "run: python deploy/grafana/make_dashboard.py"


def test_all_that_is_counted_is_shown() -> None:
    shown = set().union(*(asked(query) for query in QUERIES))
    assert counted() <= shown


def test_nothing_is_asked_that_nobody_counts() -> None:
    rules = (ROOT / "deploy/prometheus/xinling.rules.yml").read_text(encoding="utf-8")
    expressions = [
        rule["expr"] for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]
    ]
    for query in [*QUERIES, *expressions]:
        assert asked(query) <= counted(), query


def test_nothing_is_told_apart_by_a_label_that_nobody_sets() -> None:
    labels = {
        label
        for value in vars(metrics).values()
        if isinstance(value, MetricWrapperBase)
        for label in value._labelnames
    }
    for query in QUERIES:
        used = ",".join(re.findall(r"\bby \(([^)]*)\)", query)).replace(" ", "")
        assert set(used.split(",")) - {""} <= labels | {"le"}, query


def test_p6_no_metric_has_a_label_for_an_identity() -> None:
    allowed = {
        *("source", "protocol", "reason", "type", "identity", "partition"),
        *("campaign", "verdict", "outcome", "dependency", "queue"),
        *("link", "scope", "name", "change"),  # links and location areas
    }
    for value in vars(metrics).values():
        if isinstance(value, MetricWrapperBase):
            assert set(value._labelnames) <= allowed


def test_no_panel_lies_on_another() -> None:
    for one, other in combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_every_panel_has_a_title_of_its_own_and_an_id() -> None:
    titles = [panel["title"] for panel in DASHBOARD["panels"]]
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(titles)) == len(titles)
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_the_panel_asks_the_data_source_that_is_provisioned(panel: dict[str, Any]) -> None:
    folder = GRAFANA / "provisioning" / "datasources"
    source = yaml.safe_load((folder / "prometheus.yml").read_text(encoding="utf-8"))
    provisioned = source["datasources"][0]["uid"]
    assert panel["datasource"]["uid"] == provisioned
    assert all(target["datasource"]["uid"] == provisioned for target in panel["targets"])
