"""The two ways in which ingest reads: record by record, or by the thousand with compiled code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import XinlingError
from decoders.link import ETHERNET
from decoders.messages import Record
from decoders.numbers import NumberingPlan
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from stream import kernel_cache
from stream.feeds import AnyFeed, Feed, is_live
from stream.ingest import AnyIngest, Ingest
from stream.reading import Reader, Show
from stream.sources import STDIN, Report

logger = logging.getLogger(__name__)

SomeIngest = AnyIngest[Any, Any]


class Way(NamedTuple):
    """What a reader is made with."""

    decoder: DecoderConfig
    correlator: CorrelatorConfig
    pseudonyms: Pseudonyms
    plan: NumberingPlan | None
    report: Report
    show: Show | None = None


class Kind(NamedTuple):
    """What belongs together."""

    feed: Callable[..., AnyFeed[Any]]
    reader: Callable[[Way], Any]
    ingest: Callable[..., SomeIngest]


def chosen(compiled: str, sources: Sequence[str], *, follow: bool = False) -> Kind:
    """The one for these sources; `compiled` as in the configuration.

    Raises:
        XinlingError: where compiled code is asked for always, and numba is not there.
    """
    if compiled == "always" and not kernel_cache.there():
        raise XinlingError(
            "compiled code cannot be made without numba",
            key="ingest.compiled",
            remedy="install the extra `fast`, or set it to auto",
        )
    pays = compiled == "always" or (compiled == "auto" and _pays(sources, follow=follow))
    return by_frames() if pays else by_records()


def by_records() -> Kind:
    """Record by record."""
    return Kind(
        Feed,
        lambda way: Reader(
            Decoder(way.decoder),
            Correlator(way.correlator, way.pseudonyms, way.plan),
            way.report,
            way.show,
        ),
        Ingest,
    )


def by_frames() -> Kind:
    """By the thousand; what was not compiled before is compiled now, before anything is read."""
    if not kernel_cache.ready(events=True):
        logger.warning("ingest: compiles what reads captures; this takes a minute or two, once")
    from decoders.kernel import Kernel  # noqa: PLC0415  loads numba
    from decoders.kernel.events.kernel import EventKernel  # noqa: PLC0415
    from stream.frames_feed import FramesFeed  # noqa: PLC0415
    from stream.frames_ingest import FramesIngest, FramesReader  # noqa: PLC0415

    compile_now()
    return Kind(
        FramesFeed,
        lambda way: FramesReader(
            Kernel(way.decoder),
            EventKernel(way.correlator, way.pseudonyms, way.plan),
            way.report,
            way.show,
        ),
        FramesIngest,
    )


def compile_now() -> None:
    """Has machine code made and kept, where it is not there yet."""
    from decoders.kernel import Kernel, frames_of  # noqa: PLC0415  as above
    from decoders.kernel.events.kernel import EventKernel  # noqa: PLC0415

    for frames in frames_of([Record("", 1, 0, ETHERNET, bytes(64))]):
        list(Kernel().feed(frames))
    EventKernel(CorrelatorConfig(), Pseudonyms(TEST_KEY), None).finish()


def _pays(sources: Sequence[str], *, follow: bool) -> bool:
    """Whether compiled code is there, and worth its second of start-up."""
    if not kernel_cache.there():
        logger.info("ingest: numba is not installed; records are read one by one")
        return False
    if any(is_live(name, follow=follow) for name in sources) or STDIN in sources:
        return kernel_cache.ready(events=True)
    return kernel_cache.pays_for(
        sum(path.stat().st_size for path in map(Path, sources) if path.is_file()), events=True
    )
