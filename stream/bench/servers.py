"""What a measurement runs on: Redis, Kafka from its jars, workers; each with the time it takes.

Kafka's jars are those that the tests fetch (``~/.cache/xinling/kafka-VERSION``, or
``XINLING_TEST_KAFKA_HOME``); an address of a broker that runs already may be given instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from decoders.errors import XinlingError
from stream import embedded

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")
KAFKA_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=200
"""
"""One node for itself; the tests' brokers are made of it too."""
_FIRST_COMPILER = "-XX:TieredStopAtLevel=1"
"""In its first minutes a broker's second compiler takes half of its time, in bursts that others
wait for on few cores; what it saves comes after the measurement."""
_GROUPS = Path("/sys/fs/cgroup")
_PERIOD_US = 10_000


class Server:
    """A process of ours on this machine."""

    def __init__(
        self, command: list[str], home: Path, name: str, folder: Path | None = None
    ) -> None:
        """`home` is where its output goes; it works in `folder`, by default there too."""
        with (home / f"{name}.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own programs
                command,
                stdout=log,
                stderr=log,
                cwd=folder or home,
                start_new_session=True,
                preexec_fn=embedded.die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  one call of libc
            )

    def cpu(self) -> float:
        """Seconds of processor time that it has taken (Linux)."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def id(self) -> int:
        """The process'."""
        return self._process.pid

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def redis(home: Path) -> Iterator[tuple[Server, str]]:
    """A Redis that has each write on disk before it answers, and its URL."""
    program = shutil.which("redis-server") or str(embedded.program())
    path = home / "redis.sock"
    durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
    small = ["--hash-max-ziplist-value", "1024", "--zset-max-ziplist-entries", "512"]
    options = ["--port", "0", "--unixsocket", str(path), "--dir", str(home), *durable, *small]
    server = Server([program, *options], home, "redis")
    try:
        _wait(server, path.exists, "Redis")
        yield server, f"unix://{path}"
    finally:
        server.stop()


@contextmanager
def kafka(home: Path, jars: Path) -> Iterator[tuple[Server, str]]:
    """One node of Apache Kafka, and its address."""
    if shutil.which("java") is None or not any(jars.glob("kafka_2.13-*.jar")):
        raise XinlingError(
            f"no Kafka here: Java 17 and Kafka's jars in {jars}",
            remedy="run the tests once (they fetch the jars), or name a broker with --brokers",
        )
    port = _free_port()
    text = KAFKA_PROPERTIES.format(port=port, controller=_free_port(), logs=home / "kafka")
    (home / "server.properties").write_text(text)
    java = ["java", _FIRST_COMPILER, "-Xms256m", "-Xmx512m", "-cp", f"{jars}/*"]
    tool = ["kafka.tools.StorageTool", "format", "-t", "eGlubGluZy1iZW5jaC0wMQ"]
    subprocess.run(  # noqa: S603  Kafka's own tool
        [*java, *tool, "-c", "server.properties"], cwd=home, capture_output=True, check=True
    )
    server = Server([*java, "kafka.Kafka", "server.properties"], home, "kafka")
    try:
        _wait(server, lambda: _listens(port), "Kafka")
        yield server, f"127.0.0.1:{port}"
    finally:
        server.stop()


@contextmanager
def listening(command: list[str], home: Path, name: str) -> Iterator[tuple[Server, int]]:
    """A process that says the port it listens on in its first line, and that port."""
    said = home / f"{name}.log"
    said.unlink(missing_ok=True)
    server = Server(command, home, name, Path.cwd())
    try:
        _wait(server, lambda: said.exists() and b"\n" in said.read_bytes(), name)
        yield server, int(said.read_text().splitlines()[0])
    finally:
        server.stop()


@contextmanager
def workers(home: Path, config: Path, count: int) -> Iterator[list[Server]]:
    """So many processes of the role `subscribers`."""
    command = [sys.executable, "-m", "stream.cli", "run", "--only", "subscribers"]
    servers = [
        Server([*command, "--config", str(config)], home, f"worker-{number}")
        for number in range(count)
    ]
    try:
        yield servers
    finally:
        for server in servers:
            server.stop()


@contextmanager
def held(servers: Sequence[Server], share: float) -> Iterator[None]:
    """Each process gets at most `share` of a core, by a control group of its own (Linux)."""
    groups = [_parent_group() / f"xinling-bench-{server.id}" for server in servers]
    try:
        for group, server in zip(groups, servers, strict=True):
            _hold(group, server.id, round(_PERIOD_US * share))
        yield
    except OSError as error:
        raise XinlingError(
            f"workers cannot be held to a share of a core: {error.strerror}",
            remedy="be root where control groups can be made, or leave --worker-share out",
        ) from error
    finally:
        for group, server in zip(groups, servers, strict=True):
            server.stop()
            with suppress(OSError):
                group.rmdir()


def _parent_group() -> Path:
    """Of version 1 where we are ourselves; of version 2 at the top, which alone may have both."""
    if not (_GROUPS / "cpu").is_dir():
        return _GROUPS
    ours = Path("/proc/self/cgroup").read_text().splitlines()
    path = next((line.split(":", 2)[2] for line in ours if line.split(":")[1] == "cpu"), "/")
    return _GROUPS / "cpu" / path.lstrip("/")


def _hold(group: Path, process: int, quota: int) -> None:
    group.mkdir()
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    (group / "cgroup.procs").write_text(str(process))


def end_by_signal() -> None:
    """SIGTERM ends a measurement as Ctrl-C does: whatever it started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _wait(server: Server, ready: Callable[[], bool], name: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if not server.running() or time.monotonic() > deadline:
            raise XinlingError(f"{name} does not start")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
