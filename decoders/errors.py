"""The one root of the errors that Xinling raises, with their context as attributes."""

from __future__ import annotations


class XinlingError(Exception):
    """Something a person can mend: what is wrong, where, and what to do.

    Attributes:
        reason: what is wrong, one sentence without a full stop.
        file: the file it is in, if any.
        line: 1-based line in that file, if it is text.
        offset: byte offset in that file, if it is binary.
        key: the name of the setting or element at fault, if any.
        remedy: what to do about it.
    """

    def __init__(  # noqa: PLR0913  each names a part of where and what
        self,
        reason: str,
        *,
        file: str | None = None,
        line: int | None = None,
        offset: int | None = None,
        key: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.file = file
        self.line = line
        self.offset = offset
        self.key = key
        self.remedy = remedy

    def __str__(self) -> str:
        """One line: ``file:line: key: reason (at byte offset); remedy``."""
        place = self.file or ""
        if self.line is not None:
            place = f"{place}:{self.line}" if place else f"line {self.line}"
        parts = [part for part in (place, self.key, self.reason) if part]
        text = ": ".join(parts)
        if self.offset is not None:
            text += f" (at byte {self.offset})"
        return f"{text}; {self.remedy}" if self.remedy else text


class CaptureError(XinlingError):
    """A capture that is not one, is cut short, or has a link type nobody here reads."""


class DecodeError(XinlingError):
    """Bytes that are not what their container says; never leaves ``decoders``."""
