"""How far sources that can be read again were read: what is handled, record by record.

Records come in the order of their times, which is not quite that of their files. So of each file it
is kept up to which record all were handled, and which of the few behind that one. A file that was
written anew under its old name is told by its first record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from decoders.messages import Record

_FILES: Final = 2
"""Of a source: a record of the file before may come after the next one's first."""
WARM: Final = 2_000
"""Records before the place that the decoder reads again: what it puts together from several."""


class FilePlace(msgspec.Struct, array_like=True):
    """How far one file was read."""

    name: str
    head: str = ""
    """Digest of its first record; empty while that was not seen."""
    low: int = 0
    """All records up to this one were handled."""
    above: set[int] = set()
    """And these behind it."""

    def note(self, frame: int) -> None:
        """A record was handled."""
        if frame > self.low + 1 or self.above:
            self.above.add(frame)
            while self.low + 1 in self.above:
                self.low += 1
                self.above.discard(self.low)
        else:
            self.low = frame

    def handled(self, frame: int) -> bool:
        """Whether a record was."""
        return frame <= self.low or frame in self.above

    @property
    def last(self) -> int:
        """The last record that was."""
        return max(self.above, default=self.low)


class Places:
    """The places of all sources of an ingest.

    Attributes:
        lost: sources that did not have what was read last any more: records between are unseen.
    """

    def __init__(self, kept: Mapping[str, Sequence[FilePlace]] | None = None) -> None:
        """`kept` is what `dump` gave before a restart."""
        self.lost: list[str] = []
        self._files = {name: list(files) for name, files in (kept or {}).items()}
        self._catching_up = {name: False for name, files in self._files.items() if files}
        """Source → whether the file that was read last is there."""

    @property
    def catching_up(self) -> bool:
        """Whether records may come that were handled before the restart."""
        return bool(self._catching_up)

    def since(self) -> dict[str, str]:
        """Source → the file to begin with."""
        return {name: files[0].name for name, files in self._files.items() if files}

    def dump(self) -> dict[str, list[FilePlace]]:
        """As it is now; changed by the next `note`."""
        return self._files

    def handled(self, record: Record) -> bool:
        """Whether a record was handled before the restart."""
        source = source_of(record)
        if source not in self._catching_up:
            return False
        files = self._files[source]
        place = next((one for one in files if one.name == record.source), None)
        if place is not None and record.frame == 1 and place.head not in {"", head_of(record)}:
            files.remove(place)  # another file under this name
            place = None
        if place is not None and place is files[-1] and place.handled(record.frame):
            self._catching_up[source] = True
        if place is None or not place.handled(record.frame):
            self._caught_up(source, record, place)
            return False
        return True

    def is_warm(self, record: Record) -> bool:
        """Whether a record that was handled lies so near the place that the decoder wants it."""
        for one in self._files[source_of(record)]:
            if one.name == record.source:
                return record.frame > one.low - WARM
        return False

    def place_of(self, record: Record) -> FilePlace | None:
        """Of the file that a record is from, if that is known."""
        files = self._files.get(source_of(record), ())
        return next((one for one in files if one.name == record.source), None)

    def note(self, record: Record) -> None:
        """A record was handled."""
        files = self._files.setdefault(source_of(record), [])
        place = self.place_of(record)
        if place is not None and place.handled(record.frame):
            files.remove(place)  # its name was taken by another
            place = None
        if place is None:
            place = FilePlace(record.source)
            files.append(place)
            del files[:-_FILES]
        if record.frame == 1:
            place.head = head_of(record)
        place.note(record.frame)

    def _caught_up(self, source: str, record: Record, place: FilePlace | None) -> None:
        """A record that was not handled: behind all that were, or a straggler among them."""
        if place is not None and record.frame < place.last:
            return
        if not self._catching_up.pop(source):
            self.lost.append(source)


def source_of(record: Record) -> str:
    """The source that a record came from, as it is configured; of a file its base name."""
    return record.feed or record.source


def head_of(record: Record) -> str:
    """Tells one file from another by its first record."""
    return blake2b(b"%d " % record.time + record.data, digest_size=8).hexdigest()
