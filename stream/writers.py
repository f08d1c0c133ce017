"""Rows out: JSON lines, CSV or Parquet, to standard output or to a file, never half of one."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec

from decoders.errors import XinlingError

Row = dict[str, Any]
_json = msgspec.json.Encoder()
PARQUET_GROUP = 10_000
"""Rows of a Parquet row group, and so of what is held in memory."""


class Writer(Protocol):
    """Takes rows one by one; `close` completes what they are written to."""

    def write(self, row: Row) -> None:
        """Write one row."""

    def close(self) -> None:
        """Complete the output."""


class JsonLines:
    """One JSON object a line, UTF-8."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, row: Row) -> None:
        """Write one row."""
        self._file.write(_json.encode(row) + b"\n")

    def close(self) -> None:
        """Flush."""
        self._file.flush()


class Csv:
    """A header and one line a row; what is not a plain value is JSON in its field."""

    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._file = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._columns = columns
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(columns)

    def write(self, row: Row) -> None:
        """Write one row."""
        self._writer.writerow([_plain(row.get(column)) for column in self._columns])

    def close(self) -> None:
        """Flush, and leave the file beneath open."""
        self._file.detach()


class Parquet:
    """A Parquet table; integers are int64, what is not a plain value is JSON in a string."""

    def __init__(self, file: BinaryIO, columns: Sequence[str], integers: frozenset[str]) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415  an extra: 160 MB that few need
            from pyarrow import parquet  # noqa: PLC0415
        except ImportError as error:
            raise XinlingError(
                "Parquet needs pyarrow", remedy="pip install 'xinling[parquet]'"
            ) from error
        self._columns = columns
        self._schema = pa.schema(
            [(name, pa.int64() if name in integers else pa.string()) for name in columns]
        )
        self._table = pa.Table
        self._rows: list[Row] = []
        self._writer = parquet.ParquetWriter(file, self._schema)

    def write(self, row: Row) -> None:
        """Write one row."""
        self._rows.append({column: _plain(row.get(column)) for column in self._columns})
        if len(self._rows) == PARQUET_GROUP:
            self._flush()

    def close(self) -> None:
        """Write the last row group and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._table.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (int, str)):
        return value
    return _json.encode(value).decode()


@contextmanager
def opened(
    path: Path | None, form: str, columns: Sequence[str], integers: frozenset[str]
) -> Iterator[Writer]:
    """A writer of `form` (``jsonl`` ``csv`` ``parquet``) to `path`, or to standard output.

    A file appears under its name when it is complete, also when a capture turned out damaged.
    """
    with _output(path) as file:
        writer = _writer(file, form, columns, integers)
        yield writer
        writer.close()


def _writer(file: BinaryIO, form: str, columns: Sequence[str], integers: frozenset[str]) -> Writer:
    if form == "csv":
        return Csv(file, columns)
    if form == "parquet":
        return Parquet(file, columns, integers)
    return JsonLines(file)


@contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        return
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise XinlingError(
            error.strerror or str(error), file=str(path), remedy="name a file that can be written"
        ) from error
    finally:
        part.unlink(missing_ok=True)
