"""Asks again at the submit, with the profile and rules that the partition has by then."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable, Callable

from rules import profile as profiles
from rules.engine import RuleSet
from rules.errors import StateError
from rules.profile import Profile
from rules.reasons import EXPIRED, OPTED_OUT, STOPPED
from rules.submit import still_good
from rules.verdicts import Verdict
from stream.log import partition_of
from stream.sms import outcomes
from stream.sms.delivery import Answer
from stream.state import StateStore
from stream.stops import EVERY

_RULE_SETS = 4
"""Sets of rules kept loaded."""

Stopped = Callable[[], Awaitable[frozenset[str]]]
"""What is stopped by hand at this moment; `stream.stops.Stops.names`."""


SaidNo = Callable[[str], Awaitable[bool]]
"""Whether a subscriber has opted out by a reply; `stream.sms.answers.Answers.said_no`."""


async def _nothing() -> frozenset[str]:
    return frozenset()


async def _nobody(_subscriber: str) -> bool:
    return False


class StoreGate:
    """A `stream.sms.delivery.Gate` on the subscribers' store: what the log has said so far counts.

    `stopped` and `said_no` are asked besides: a stop and a no by a reply must not wait for their
    places in the log.
    """

    def __init__(
        self,
        store: StateStore,
        partitions: int,
        stopped: Stopped = _nothing,
        said_no: SaidNo = _nobody,
    ) -> None:
        self._store = store
        self._partitions = partitions
        self._stopped = stopped
        self._said_no = said_no
        self._rules: dict[str, RuleSet] = {}

    async def ask(self, verdict: Verdict, now: int) -> Answer:
        """The answer at `now`; raises what the store and `stopped` raise."""
        partition = partition_of(verdict.subscriber, self._partitions)
        stopped, said_no, loaded = await gather(
            self._stopped(),
            self._said_no(verdict.subscriber),
            self._store.load(partition, [verdict.subscriber], None, 0),
        )
        if stopped & {verdict.campaign, EVERY}:
            return Answer(outcomes.WITHHELD, STOPPED, "", 0)
        if said_no:
            return Answer(outcomes.WITHHELD, OPTED_OUT, "", 0)
        rules = await self._in_force(partition, loaded.progress.rules)
        if rules is None:
            return Answer(outcomes.WITHHELD, STOPPED, "", 0)
        campaign = rules.campaign(verdict.campaign)
        profile = _profile(loaded.profiles.get(verdict.subscriber))
        good = still_good(verdict, campaign, rules.settings, profile, now)
        if good.refusal is not None or campaign is None:
            expired = good.refusal == EXPIRED
            outcome = outcomes.EXPIRED if expired else outcomes.WITHHELD
            return Answer(outcome, None if expired else good.refusal, "", 0)
        return Answer(None, None, campaign.sender, good.until)

    async def keywords(self, subscriber: str, campaign: str) -> tuple[str, ...]:
        """What counts as an answer to a campaign now; nothing where it is no more.

        Raises what the store raises.
        """
        rules = await self.rules(partition_of(subscriber, self._partitions))
        found = rules.campaign(campaign) if rules else None
        return found.replies if found else ()

    async def rules(self, partition: int = 0) -> RuleSet | None:
        """The rules in force in a partition, None before the first; raises what the store does."""
        progress = await self._store.progress(partition)
        return await self._in_force(partition, progress.rules)

    async def _in_force(self, partition: int, rules_hash: str) -> RuleSet | None:
        if rules_hash and rules_hash not in self._rules:
            loaded = RuleSet.load(await self._store.rules(partition))
            while len(self._rules) >= _RULE_SETS:
                del self._rules[next(iter(self._rules))]
            self._rules[rules_hash] = loaded
        return self._rules.get(rules_hash)


def _profile(packed: bytes | None) -> Profile | None:
    """The profile; None, which means no to everything, where there is none that can be read."""
    try:
        return None if packed is None else profiles.decode(packed)
    except StateError:
        return None
