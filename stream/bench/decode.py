"""``xinling bench decode``: how fast captures are decoded, as JSON lines with the machine."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder
from decoders.errors import CaptureError, XinlingError
from decoders.messages import Record
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from stream import kernel_cache, rule_files, sources
from stream.bench import multiply
from stream.replay import events_of

_FIELDS: Final = (
    *("frame.number", "frame.time_epoch", "m3ua.protocol_data_opc", "m3ua.protocol_data_dpc"),
    *("sccp.message_type", "sccp.slr", "sccp.dlr", "gsm_a.bssmap.msgtype"),
    *("gsm_a.dtap.msg_mm_type", "gsm_a.dtap.msg_cc_type", "gsm_a.dtap.msg_sms_type"),
    *("gsm_a.dtap.msg_rr_type", "e212.imsi", "3gpp.tmsi", "gsm_a.lac", "gsm_a.bssmap.cell_ci"),
    *("gsm_a.dtap.updating_type", "gsm_a_bssmap.cause"),
    *("gsm_a.dtap.cause", "gsm_a.dtap.cld_party_bcd_num"),
)
"""What tshark is asked for: the fields that events need, as the columns have them."""
_PACKAGES: Final = ("xinling", "numpy", "numba")
_EVENTS: Final = "stream.bench.events"
_FEED: Final = "stream.bench.feed"
FEED_RATE: Final = 200_000
"""Messages a second of the live feed that is followed."""
BINDINGS: Final = 1_000_000
"""TMSIs bound to measure what one costs; at ten million it is the same, and takes minutes."""
_SAMPLE: Final = 20_000
"""Records of which the share of events is taken."""


def decode(
    captures: Sequence[str],
    *,
    messages: int | None,
    against: str | None,
    rounds: int,
    events: bool = False,
) -> None:
    """Measures and prints.

    Args:
        captures: files; of several the records are taken one file after the other.
        messages: repeat their traffic until there are about so many messages.
        against: ``tshark``, or None.
        rounds: how often each is measured, in turn; medians are printed.
        events: as far as events, and not messages alone.

    Raises:
        XinlingError: a capture cannot be read, or there is no tshark.
    """
    if against not in {None, "tshark"}:
        raise XinlingError("only tshark can be measured against", key="--against")
    if against and shutil.which("tshark") is None:
        raise XinlingError("tshark is not installed", remedy="install wireshark's tshark")
    kernel_cache.choose()
    with tempfile.TemporaryDirectory(prefix="xinling-bench-") as folder:
        path = _file(captures, messages, Path(folder))
        _print({"bench": "machine", **_machine(), "capture": _about(captures, path)})
        if events:
            _measure_events(path, against, rounds)
        else:
            _measure(path, against, rounds)


def bindings(count: int) -> None:
    """Measures so many TMSI bindings in the table of compiled correlation, and prints."""
    kernel_cache.choose()
    _print({"bench": "machine", **_machine()})
    _print({"bench": "bindings", **_worker("bindings", Path(str(count)), _EVENTS)})


def _measure_events(path: Path, against: str | None, rounds: int) -> None:
    size = path.stat().st_size / 1e6
    first = _worker("columns", path)
    found: dict[str, list[dict[str, Any]]] = {"columns": [], "tshark": []}
    for _ in range(rounds):
        found["columns"].append(_worker("columns", path, _EVENTS))
        if against:
            found["tshark"].append(_tshark(path))
    for kind in ("objects", "rows", "plain"):
        found[kind] = [_worker(kind, path, _EVENTS)]
    for kind in ("columns", "objects", "rows", "plain"):
        line = _line(found[kind], first, size)
        _print({"bench": f"events {kind}", "events": found[kind][0]["events"], **line})
    _print({"bench": "bindings", **_worker("bindings", Path(str(BINDINGS)), _EVENTS)})
    if against:
        _print({"bench": "tshark -T fields", **_line(found["tshark"], first, size)})
        _print({"bench": "ratio to tshark", **_ratio(found["columns"], found["tshark"])})


def _measure(path: Path, against: str | None, rounds: int) -> None:
    size = path.stat().st_size / 1e6
    begun = time.perf_counter()
    first = _worker("columns", path)
    compiling = time.perf_counter() - begun - first["seconds"]
    found: dict[str, list[dict[str, Any]]] = {"columns": [], "tshark": []}
    for _ in range(rounds):
        found["columns"].append(_worker("columns", path))
        if against:
            found["tshark"].append(_tshark(path))
    for kind in ("rows", "plain", "live"):
        found[kind] = [_worker(kind, path)]
    for kind in ("columns", "rows", "plain"):
        _print({"bench": f"decode {kind}", **_line(found[kind], first, size)})
    _print({"bench": "decode live", **found["live"][0]})
    _print({"bench": "feed", "sent_a_second": FEED_RATE, **_worker(str(FEED_RATE), path, _FEED)})
    _print({"bench": "start-up", "first_ever_seconds": round(compiling, 2)})
    if against:
        _print({"bench": "tshark -T fields", **_line(found["tshark"], first, size)})
        _print({"bench": "ratio to tshark", **_ratio(found["columns"], found["tshark"])})


def _line(runs: list[dict[str, Any]], first: dict[str, Any], size: float) -> dict[str, Any]:
    seconds = median(run["seconds"] for run in runs)
    cpu = median(run["cpu"] for run in runs)
    line = {
        "messages": first["messages"],
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "messages_per_second": round(first["messages"] / seconds),
        "messages_per_cpu_second": round(first["messages"] / cpu),
        "mb_per_second": round(size / seconds, 1),
        "peak_mb": round(max(run["peak_mb"] for run in runs), 1),
        "rounds": len(runs),
    }
    if "start_up" in runs[0]:
        line["start_up_cpu_seconds"] = round(median(run["start_up_cpu"] for run in runs), 3)
        line["start_up_seconds"] = round(median(run["start_up"] for run in runs), 3)
    if "asked" in runs[0]:
        line["frames"], line["frames_asked"] = runs[0]["frames"], runs[0]["asked"]
        line["compiled"] = runs[0]["compiled"]
    return line


def _ratio(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> dict[str, Any]:
    by_cpu = [b["cpu"] / a["cpu"] for a, b in zip(ours, theirs, strict=True)]
    by_wall = [b["seconds"] / a["seconds"] for a, b in zip(ours, theirs, strict=True)]
    found = {
        "cpu": round(median(by_cpu), 1),
        "cpu_range": [round(min(by_cpu), 1), round(max(by_cpu), 1)],
        "wall": round(median(by_wall), 1),
        "fields": len(_FIELDS),
    }
    if "start_up_cpu" in ours[0]:
        began = [a["cpu"] + a["start_up_cpu"] for a in ours]
        whole = [b["cpu"] / cpu for cpu, b in zip(began, theirs, strict=True)]
        found["cpu_with_start_up"] = round(median(whole), 1)
    return found


def _worker(kind: str, path: Path, module: str = "stream.bench.worker") -> dict[str, Any]:
    command = [sys.executable, "-m", module, kind, str(path)]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  our own module
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise XinlingError(f"the measurement {kind!r} failed: {last}")
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    return found


def _tshark(path: Path) -> dict[str, Any]:
    """Wall and CPU seconds of one run, its output thrown away."""
    asked = [part for field in _FIELDS for part in ("-e", field)]
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", *asked]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(  # noqa: S603  no shell, and the path is an argument
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise XinlingError(f"tshark failed: {last}")
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "peak_mb": after.ru_maxrss / 1024}


def _file(captures: Sequence[str], messages: int | None, folder: Path) -> Path:
    if messages is None:
        if len(captures) > 1:
            raise XinlingError("one capture at a time", remedy="--messages makes one of several")
        return Path(captures[0])
    read = [_records(capture) for capture in captures]
    decoder = Decoder()
    once = sum(len(decoder.feed(record)) for records in read for record in records)
    if not once:
        raise XinlingError("no A-interface traffic to repeat", file=captures[0])
    path = folder / "long.pcap"
    multiply.write(path, read, max(1, round(messages / once)))
    return path


def _records(capture: str) -> list[Record]:
    return list(sources.merged([capture], _raise))


def _raise(error: CaptureError) -> None:
    raise error


def _about(captures: Sequence[str], path: Path) -> dict[str, Any]:
    """What is in it, and the share of messages that matter."""
    events, messages = 0, 0
    for capture in captures:
        decoder = Decoder()
        found = [m for record in _records(capture)[:_SAMPLE] for m in decoder.feed(record)]
        pseudonyms = Pseudonyms(TEST_KEY)
        correlator = Correlator(CorrelatorConfig(), pseudonyms, rule_files.plan(None))
        events += sum(1 for _ in events_of(found, correlator))
        messages += len(found)
    return {
        "files": [Path(capture).name for capture in captures],
        "mb": round(path.stat().st_size / 1e6, 1),
        "events_per_100_messages": round(100 * events / max(1, messages), 1),
    }


def _machine() -> dict[str, Any]:
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    if shutil.which("tshark"):
        told = subprocess.run(["tshark", "--version"], capture_output=True, check=False)  # noqa: S607  whichever is first in the path
        found["tshark"] = told.stdout.decode(errors="replace").partition("\n")[0]
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
