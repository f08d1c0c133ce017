"""`settings.json`: what the operator sets for every campaign."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from rules import format as fmt
from rules.errors import CampaignError
from rules.quiet import Quiet
from rules.units import duration, share, time_of_day
from rules.zones import zone


class Cap(NamedTuple):
    """At most `times` in any window of `every` microseconds (None: for ever)."""

    name: str
    times: int
    every: int | None
    text: str
    """As people write it: ``1 in 7d``."""

    @classmethod
    def of(cls, name: str, cap: fmt.Cap) -> Cap:
        """The cap that a file states."""
        if cap.every is UNSET:
            return cls(name, cap.times, None, f"{cap.times} ever")
        return cls(name, cap.times, duration(cap.every), f"{cap.times} in {cap.every}")


class SharedCap(NamedTuple):
    """A cap over campaigns, with slots kept for campaigns of at least a priority."""

    cap: Cap
    slots: int
    priority: int

    @classmethod
    def of(cls, name: str, cap: fmt.SharedCap) -> SharedCap:
        """The cap that a file states."""
        if cap.reserve is UNSET:
            return cls(Cap.of(name, cap), 0, 0)
        kept = cap.reserve
        reserve = fmt.Reserve(priority=kept) if isinstance(kept, int) else kept
        return cls(Cap.of(name, cap), reserve.slots, reserve.priority)

    def room_for(self, priority: int) -> Cap:
        """What is left of it for a campaign of `priority`."""
        if priority >= self.priority:
            return self.cap
        return self.cap._replace(times=max(0, self.cap.times - self.slots))


class Settings(NamedTuple):
    """The settings, in the units of the machine."""

    zone: ZoneInfo
    quiet: Quiet
    salt: bytes
    global_control: float
    global_control_draw: str
    apart: int
    remember: int
    from_home: bool
    country: str | None
    network: str
    cap_all: SharedCap | None
    cap_channels: dict[str, SharedCap]
    cap_tags: dict[str, SharedCap]
    stopped: frozenset[str]
    proof_needed: bool
    """A consent that nothing proves is none."""
    spent: Mapping[str, int] = MappingProxyType({})
    """Shared totals that the log says are used up (`rules.checks.spender_of`); in no file."""


def load(data: bytes | None, file: str) -> Settings:
    """Settings of a file; the defaults without one. Raises `CampaignError`."""
    try:
        wish = msgspec.json.decode(data, type=fmt.SettingsFile) if data else fmt.SettingsFile()
        return _settings(wish, file)
    except (msgspec.ValidationError, ValueError) as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise CampaignError(
            reason,
            file=file,
            key=path.rstrip("`") or None,
            remedy="docs/campaigns.md lists the keys and what they may hold",
        ) from error


def quiet(hours: fmt.QuietHours) -> Quiet:
    """Quiet hours of a file."""
    return Quiet(time_of_day(hours.from_), time_of_day(hours.until))


def _settings(wish: fmt.SettingsFile, file: str) -> Settings:
    operator_zone = zone(wish.zone)
    if operator_zone is None:
        raise CampaignError(
            f"{wish.zone!r} is no IANA time zone",
            file=file,
            key="zone",
            remedy="write one such as Asia/Shanghai",
        )
    caps = wish.caps
    return Settings(
        zone=operator_zone,
        quiet=quiet(wish.quiet_hours),
        salt=wish.control_salt.encode(),
        global_control=share(wish.global_control),
        global_control_draw=wish.global_control_draw,
        apart=duration(wish.apart),
        remember=duration(wish.remember),
        from_home=wish.number_class_from == "home city",
        country=wish.country or None,
        network=wish.network,
        cap_all=None if caps.all is UNSET else SharedCap.of("all", caps.all),
        cap_channels={
            name: SharedCap.of(f"channel {name}", cap) for name, cap in caps.channels.items()
        },
        cap_tags={name: SharedCap.of(f"tag {name}", cap) for name, cap in caps.tags.items()},
        stopped=frozenset(wish.stopped),
        proof_needed=wish.consent_proof,
    )
