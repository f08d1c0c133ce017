"""What is wrong with a campaign, an area, a cell table or the settings, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence

from decoders.errors import XinlingError


class CampaignError(XinlingError):
    """One mistake in one file of a rules bundle: file, line, key, remedy."""


class CampaignErrors(XinlingError):  # noqa: N818  it holds errors, several
    """Every mistake found in a bundle, so that all can be mended at once.

    Attributes:
        errors: the mistakes, in the order of files and lines; never empty.
    """

    def __init__(self, errors: Sequence[CampaignError]) -> None:
        ordered = sorted(errors, key=lambda error: (error.file or "", error.line or 0))
        super().__init__("\n".join(str(error) for error in ordered))
        self.errors: tuple[CampaignError, ...] = tuple(ordered)


class StateError(XinlingError):
    """Packed state or profile that this version cannot read: damaged, or written by a newer one."""
