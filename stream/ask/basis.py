"""What a question is answered from: captures, the files that decide, and the key of pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from decoders.correlator import CorrelatorConfig
from decoders.events import Event
from decoders.messages import Message
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules import profile as profile_codec
from rules.engine import RuleSet
from stream import config as configuration
from stream import roles, rule_files
from stream.ask.trace import Moment, Trace
from stream.config import Config
from stream.log import FeedScored, ProfileChanged, RulesChanged
from stream.offline import Captures, Correlation, Reading
from stream.rehearsal import Files
from stream.replay import Reached


class Basis(NamedTuple):
    """Captures and files as `replay` takes them."""

    reading: Reading
    bundle: dict[str, bytes]
    profiles: Path | None
    pseudonyms: Pseudonyms

    @classmethod
    def of_files(cls, reading: Reading, files: Files) -> Self:
        """Under the public test key, as `replay` is; raises FileError."""
        bundle = rule_files.bundle(files.campaigns, files.areas, files.cells, files.settings)
        return cls(reading, bundle, files.profiles, Pseudonyms(TEST_KEY))

    @classmethod
    def of_service(cls, reading: Reading, config: Config) -> Self:
        """Under a service's own key and files; raises ConfigError, FileError."""
        key = configuration.privacy_key(config)
        profiles = Path(config.rules.profiles) if config.rules.profiles else None
        return cls(
            reading, roles.bundle(config), profiles, Pseudonyms(key, config.privacy.key_version)
        )

    def rules(self) -> RuleSet:
        """Everything that decides; raises CampaignErrors."""
        return RuleSet.load(self.bundle)

    def messages(self, frames: Iterable[tuple[str, int]]) -> list[Message]:
        """The messages that were completed in these records (label of the capture, number)."""
        wanted = set(frames)
        return [
            message
            for message in Captures(self.reading).messages()
            if (message.source, message.frame) in wanted
        ]

    async def moments(self, subscriber: str, until: int | None) -> tuple[Trace, list[Moment]]:
        """What the captures did to a subscriber, and the subscriber in the end.

        The clock ends with the captures, or runs on to `until` (microseconds).
        """
        trace = Trace(subscriber)
        await trace.change(RulesChanged(self.rules().hash, self.bundle))
        for change in self._profile(subscriber):
            await trace.change(change)
        captures = Captures(self.reading)
        moments = await trace.signals(self._signals(captures))
        if until is not None:
            moments += await trace.until(until)
        captures.check()
        return trace, moments

    def _signals(self, captures: Captures) -> Iterable[Event | Reached | FeedScored]:
        plan = rule_files.plan(self.reading.plan)
        return captures.signals(Correlation(CorrelatorConfig(), self.pseudonyms, plan))

    def _profile(self, subscriber: str) -> Sequence[ProfileChanged]:
        if self.profiles is None:
            return []
        return [
            ProfileChanged(subscriber, profile_codec.encode(profile))
            for imsi, _, profile in rule_files.profiles(self.profiles)
            if self.pseudonyms.subscriber(imsi) == subscriber
        ]
