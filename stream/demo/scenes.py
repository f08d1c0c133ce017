"""What `xinling demo` can play: captures, what decides beside them, and how fast."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from decoders.errors import XinlingError
from stream import rule_files

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


class Scene(NamedTuple):
    """One demonstration."""

    name: str
    what: str
    """What its captures are, in a few words."""
    captures: tuple[Path, ...]
    campaigns: Path
    files: Path
    """The folder of areas, cells, settings and profiles."""
    plan: Path
    speed: float
    """Seconds of capture a second."""
    departures: Path | None = None
    """Who really left, where it is known: `simulator.departures`."""

    @property
    def profiles(self) -> Path:
        """Subscribers' profiles."""
        return self.files / "profiles.csv"

    def bundle(self) -> dict[str, bytes]:
        """The rules; raises XinlingError for a file that cannot be read."""
        names = (rule_files.AREAS, rule_files.CELLS, rule_files.SETTINGS)
        return rule_files.bundle(self.campaigns, *(self.files / name for name in names))

    def check(self) -> None:
        """Raises XinlingError for a file that is not there."""
        for path in (*self.captures, self.profiles, self.plan):
            if not path.exists():
                raise XinlingError(
                    "a file of the demonstration is not there",
                    file=str(path),
                    remedy="run it in a clone of the repository",
                )


_PCAP = FIXTURES / "pcap"
_FESTIVAL = _PCAP / "spring-festival"

LABS = Scene(
    name="labs",
    what="captures of real A-interface traffic",
    captures=tuple(
        _PCAP / name for name in ("lab-a/A_msc.pcap", "lab-b/B_msc.pcap", "lab-c/C_msc.pcap")
    ),
    campaigns=FIXTURES / "demo" / "campaigns",
    files=FIXTURES / "demo",
    plan=FIXTURES / "plans" / "labs.csv",
    speed=250.0,  # a quarter of an hour in four seconds
)
SPRING_FESTIVAL = Scene(
    name="spring-festival",
    what="capture of a made-up province, two days before the Spring Festival of 2008",
    captures=(_FESTIVAL / "spring-festival.pcap.gz",),
    campaigns=_FESTIVAL / "campaigns",
    files=_FESTIVAL,
    plan=_FESTIVAL / "plan.csv",
    speed=7200.0,  # a day in twelve seconds
    departures=_FESTIVAL / "truth" / "departures.csv",
)
SCENES = {scene.name: scene for scene in (LABS, SPRING_FESTIVAL)}


def named(name: str) -> Scene:
    """The scene of that name; raises XinlingError for another."""
    if name not in SCENES:
        raise XinlingError(
            f"there is no demonstration {name!r}", remedy=f"one of {', '.join(SCENES)}"
        )
    return SCENES[name]
