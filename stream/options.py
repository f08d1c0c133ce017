"""Options that several commands of `xinling` share, each with its help."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stream.offline import Reading

Captures = Annotated[
    list[str], typer.Argument(metavar="CAPTURE...", help="Capture files; `-` is standard input.")
]
Clear = Annotated[bool, typer.Option("--clear", help="Clear identities instead of pseudonyms.")]
Cells = Annotated[
    Path | None, typer.Option("--cells", help="Cell table (CSV): gives events a city.")
]
Areas = Annotated[Path | None, typer.Option("--areas", help="Areas (GeoJSON).")]
Campaigns = Annotated[
    Path | None, typer.Option("--campaigns", help="Folder of campaign files.", file_okay=False)
]
CampaignFolder = Annotated[Path | None, typer.Argument(help="Folder of campaign files.")]
Profiles = Annotated[Path | None, typer.Option("--profiles", help="Profiles (CSV).")]
Settings = Annotated[Path | None, typer.Option("--settings", help="Governance settings (JSON).")]
Until = Annotated[
    str | None, typer.Option("--until", help="Let the clock run on to this time (RFC 3339).")
]
Offers = Annotated[Path | None, typer.Option("--offers", help="Rows that `replay` wrote.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write it as a page, too.")]
Plan = Annotated[
    Path | None, typer.Option("--plan", help="Numbering plan; China's without this option.")
]
PointCodeBits = Annotated[
    int, typer.Option("--point-code-bits", help="14 (ITU) or 24 (China's national variant).")
]
IpaPorts = Annotated[
    list[int] | None, typer.Option("--ipa-port", help="TCP port of SCCPlite; 5000 if not given.")
]
LearnPhones = Annotated[
    bool,
    typer.Option("--learn-phones", help="A phone's IMEISV tells who it is where a TMSI does not."),
]
Config = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (TOML).", dir_okay=False)
]


def reading_of(  # noqa: PLR0913  one for each option
    captures: Sequence[str],
    point_code_bits: int,
    ipa_ports: Sequence[int] | None,
    *,
    clear: bool = False,
    cells: Path | None = None,
    plan: Path | None = None,
    learn_phones: bool = False,
) -> Reading:
    """How captures are to be read, from what the command line says."""
    from stream import offline  # noqa: PLC0415  a command that reads none starts without

    return offline.Reading(
        captures=captures,
        clear=clear,
        cells=cells,
        plan=plan,
        learn_phones=learn_phones,
        point_code_bits=point_code_bits,
        ipa_ports=tuple(ipa_ports or ()),
    )
