"""Files of profiles, CSV or Parquet, row by row; a row that is none is told and passed over."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from decoders.errors import XinlingError
from rules.profile import Profile, from_row
from stream.rule_files import FileError

_PARQUET = b"PAR1"
_PARQUET_ROWS = 10_000
"""Read at a time; what is held in memory."""
_IMSI = "imsi"
_LONGEST_FIELD = 1 << 20
_SHORTEST_INTEGER = 10**13
"""An IMSI has 14 or 15 digits; kept as an integer it loses the zeros of test networks."""


class Good(NamedTuple):
    """A row that can be loaded."""

    imsi: str
    msisdn: str
    """Digits; empty where the operator knows none: nothing can be sent then."""
    profile: Profile

    def __repr__(self) -> str:
        """Without digits, so that no traceback bears them."""
        return "Good(…)"


class Bad(NamedTuple):
    """A row that cannot, without anything that stands in it (P6)."""

    line: int
    """1-based line of a CSV; 1-based row of a Parquet file."""
    reason: str


class ProfileRows:
    """The rows of one file.

    Attributes:
        total: octets or rows of the file: how much there is to do.
        done: how much of it has been read.
    """

    def __init__(self, file: Path) -> None:
        """Raises FileError for a file that cannot be read."""
        self.total = 0
        self.done = 0
        self._file = file
        try:
            with file.open("rb") as opened:
                self._parquet = opened.read(len(_PARQUET)) == _PARQUET
            self.total = file.stat().st_size
        except OSError as error:
            raise self._error(error.strerror or str(error), "name one that can be read") from error

    def __iter__(self) -> Iterator[Good | Bad]:
        """Every row; raises FileError for a file without an imsi column, or that breaks off."""
        for line, row in self._parquet_rows() if self._parquet else self._csv_rows():
            yield Bad(line, row) if isinstance(row, str) else _read(line, row)

    def _csv_rows(self) -> Iterator[tuple[int, dict[str, str] | str]]:
        try:
            with self._file.open("rb") as opened:
                yield from self._csv_lines(opened)
        except OSError as error:
            raise self._error(error.strerror or str(error), "read it again") from error

    def _csv_lines(self, opened: BinaryIO) -> Iterator[tuple[int, dict[str, str] | str]]:
        text = TextIOWrapper(opened, "utf-8-sig", errors="surrogateescape", newline="")
        csv.field_size_limit(_LONGEST_FIELD)
        rows = csv.reader(text)
        header = next(rows, [])
        self._check(header, line=1)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield rows.line_num, f"not CSV: {error}"
                continue
            self.done = opened.tell()
            if row:
                yield rows.line_num, _by_name(header, row)

    def _parquet_rows(self) -> Iterator[tuple[int, dict[str, str] | str]]:
        try:
            import pyarrow as pa  # noqa: PLC0415  an extra: 160 MB that few need
            from pyarrow import parquet  # noqa: PLC0415
        except ImportError as error:
            raise self._error("Parquet needs pyarrow", "pip install 'xinling[parquet]'") from error
        try:
            with parquet.ParquetFile(self._file) as opened:
                self._check(opened.schema_arrow.names)
                self.total = opened.metadata.num_rows
                for batch in opened.iter_batches(_PARQUET_ROWS):
                    for row in batch.to_pylist():
                        self.done += 1
                        yield self.done, _by_text(row)
        except (pa.ArrowException, OSError) as error:
            raise self._error("not a whole Parquet file", "write it again") from error

    def _check(self, columns: Sequence[str], line: int | None = None) -> None:
        if _IMSI not in columns:
            raise FileError(
                "no imsi column", file=str(self._file), line=line, remedy="see docs/operations.md"
            )

    def _error(self, reason: str, remedy: str) -> XinlingError:
        return FileError(reason, file=str(self._file), remedy=remedy)


def _by_text(row: dict[str, Any]) -> dict[str, str] | str:
    imsi = row[_IMSI]
    if isinstance(imsi, int) and imsi < _SHORTEST_INTEGER:
        return "the imsi column holds a number that lost its leading zeros: keep it as text"
    return {name: _text(value) for name, value in row.items()}


def _by_name(header: list[str], row: list[str]) -> dict[str, str] | str:
    if len(row) != len(header):
        return f"{len(row)} fields where the header has {len(header)}"
    return dict(zip(header, row, strict=True))


def _read(line: int, row: dict[str, str]) -> Good | Bad:
    if not all(map(_is_utf8, row.values())):
        return Bad(line, "not UTF-8")
    try:
        imsi, msisdn, profile = from_row(row)
    except ValueError as error:
        return Bad(line, str(error))
    digits = msisdn.removeprefix("+")
    if digits and not (digits.isascii() and digits.isdigit() and 3 <= len(digits) <= 15):
        return Bad(line, "the msisdn column holds no number of 3 to 15 digits")
    return Good(imsi, digits, profile)


def _is_utf8(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _text(value: Any) -> str:
    """A column's value as it would stand in a CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(map(_text, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
