"""A partition's state as a file: everything that is kept of its subscribers, and how far it is.

It begins with ``XLSTATE`` and the form's number, then a random name of sixteen hexadecimal digits.
Pieces follow, each with its length in four octets (big-endian) and sealed under the privacy key for
its place in this very file: a head, people some at a time, and an end that says how many. A file
that was cut, mixed from two or sealed under another key does not open (P6: names are pseudonyms,
and even those are sealed). A newer version of the program reads older forms.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

import msgspec
from cryptography.exceptions import InvalidTag

from decoders.errors import XinlingError
from stream.keys.sealing import Seal
from stream.state import Progress

FORM: Final = 1
_MAGIC: Final = b"XLSTATE"
_PURPOSE: Final = b"xinling state file"
_STAMP: Final = 16
_MOST_OCTETS: Final = 1 << 28
"""Of a piece: a file that says more was not made by us."""


class StateFileError(XinlingError):
    """A file that holds no state, or none that this key opens."""


class Person(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a subscriber, as it lies in the store."""

    name: str
    state: bytes | None
    profile: bytes | None
    aside: str | None = None
    """Why the state could not be read, where it could not."""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a partition besides."""

    partition: int
    partitions: int
    progress: Progress
    rules: dict[str, bytes]


class _End(msgspec.Struct, frozen=True, array_like=True):
    people: int


def read(path: Path, privacy_key: bytes) -> Iterator[Head | list[Person]]:
    """The head, and then people some at a time.

    Raises StateFileError, for a file that is cut only once what is there was given: look at the
    end before anything is changed.
    """
    try:
        with path.open("rb") as file:
            yield from _pieces(file, Seal(privacy_key, _PURPOSE))
    except StateFileError as error:
        error.file = str(path)
        raise
    except OSError as error:
        raise StateFileError(error.strerror or str(error), file=str(path)) from error


def head_of(path: Path, privacy_key: bytes) -> Head:
    """The head of a file that was read to its end; raises StateFileError."""
    head: Head | None = None
    for piece in read(path, privacy_key):
        head = piece if isinstance(piece, Head) else head
    assert head is not None, "a file that opens has a head"
    return head


class Writer:
    """A context in which a file is written; it gets its own name once all of it is there.

    Attributes:
        people: how many were written.
    """

    def __init__(self, path: Path, privacy_key: bytes, head: Head) -> None:
        self.people = 0
        self._path = path
        self._unfinished = path.with_name(path.name + ".part")
        self._head = head
        self._seal = Seal(privacy_key, _PURPOSE)
        self._stamp = secrets.token_hex(_STAMP // 2)
        self._number = 0

    def __enter__(self) -> Self:
        """Writes the head; raises OSError."""
        self._file = self._unfinished.open("wb")
        self._file.write(_MAGIC + bytes([FORM]) + self._stamp.encode())
        self._piece(msgspec.msgpack.encode(self._head))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Writes the end, unless an exception leaves the context: then there is no file."""
        with self._file:
            if kind is None:
                self._piece(msgspec.msgpack.encode(_End(self.people)), last=True)
                self._file.flush()
                os.fsync(self._file.fileno())
        if kind is None:
            self._unfinished.replace(self._path)
        else:
            self._unfinished.unlink()

    def page(self, people: list[Person]) -> None:
        """Writes some people."""
        self._piece(msgspec.msgpack.encode(people))
        self.people += len(people)

    def _piece(self, data: bytes, *, last: bool = False) -> None:
        sealed = self._seal.seal(_place(self._stamp, self._number, last=last), data)
        self._file.write(len(sealed).to_bytes(4, "big") + sealed)
        self._number += 1


def _pieces(file: BinaryIO, seal: Seal) -> Iterator[Head | list[Person]]:
    begin = file.read(len(_MAGIC) + 1)
    if begin[:-1] != _MAGIC:
        raise StateFileError("not a file of states", remedy="name one that `state export` wrote")
    if begin[-1] > FORM:
        raise StateFileError(
            f"a file of form {begin[-1]}, and this version reads {FORM}",
            remedy="run the version of xinling that wrote it, or a newer one",
        )
    stamp = file.read(_STAMP).decode("ascii", "replace")
    yield msgspec.msgpack.decode(_opened(file, seal, stamp, 0)[0], type=Head)
    number = people = 0
    last = False
    while not last:
        number += 1
        data, last = _opened(file, seal, stamp, number)
        if last:
            break
        page = msgspec.msgpack.decode(data, type=list[Person])
        people += len(page)
        yield page
    if msgspec.msgpack.decode(data, type=_End).people != people:
        raise StateFileError("a file of states that was changed")


def _opened(file: BinaryIO, seal: Seal, stamp: str, number: int) -> tuple[bytes, bool]:
    """A piece, and whether it is the last one."""
    octets = int.from_bytes(file.read(4), "big")
    sealed = file.read(octets) if octets <= _MOST_OCTETS else b""
    if not sealed or len(sealed) < octets:
        raise StateFileError("a file of states that was cut", remedy="export it again")
    for last in (False, True):
        try:
            return seal.open(_place(stamp, number, last=last), sealed), last
        except InvalidTag:
            continue
    raise StateFileError(
        "a file of states that does not open with this privacy key, or was changed",
        key="privacy.key",
        remedy="give the key that was in force when it was written",
    )


def _place(stamp: str, number: int, *, last: bool) -> str:
    return f"{stamp}:{number}{':end' if last else ''}"
