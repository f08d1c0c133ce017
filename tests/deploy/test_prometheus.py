"""deploy/prometheus: configuration and alerts, read by Prometheus' own tool."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
RULES = yaml.safe_load((FOLDER / "xinling.rules.yml").read_text(encoding="utf-8"))["groups"]
TESTS = yaml.safe_load((FOLDER / "xinling.rules.test.yml").read_text(encoding="utf-8"))["tests"]
ALERTS = [rule["alert"] for group in RULES for rule in group["rules"]]


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool (Debian: apt install prometheus)")
    return subprocess.run(
        ["promtool", *words], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )


def test_prometheus_accepts_its_configuration_and_rules() -> None:
    done = promtool("check", "config", "--lint-fatal", "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_silent_when_all_is_well_and_speaks_when_it_is_not() -> None:
    done = promtool("test", "rules", "xinling.rules.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_no_alert_is_without_a_test_of_both(alert: str) -> None:
    cases = [case for test in TESTS for case in test["alert_rule_test"]]
    speaks = [bool(case.get("exp_alerts")) for case in cases if case["alertname"] == alert]
    assert set(speaks) == {True, False}


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_its_paragraph_for_whoever_is_woken(alert: str) -> None:
    pages = (FOLDER.parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{alert}` \|", pages, re.MULTILINE)
