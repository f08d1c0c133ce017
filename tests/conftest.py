"""What every test may use, and the rule that nothing is skipped where everything is installed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis_nodes import cluster

from stream import kernel_cache

kernel_cache.choose()  # before numba is imported: what it keeps beside the sources may be stale
settings.register_profile(
    "xinling", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("xinling")  # no test depends on how fast the machine is
ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
PCAP = FIXTURES / "pcap"


@pytest.fixture(scope="session")
def pcap() -> Path:
    """The folder of the laboratories' captures."""
    return PCAP


@pytest.fixture(scope="session")
def redis_cluster_port() -> Iterator[int]:
    """A node of a Redis Cluster of three, made once for all tests of a process."""
    with tempfile.TemporaryDirectory() as directory, cluster(directory) as port:
        yield port


@pytest.fixture
def redis_kind() -> str:
    """One Redis, unless a file's tests run on a cluster too (`one_or_cluster`)."""
    return "one"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests held against a simulation's truth, a line each, whatever else is shown."""
    lines = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "truth" and report.when == "call"
    ]
    if lines:
        terminalreporter.section("held against the truth")
        for line in sorted(lines):
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With XINLING_NO_SKIPS=1 a skip fails the run: `.ci/run` has installed every part."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("XINLING_NO_SKIPS") != "1" or reporter is None or exitstatus != 0:
        return
    if skipped := reporter.stats.get("skipped"):
        reporter.write_line(f"{len(skipped)} skipped, and XINLING_NO_SKIPS=1 forbids it", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
