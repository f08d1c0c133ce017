"""Every query of the dashboard has data once Prometheus has scraped a real run."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from stream import metrics

assert metrics.replies  # what the service measures is registered

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads(
    (ROOT / "deploy/grafana/dashboards/xinling.json").read_text(encoding="utf-8")
)
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
}
OF_THE_SERVICE = {
    "Offers not dealt with": "the demonstration has no topic of offers",
    "Replies": "nobody writes back in it",
    "Outcomes onto the log": "its outcomes stay in its own books",
    "In bounded queues": "it has no log, no lanes and no window",
    "Test numbers not reached": "it has no test numbers",
}
"""Panel → why the demonstration has no data for it; the tests on Kafka move what they show."""
WINDOW = "5m"
"""In place of Grafana's own variable: long enough to hold the whole run."""
SCRAPE_SECONDS = 0.2
CONFIG = """
global: {{scrape_interval: {interval}ms, scrape_timeout: {interval}ms}}
scrape_configs:
  - job_name: xinling
    static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{role: demo}}}}]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Prometheus:
    """Debian's Prometheus, scraping one target."""

    def __init__(self, folder: Path, target: int) -> None:
        self._port = free_port()
        config = CONFIG.format(interval=int(SCRAPE_SECONDS * 1000), port=target)
        (folder / "prometheus.yml").write_text(config, encoding="utf-8")
        words = [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--log.level=error",
        ]
        self._process = subprocess.Popen(words, cwd=folder)

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The answer's series, now."""
        words = urllib.parse.urlencode({"query": query})
        url = f"http://127.0.0.1:{self._port}/api/v1/query?{words}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def wait_for(self, query: str, seconds: float = 30) -> None:
        """Until the query has an answer."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.ask(query):
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(SCRAPE_SECONDS)
        pytest.fail(f"Prometheus had no answer to {query} after {seconds} s")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has watched the demo from before its first frame to after its last."""
    if shutil.which("prometheus") is None:
        pytest.skip("no Prometheus (Debian: apt install prometheus)")
    port = free_port()
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), port)
    run = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "observed_run.py"), str(port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert run.stdin is not None
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        server.wait_for("count_over_time(xinling_batches_total[1m]) > 1")
        run.stdin.write("go\n")
        run.stdin.flush()
        assert run.stdout.readline() == "done 0\n"
        finished = time.time()
        server.wait_for(f"min(timestamp(xinling_batches_total)) > {finished}")
        yield server
    finally:
        run.kill()
        run.wait(10)
        server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("name", [one for one in QUERIES if one[:-2] not in OF_THE_SERVICE])
def test_the_panel_has_data_after_a_real_run(name: str, prometheus: Prometheus) -> None:
    series = prometheus.ask(QUERIES[name].replace("$__rate_interval", WINDOW))
    assert series, QUERIES[name]
    assert all(math.isfinite(float(one["value"][1])) for one in series), series


@pytest.mark.parametrize("title", OF_THE_SERVICE)
def test_a_panel_of_the_service_alone_asks_for_a_metric_that_there_is(title: str) -> None:
    known = {name for collector in REGISTRY._collector_to_names.values() for name in collector}
    asked = set(re.findall(r"xinling_[a-z_]+", QUERIES[f"{title} A"]))
    assert asked
    assert asked <= known


@pytest.mark.slow
def test_the_numbers_at_a_glance_are_those_of_the_run(prometheus: Prometheus) -> None:
    queries = {
        panel["title"]: panel["targets"][0]["expr"].replace("$__rate_interval", WINDOW)
        for panel in DASHBOARD["panels"]
        if panel["type"] == "stat"
    }
    values = {title: float(prometheus.ask(q)[0]["value"][1]) for title, q in queries.items()}
    assert values["Messages a second"] > 0
    assert values["Events a second"] > 0
    assert values["Offers submitted"] >= 5
    assert values["Offers unknown"] == 0
    assert 0 <= values["Slowest partition"] < 60
