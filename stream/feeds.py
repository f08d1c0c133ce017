"""Sources of captures as one stream of records by time, with an identity of their content."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import count, islice
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from decoders.capture import Capture, CaptureParser
from decoders.messages import Record
from decoders.ordering import WINDOW, InOrder
from decoders.times import SECOND
from stream import live, sources
from stream.handoff import WAITING, Handoff
from stream.sources import STDIN, Report

HOLD_SECONDS = 0.5
"""How long a record of one live source waits for earlier ones of the others."""
HELD_RECORDS = 100_000
IDLE_SECONDS = WINDOW / SECOND
"""How long a record that may be out of order waits for the next one."""


Item = TypeVar("Item")


class Hold(Protocol[Item]):
    """Puts what comes live in order, as far as that is known."""

    def passed(self, items: list[Item], now: float) -> list[Item]:
        """Takes `items` at a moment in seconds; gives those whose place is certain."""

    def all(self) -> list[Item]:
        """Everything that still waits, in order."""


class AnyFeed(Generic[Item]):
    """What all sources hold in the order of its times, as far as that is known.

    Files are merged exactly. An open-ended source by itself is put in order as a file is; what it
    then still holds goes when nothing has come for `IDLE_SECONDS`. Several sources of which one is
    live run side by side: a record waits `HOLD_SECONDS` for earlier ones of any of them.

    Attributes:
        live: whether the end is open and the clock runs on while nothing comes.
        rewinds: whether it is live and all of it can be read on from a place.
    """

    most = WAITING
    """Items that may wait to be taken."""

    def __init__(
        self, names: Sequence[str], report: Report, *, follow: bool = False, waits: bool = False
    ) -> None:
        """Raises CaptureError for a name that is no source.

        With `follow`, files have no end: what is written to them later is read too. With `waits`,
        live sources wait for `begin`.
        """
        self._end = threading.Event()
        self._begun = threading.Event()
        self._since: Mapping[str, str] = {}
        if not waits:
            self._begun.set()
        files = [name for name in names if not is_live(name, follow=follow)]
        ongoing = [name for name in names if is_live(name, follow=follow)]
        self.live = bool(ongoing)
        self.rewinds = self.live and not files and not any(map(_is_tcp, ongoing))
        self._heads = None if self.live or STDIN in files else content_id(files, report)
        opened: list[Callable[[], Iterator[Item]]] = []
        if files:
            window = 0 if files == [STDIN] else WINDOW
            opened.append(partial(self._merged, files, report, window))
        opened += [partial(self._open_live, name, report) for name in ongoing]
        self._hold: Hold[Item] | None = None
        if len(opened) > 1:
            self._hold = self._side_by_side(HOLD_SECONDS)
        elif self.live or files == [STDIN]:
            self._hold = self._alone(IDLE_SECONDS)
        self._handoff: Handoff[Item] = Handoff(opened, self.most)

    def _size(self, item: Item) -> int:
        """Records of an item."""
        del item
        return 1

    def _merged(self, files: Sequence[str], report: Report, window: int) -> Iterator[Item]:
        raise NotImplementedError

    def _reader(self, source: str, feed: str) -> Capture[Item]:
        raise NotImplementedError

    def _alone(self, seconds: float) -> Hold[Item]:
        raise NotImplementedError

    def _side_by_side(self, seconds: float) -> Hold[Item]:
        raise NotImplementedError

    async def take(self, timeout: float) -> list[Item] | None:  # noqa: ASYNC109
        """Items by time; [] after `timeout` seconds of nothing, None at the end.

        Raises CaptureError for a source that cannot be read at all.
        """
        records = await self._handoff.take(timeout)
        if self._hold is None:
            return records
        if records is None:
            return self._hold.all() or None
        return self._hold.passed(records, time.monotonic())

    def source_id(self, first: Record) -> str:
        """Of the content: of the first record of every file, else of `first`."""
        return self._heads or _digest([_packed(first)])

    @property
    def waiting(self) -> int:
        """Records that were read and wait to be taken."""
        return sum(map(self._size, self._handoff.waiting))

    @property
    def blocked(self) -> float:
        """Seconds that sources have waited because nobody took what was read."""
        return self._handoff.blocked

    def begin(self, since: Mapping[str, str]) -> None:
        """Lets live sources begin; `since`: folder → the file to begin with."""
        self._since = since
        self._begun.set()

    def stop(self) -> None:
        """Takes no more."""
        self._end.set()
        self._begun.set()
        self._handoff.stop()

    def _open_live(self, name: str, report: Report) -> Iterator[Item]:
        self._begun.wait()
        if name.startswith(live.TCP):
            return live.pcap_over_ip(name, report, self._end.is_set, self._reader)
        if not Path(name).is_dir():
            return live.followed(name, report, self._end.is_set, self._reader)
        since = self._since.get(name, "")
        return live.ring(name, report, self._end.is_set, self._reader, since)


class Feed(AnyFeed[Record]):
    """Records, one by one."""

    def _merged(self, files: Sequence[str], report: Report, window: int) -> Iterator[Record]:
        return sources.merged(files, report, window)

    def _reader(self, source: str, feed: str) -> Capture[Record]:
        return CaptureParser(source, feed)

    def _alone(self, seconds: float) -> Hold[Record]:
        return _Alone(seconds)

    def _side_by_side(self, seconds: float) -> Hold[Record]:
        return _SideBySide(seconds)


def content_id(files: Sequence[str], report: Report) -> str:
    """An identity of captures that depends on what is in them, not on where they are."""
    heads = []
    for name in files:
        first = next(islice(sources.merged([name], report), 1), None)
        heads.append(b"" if first is None else _packed(first))
    return _digest(heads)


def _is_tcp(name: str) -> bool:
    return name.startswith(live.TCP)


def is_live(name: str, *, follow: bool) -> bool:
    """Whether a source's end is open; raises CaptureError for what is none."""
    if name.startswith(live.TCP):
        live.address(name)
        return True
    return name != STDIN and (follow or Path(name).is_dir())


def _packed(record: Record) -> bytes:
    return b"%d %d " % (record.time, record.link_type) + record.data


def _digest(parts: list[bytes]) -> str:
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return blake2b(framed, digest_size=12).hexdigest()


class _Alone:
    """Puts the records of one open-ended source in order by their times."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._order: InOrder[Record] = InOrder()
        self._heard = 0.0

    def passed(self, records: list[Record], now: float) -> list[Record]:
        """Takes `records`; gives those whose place is certain, or all after a silence."""
        if records:
            self._heard = now
            return [free for record in records for free in self._order.feed(record)]
        return self._order.rest() if now - self._heard >= self._seconds else []

    def all(self) -> list[Record]:
        """Everything that still waits, in order."""
        return self._order.rest()


class _SideBySide:
    """Puts records of sources that run side by side in order, within a bound."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._number = count()
        self._heap: list[tuple[int, int, float, Record]] = []

    def passed(self, records: list[Record], now: float) -> list[Record]:
        """Takes `records`; gives those that have waited long enough, in order."""
        for record in records:
            heapq.heappush(self._heap, (record.time, next(self._number), now, record))
        out = []
        while self._heap and (
            self._heap[0][2] + self._seconds <= now or len(self._heap) > HELD_RECORDS
        ):
            out.append(heapq.heappop(self._heap)[3])
        return out

    def all(self) -> list[Record]:
        """Everything that still waits, in order."""
        return [heapq.heappop(self._heap)[3] for _ in range(len(self._heap))]
