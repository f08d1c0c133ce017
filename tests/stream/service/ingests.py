"""An ingest of either kind: record by record, or by the thousand with compiled code."""

from __future__ import annotations

from typing import Any

import pytest

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError
from decoders.kernel import COMPILED, Kernel
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from stream.feeds import Feed
from stream.ingest import AnyIngest, Ingest
from stream.reading import Reader
from stream.topics import Log

RECORDS, FRAMES = "records", "frames"
KINDS = [
    RECORDS,
    pytest.param(
        FRAMES,
        marks=[
            pytest.mark.skipif(not COMPILED, reason="needs numba (the extra `fast`)"),
            pytest.mark.timeout(900),  # whoever comes first compiles
        ],
    ),
]
LOG = Log("0a" * 16, 4)


def refuse(error: CaptureError) -> None:
    raise error


def made(
    kind: str,
    names: list[str],
    writer: Any,
    *,
    follow: bool = False,
    waits: bool = False,
    report: Any = refuse,
    settings: bytes = b"",
    **options: Any,
) -> AnyIngest[Any, Any]:
    """An ingest of these sources."""
    options = {"flush_seconds": 0.02, "speed": None, **options}
    correlation = CorrelatorConfig(), Pseudonyms(TEST_KEY), None
    if kind == RECORDS:
        return Ingest(
            feed=Feed(names, report, follow=follow, waits=waits),
            reader=Reader(Decoder(DecoderConfig()), Correlator(*correlation), report),
            writer=writer,
            log=LOG,
            settings=settings,
            **options,
        )
    from decoders.kernel.events.kernel import EventKernel  # noqa: PLC0415  loads numba
    from stream.frames_feed import FramesFeed  # noqa: PLC0415
    from stream.frames_ingest import FramesIngest, FramesReader  # noqa: PLC0415

    return FramesIngest(
        feed=FramesFeed(names, report, follow=follow, waits=waits),
        reader=FramesReader(Kernel(), EventKernel(*correlation), report),
        writer=writer,
        log=LOG,
        settings=settings,
        **options,
    )
