"""`xinling doctor`: what captures hold and how to configure for them, in the first minute.

Everything printed is TOML: what was found as comments, then the configuration as
`stream.config` reads it, so that ``xinling doctor trace.pcap > xinling.toml`` is a beginning.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from decoders import link, times
from decoders.carriers import Carriers
from decoders.decoder import DecoderConfig
from decoders.errors import CaptureError, XinlingError
from decoders.messages import Record
from decoders.survey import Place, Survey
from decoders.times import SECOND
from rules.cells import CellTable, LocationArea
from stream import rule_files, sources
from stream.progress import counted

SHOWN = 12
"""Lines of one kind that are printed; more are counted."""
FEWEST = 4
"""Messages that one end must have sent before its silence in return means anything."""
SKEW = SECOND // 10
"""Copies further apart than this were seen under different clocks, not on a longer way."""
DAWN = 631_152_000 * SECOND
"""1990-01-01: a capture before it was made under a clock that nobody had set."""
LINK_TYPES = {
    link.NULL: "BSD loopback",
    link.ETHERNET: "Ethernet",
    link.RAW: "raw IP",
    link.LOOP: "OpenBSD loopback",
    link.LINUX_SLL: "Linux cooked",
    link.LINUX_SLL2: "Linux cooked v2",
    link.MTP2_PSEUDO_HEADER: "MTP2 with pseudo-header",
    link.MTP2: "MTP2",
    link.MTP3: "MTP3",
    link.SCCP: "SCCP",
}


def run(captures: Sequence[str], cells: Path | None) -> None:
    """Print what the captures hold; raises for damaged ones, and those without BSSAP, at the end.

    Args:
        captures: files, or ``-`` for standard input.
        cells: the cell table, to name location areas that it lacks.
    """
    table = None
    if cells is not None:
        table = CellTable.load(rule_files.bundle(None, cells=cells)[rule_files.CELLS], str(cells))
    with tempfile.TemporaryDirectory(prefix="xinling-doctor-") as folder:
        paths = [_spooled(path, folder) for path in captures]
        problems: dict[str, CaptureError] = {}
        carriers, survey = examine(paths, problems)
    report = [*findings(carriers, survey), *_cells(survey, table)]
    report += [f"damaged: {error}" for error in problems.values()]
    sys.stdout.writelines(f"# {line}".rstrip() + "\n" for line in report)
    sys.stdout.write("\n" + configuration(carriers, captures, cells))
    _complain(survey, captures, problems)


def examine(paths: Sequence[str], problems: dict[str, CaptureError]) -> tuple[Carriers, Survey]:
    """Read captures twice: for what they travel over, then for what they say."""

    def report(error: CaptureError) -> None:
        problems.setdefault(error.file or "", error)

    carriers = Carriers()
    for record in counted(_records(paths, report), "frames looked at"):
        carriers.feed(record)
    survey = Survey(DecoderConfig(transport=carriers.transport()))
    for record in counted(_records(paths, report), "frames read"):
        survey.feed(record)
    survey.finish()
    return carriers, survey


def findings(carriers: Carriers, survey: Survey) -> list[str]:
    """What was found, a line each."""
    return [
        *_captures(carriers, survey),
        *_carriers(carriers),
        *_point_codes(carriers, survey),
        *_links(survey),
        *_copies(survey),
        *_identities(survey),
        *_unread(survey),
    ]


def configuration(carriers: Carriers, captures: Sequence[str], cells: Path | None) -> str:
    """The tables of `stream.config` that these captures ask for."""
    transport = carriers.transport()
    lines = [
        "[ingest]",
        f"sources = {json.dumps(list(captures), ensure_ascii=False)}",
        f"point_code_bits = {transport.point_code_bits}",
        f"ipa_ports = {list(transport.ipa_ports)}",
    ]
    if cells is not None:
        lines += ["", "[rules]", f"cells = {json.dumps(str(cells), ensure_ascii=False)}"]
    return "\n".join(lines) + "\n"


def _records(paths: Sequence[str], report: Callable[[CaptureError], None]) -> Iterator[Record]:
    return sources.merged(paths, report)


def _spooled(path: str, folder: str) -> str:
    """A capture that can be read twice: standard input goes into a file that only we read."""
    if path != sources.STDIN:
        return path
    copy = Path(folder) / "stdin"
    with copy.open("xb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, sources.CHUNK)
    return str(copy)


def _captures(carriers: Carriers, survey: Survey) -> Iterator[str]:
    kinds = ", ".join(
        f"{LINK_TYPES.get(kind, 'link type')} ({kind}): {count}"
        for kind, count in carriers.link_types.most_common(SHOWN)
    )
    yield f"frames: {kinds or 'none'}"
    for name, clock in list(survey.captures.items())[:SHOWN]:
        span = (clock.last - clock.first) / SECOND
        yield (
            f"capture {name}: {clock.frames} frames, "
            f"{times.to_text(clock.first)} to {times.to_text(clock.last)} ({span:.1f} s)"
        )
        if clock.backwards:
            yield (
                f"  clock: {clock.backwards} records are older than one before them, by up to "
                f"{clock.worst / SECOND:.6f} s"
            )
        if clock.first < DAWN:
            yield "  clock: it was not set when this was captured"


def _carriers(carriers: Carriers) -> Iterator[str]:
    held = ", ".join(f"{name}: {count}" for name, count in carriers.carriers.most_common())
    yield f"carriers: {held or 'none that is known'}"
    if carriers.sctp_ports:
        ports = ", ".join(f"{port} ({n})" for port, n in carriers.sctp_ports.most_common(SHOWN))
        yield f"SCTP ports: {ports}"
    if carriers.ipa_ports:
        ports = ", ".join(map(str, carriers.ipa_ports))
        yield f"SCCPlite: an MSC listens on TCP port {ports}"
    if carriers.others:
        held = ", ".join(f"{kind}: {count}" for kind, count in carriers.others.most_common(SHOWN))
        yield f"besides: {held}"


def _point_codes(carriers: Carriers, survey: Survey) -> Iterator[str]:
    if survey.points:
        trial = ""
        if any(width.read for width in carriers.widths.values()):
            trial = "; " + ", ".join(
                f"as {bits}: {width.read} messages read, {width.broken} broken"
                for bits, width in carriers.widths.items()
            )
        yield f"point codes: {carriers.point_code_bits} bits{trial}"
    ends = sorted(survey.points.items(), key=lambda item: (-item[1].msc - item[1].bss, item[0]))
    for point_code, as_end in ends[:SHOWN]:
        name = "the MSC" if as_end.msc > as_end.bss else "a BSS"
        also = min(as_end.msc, as_end.bss)
        doubt = f", though {also} messages say otherwise" if also else ""
        yield f"  {point_code} ({_divided(point_code, carriers.point_code_bits)}): {name}{doubt}"


def _divided(point_code: int, bits: int) -> str:
    """A point code as people write it: 3-8-3 of ITU, 8-8-8 of China."""
    if bits == 24:
        return f"{point_code >> 16}-{point_code >> 8 & 255}-{point_code & 255}"
    return f"{point_code >> 11}-{point_code >> 3 & 255}-{point_code & 7}"


def _links(survey: Survey) -> Iterator[str]:
    one_way = []
    for name, path in survey.links.items():
        for sender, receiver in path.one_way(FEWEST):
            count = path.sent[sender, receiver]
            one_way.append(f"  {name}: {count} messages {sender} → {receiver}, none in return")
    yield f"links: {len(survey.links)}, seen one way: {len(one_way)}"
    yield from _lines(one_way)
    gaps = survey.decoder.gaps
    if gaps:
        yield f"pieces visibly missing: {gaps.total()}"
        yield from _lines([f"  {name}: {count}" for name, count in gaps.most_common()])


def _copies(survey: Survey) -> Iterator[str]:
    again = {
        kind: count for kind, count in survey.decoder.skipped.items() if kind.endswith("before")
    }
    copies = sum(map(len, survey.lags.values()))
    if not copies and not again and not survey.repeated:
        yield "mirrors: none"
        return
    yield f"mirrors: {copies} messages were seen on another link before"
    yield from _lines([f"  {kind}: {count}" for kind, count in sorted(again.items())])
    if survey.repeated:
        yield f"  twice on one link within 0.1 s: {survey.repeated}"
    for first, second in sorted(survey.lags)[:SHOWN]:
        lag = survey.lag((first, second))
        yield f"  {second} shows what {first} shows, {lag / SECOND:+.6f} s"
        if abs(lag) > SKEW:
            yield "    their clocks differ: set them, or one subscriber's events come out of order"


def _identities(survey: Survey) -> Iterator[str]:
    seen = survey.messages
    dialogues = seen["BSSMAP", "COMPLETE LAYER 3 INFORMATION"]
    yield f"dialogues begun: {dialogues}"
    yield f"COMMON ID: {_share(seen['BSSMAP', 'COMMON ID'], dialogues)}"
    moved = seen["MM", "TMSI REALLOCATION COMMAND"]
    accepted = seen["MM", "LOCATION UPDATING ACCEPT"]
    rejected = seen["MM", "LOCATION UPDATING REJECT"]
    yield f"TMSI reallocation: {_share(moved, dialogues)}"
    yield (
        f"location updates: {accepted} accepted, {survey.given} of them with a new TMSI; "
        f"{rejected} rejected"
    )
    known = survey.identities
    held = ", ".join(f"{kind}: {known[kind]}" for kind in ("imsi", "learned", "unknown"))
    yield f"events by identity: {held}"
    if known["unknown"] > known.total() // 2:
        yield "  most subscribers stay unknown: let the capture run on, or capture every link"


def _share(part: int, whole: int) -> str:
    return f"{part}, of {100 * part / whole:.1f} dialogues in 100" if whole else str(part)


def _unread(survey: Survey) -> Iterator[str]:
    held = ", ".join(f"{name} {count}" for name, count in survey.protocols.most_common(SHOWN))
    yield f"messages: {held or 'none'}"
    undecoded = survey.decoder.undecoded
    yield f"not decoded, or only in part: {undecoded.total()}"
    yield from _lines([f"  {reason}: {count}" for reason, count in undecoded.most_common()])
    skipped = survey.decoder.skipped
    if skipped:
        yield f"whole, but no message of the A-interface: {skipped.total()}"
        yield from _lines([f"  {kind}: {count}" for kind, count in skipped.most_common()])


def _cells(survey: Survey, table: CellTable | None) -> Iterator[str]:
    areas = sorted({(place.mcc, place.mnc, place.lac) for place in survey.places}, key=str)
    network = survey.network()
    yield f"location areas: {len(areas)}, cells: {len(survey.places)}"
    yield from _lines([f"  {_area(*area)}" for area in areas])
    if table is None:
        yield "  --cells FILE tells which of them the cell table lacks"
        return
    lacking = sorted(
        {place for place in survey.places if not _known(table, place, network)}, key=str
    )
    yield f"not in the cell table: {len(lacking)}"
    yield from _lines([f"  {_area(*place[:3])} cell {place.ci}" for place in lacking])


def _area(mcc: str | None, mnc: str | None, lac: int) -> str:
    return f"{mcc or '*'}-{mnc or '*'} LAC {lac}"


def _known(table: CellTable, place: Place, network: tuple[str, str] | None) -> bool:
    mcc, mnc = (place.mcc, place.mnc) if place.mcc and place.mnc else network or (None, None)
    if mcc is None or mnc is None or not (mcc + mnc).isdigit():
        return False
    return bool(table.sites(LocationArea(int(mcc), int(mnc), place.lac), place.ci))


def _lines(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"  … {len(lines) - SHOWN} more"


def _complain(survey: Survey, captures: Sequence[str], problems: dict[str, CaptureError]) -> None:
    """Raise what was wrong, after everything was told."""
    errors: list[XinlingError] = [*problems.values(), *survey.refused]
    if not survey.protocols and not errors:
        errors.append(
            CaptureError(
                "no A-interface (BSSAP) traffic",
                file=", ".join(captures),
                remedy="the report says what is in it; capture on the links to the MSC",
            )
        )
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup("captures", errors)
