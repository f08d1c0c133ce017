"""Every text to the test numbers first: when a campaign goes live, or a live one's text changes.

A text goes to a test number once: the offer's id is made from campaign, text and name, and claimed
in the ledger as any other. Offers to subscribers wait until the SMSC has accepted all of it. Where
that fails an alarm is raised at once, and they wait for `wait_seconds`, in which a person may stop
the campaign; then they go on, since a test number out of order must not end a campaign.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b

from redis.exceptions import RedisError

from decoders.times import SECOND
from rules.campaign import LIVE, Campaign
from rules.engine import RuleSet
from rules.verdicts import SEND, Verdict
from stream import metrics
from stream.sms import outcomes
from stream.sms.delivery import Answer, Delivery
from stream.sms.ledger import Ledger
from stream.sms.seeds import SeedList
from stream.sms.vault import VaultError
from stream.state import StoreUnavailableError
from stream.stops import EVERY, Stops

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
_POLL_SECONDS = 0.5
_MOST_KEPT = 10_000
_GOOD: frozenset[str | None] = frozenset({outcomes.SUBMITTED, outcomes.DELIVERED})
_MAY_BE_GOOD = frozenset({*_GOOD, outcomes.CLAIMED, None})
"""Another process may be sending it."""
_GOOD_FOR = 3600 * SECOND

RulesNow = Callable[[], Awaitable[RuleSet | None]]
"""The rules in force; `stream.sms.gate.StoreGate.rules`."""


class OpenGate:
    """A `delivery.Gate` for test numbers: they are not subscribers, and nothing is asked."""

    def __init__(self) -> None:
        self.senders: dict[str, str] = {}
        """Campaign → the sender its texts come from."""

    async def ask(self, verdict: Verdict, now: int) -> Answer:
        """Yes, for an hour."""
        return Answer(None, None, self.senders[verdict.campaign], now + _GOOD_FOR)


class Seeding:
    """Sends texts to the test numbers, and lets offers wait for them.

    Attributes:
        waiting: offers that wait for it just now.
    """

    def __init__(  # noqa: PLR0913  the rooms it stands between
        self,
        *,
        seeds: SeedList,
        stops: Stops,
        rules: RulesNow,
        delivery: Delivery,
        gate: OpenGate,
        ledger: Ledger,
        wait_seconds: float,
    ) -> None:
        """`delivery` is one of its own, whose gate is `gate`."""
        self._seeds = seeds
        self._stops = stops
        self._rules = rules
        self._delivery = delivery
        self._gate = gate
        self._ledger = ledger
        self._wait = wait_seconds
        self._passed: set[tuple[str, str]] = set()
        self._accepted: set[str] = set()
        self._began: dict[str, float] = {}
        self._alarmed: set[str] = set()
        self._sending: dict[str, asyncio.Task[bool]] = {}
        self.waiting = 0

    async def run(self) -> None:
        """Until cancelled: whatever has gone live, or was asked for, goes out within a second."""
        while True:
            try:
                await self.look()
            except (RedisError, StoreUnavailableError, VaultError) as error:
                logger.warning("test numbers wait (%s)", type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Sends what is to be sent now; raises RedisError, StoreUnavailableError, VaultError."""
        names = await self._seeds.names()
        if not names:
            for campaign_id in tuple(self._alarmed):
                self._alarm(campaign_id, failed=False)
            return
        rules = await self._rules()
        asked = await self._seeds.asked()
        stopped = await self._stops.names()
        for campaign in rules.campaigns if rules else ():
            runs = campaign.status == LIVE and not stopped & {campaign.id, EVERY}
            if runs or campaign.id in asked:
                await self._send(campaign.id, campaign.sender, texts(campaign), names)
            elif campaign.id in self._alarmed:
                self._alarm(campaign.id, failed=False)
            if campaign.id in asked:
                await self._seeds.answered(campaign.id)

    async def first(self, verdict: Verdict) -> None:
        """Returns once the test numbers have the texts that `verdict`, an offer, is one of.

        Or after `wait_seconds`. Raises what `look` raises.
        """
        if (verdict.campaign, verdict.text or "") in self._passed:
            return
        names = await self._seeds.names()
        rules = await self._rules() if names else None
        campaign = rules.campaign(verdict.campaign) if rules else None
        if campaign is not None:
            wanted = tuple(dict.fromkeys((*texts(campaign), verdict.text or "")))
            self.waiting += 1
            try:
                await self._accepted_or_late(campaign, wanted, names)
            finally:
                self.waiting -= 1
        self._pass(verdict.campaign, verdict.text or "")

    def _pass(self, campaign: str, text: str) -> None:
        if len(self._passed) >= _MOST_KEPT:
            self._passed.clear()
        self._passed.add((campaign, text))

    async def _accepted_or_late(
        self, campaign: Campaign, wanted: Sequence[str], names: Sequence[str]
    ) -> None:
        until = self._began.setdefault(_key(campaign.id, wanted), time.monotonic()) + self._wait
        while True:
            left = max(0.0, until - time.monotonic())
            sending = self._shared(campaign, wanted, names)
            done, _ = await asyncio.wait([sending], timeout=left)
            if done and sending.result():
                return
            if not left:
                break
            await asyncio.sleep(min(_POLL_SECONDS, left))
        logger.error(
            "campaign %s: its texts did not reach every test number within %.0f s; it goes on",
            campaign.id,
            self._wait,
        )

    def _shared(
        self, campaign: Campaign, wanted: Sequence[str], names: Sequence[str]
    ) -> asyncio.Task[bool]:
        """One sending for all the offers that wait for it; it is never cut off in a submit."""
        key = _key(campaign.id, wanted)
        sending = self._sending.get(key)
        if sending is None:
            work = self._send(campaign.id, campaign.sender, wanted, names)
            sending = self._sending[key] = asyncio.create_task(work, name="seed list")
            sending.add_done_callback(lambda _: self._sending.pop(key))
        return sending

    async def _send(
        self, campaign: str, sender: str, wanted: Sequence[str], names: Sequence[str]
    ) -> bool:
        """Whether the SMSC has accepted all of it, now or before."""
        self._gate.senders[campaign] = sender
        states = [await self._sent(campaign, text, name) for text in wanted for name in names]
        self._alarm(campaign, failed=not _MAY_BE_GOOD.issuperset(states))
        return _GOOD.issuperset(states)

    def _alarm(self, campaign: str, *, failed: bool) -> None:
        """It stands until the text or the list is another, or the campaign runs no more."""
        metrics.seeds_failed.labels(campaign).set(failed)
        (self._alarmed.add if failed else self._alarmed.discard)(campaign)

    async def _sent(self, campaign: str, text: str, name: str) -> str | None:
        """What has become of one text to one number; sends it if nothing has."""
        offer = _key(campaign, (text, name))
        if offer in self._accepted:
            return outcomes.SUBMITTED
        entry = await self._ledger.entry(offer)
        if entry is None:
            await self._delivery.deliver(_test(offer, campaign, text, name))
            entry = await self._ledger.entry(offer)
        state = None if entry is None else entry.state
        if state in _GOOD:
            if len(self._accepted) >= _MOST_KEPT:
                self._accepted.clear()
            self._accepted.add(offer)
        return state


def texts(campaign: Campaign) -> tuple[str, ...]:
    """Everything a subscriber may read of a campaign."""
    return tuple(each.text for each in campaign.variants) or (campaign.text,)


def _key(campaign: str, parts: Sequence[str]) -> str:
    content = "\0".join((campaign, *parts)).encode()
    return blake2b(content, digest_size=16, person=b"seed").hexdigest()


def _test(offer: str, campaign: str, text: str, name: str) -> Verdict:
    """What delivery takes, of wave 0: no offer to a subscriber is."""
    return Verdict(
        offer=offer,
        step=0,
        campaign=campaign,
        campaign_hash="",
        wave=0,
        subscriber=name,
        time=0,
        trigger="seed list",
        verdict=SEND,
        text=text,
    )
