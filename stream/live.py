"""Captures that go on: a folder that a ring buffer fills, and pcap-over-IP. Blocking iterators."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from decoders.capture import Capture
from decoders.errors import CaptureError
from stream.sources import CHUNK, Report

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""Between two looks at a file that has nothing new."""
CONNECT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 5.0
TCP = "tcp://"

Item = TypeVar("Item")
Reader = Callable[[str, str], Capture[Item]]
"""Makes what reads one capture, of its label and its feed's: `CaptureParser`, `FrameReader`."""
Stopped = Callable[[], bool]
Done = Callable[[Path, BufferedReader], bool]


def ring(
    folder: str, report: Report, stopped: Stopped, reader: Reader[Item], since: str = ""
) -> Iterator[Item]:
    """The records of every capture in `folder`, in the order of names, and of those to come.

    A file is done when a later one is there and it has no more to read, as dumpcap's and tcpdump's
    ring buffers write them: names that sort by time. A file that is replaced or taken away while it
    is read is read to its end all the same. What sorts before `since` was read before.
    """
    done = ""
    while not stopped():
        later = [name for name in _later(folder, done) if name >= since]
        if not later:
            time.sleep(POLL_SECONDS)
            continue
        done = later[0]
        yield from _growing(folder, done, report, stopped, reader)


def followed(name: str, report: Report, stopped: Stopped, reader: Reader[Item]) -> Iterator[Item]:
    """The records of a file that is still growing, until told to stop.

    One that is not there yet is waited for, and so is another one that takes its name.
    """
    path = Path(name)
    while not stopped():
        if path.exists():
            yield from _read_on(path, reader(path.name, ""), report, stopped, _replaced)
        time.sleep(POLL_SECONDS)


def _later(folder: str, name: str) -> list[str]:
    try:
        return sorted(
            path.name
            for path in Path(folder).iterdir()
            if path.name > name and path.is_file() and not path.name.startswith(".")
        )
    except OSError as error:
        raise CaptureError(
            error.strerror or str(error), file=folder, remedy="name a folder that can be read"
        ) from error


def _growing(
    folder: str, name: str, report: Report, stopped: Stopped, reader: Reader[Item]
) -> Iterator[Item]:
    """The records of one file of a ring until it is done."""
    parser = reader(name, folder)  # associations go on from file to file
    path = Path(folder) / name
    yield from _read_on(path, parser, report, stopped, lambda *_: bool(_later(folder, name)))


def _read_on(
    path: Path, parser: Capture[Item], report: Report, stopped: Stopped, done: Done
) -> Iterator[Item]:
    """The records of a file that grows, until `done` says before a look that it does no more."""
    try:
        with path.open("rb") as file:
            while not stopped():
                whole = done(path, file)  # asked before reading: what is read then is all
                chunk = file.read(CHUNK)
                yield from parser.records(chunk)
                if not chunk and whole:
                    parser.close()
                    return
                if not chunk:
                    _not_cut(file)
                    time.sleep(POLL_SECONDS)
    except CaptureError as error:
        error.file = str(path)
        report(error)
    except OSError as error:
        report(CaptureError(error.strerror or str(error), file=str(path)))


def _replaced(path: Path, file: BufferedReader) -> bool:
    """Whether another file has taken the name of the one that is read."""
    try:
        return not os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _not_cut(file: BufferedReader) -> None:
    """Raises CaptureError for a file that is shorter than what was read of it."""
    if os.fstat(file.fileno()).st_size < file.tell():
        raise CaptureError(
            "the capture was cut while it was read",
            offset=file.tell(),
            remedy="write each capture under a name of its own, and read their folder",
        )


def pcap_over_ip(
    source: str, report: Report, stopped: Stopped, reader: Reader[Item]
) -> Iterator[Item]:
    """The records that ``tcp://host:port`` sends, over reconnects; each one begins a capture."""
    host, port = address(source)
    wait = POLL_SECONDS
    while not stopped():
        try:
            with socket.create_connection((host, port), CONNECT_SECONDS) as connection:
                logger.info("%s connected", source)
                wait = POLL_SECONDS
                yield from _received(connection, reader(source, ""), source, report, stopped)
        except OSError as error:
            logger.warning("%s is away (%s); trying again", source, type(error).__name__)
        time.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT_SECONDS)


def address(source: str) -> tuple[str, int]:
    """Host and port of ``tcp://host:port``; raises CaptureError for anything else."""
    host, _, port = source.removeprefix(TCP).rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise CaptureError("not an address", file=source, remedy="write tcp://host:port")
    return host.strip("[]"), int(port)


def _received(
    connection: socket.socket, parser: Capture[Item], source: str, report: Report, stopped: Stopped
) -> Iterator[Item]:
    connection.settimeout(POLL_SECONDS)
    try:
        while not stopped():
            try:
                chunk = connection.recv(CHUNK)
            except TimeoutError:
                continue
            if not chunk:
                parser.close()
                return
            yield from parser.records(chunk)
    except CaptureError as error:
        error.file = source
        report(error)
