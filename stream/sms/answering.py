"""Replies become outcomes: ``opted out`` for a no, ``replied`` for a campaign's keyword.

The no is in force before anything else is done (P3). Then the answer stands in the ledger beside
the offer's state, and is told as an outcome once; `settle_overdue` tells what a killed process did
not. smpp34 acknowledges what the SMSC delivers by itself: a process killed in the milliseconds
between that and the write loses the reply.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from uuid import uuid4

from redis.exceptions import RedisError

from decoders.times import SECOND
from stream import metrics
from stream.retry import patiently
from stream.sms import outcomes
from stream.sms.answers import Answers, answered
from stream.sms.delivery import SETTLE_SECONDS, Clocks, Tell, keep
from stream.sms.ledger import Entry, Ledger
from stream.sms.outcomes import Outcome
from stream.sms.replies import Reply
from stream.state import StoreUnavailableError

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 60.0
_TOLD_WITHIN = 60 * SECOND
_FAILURES = (RedisError, StoreUnavailableError)

Keywords = Callable[[str, str], Awaitable[tuple[str, ...]]]
"""What counts as an answer: of a subscriber and a campaign; `gate.StoreGate.keywords`."""


class Answering:
    """Takes what subscribers write back."""

    def __init__(
        self, answers: Answers, ledger: Ledger, keywords: Keywords, clocks: Clocks, tell: Tell
    ) -> None:
        self._answers = answers
        self._ledger = ledger
        self._keywords = keywords
        self._clocks = clocks
        self._tell = tell

    async def take(self, reply: Reply) -> None:
        """Takes one reply; one to nothing that we sent is counted and forgotten."""
        teller = uuid4().hex
        try:
            meaning = await patiently(
                "redis", lambda: self._taken(reply, teller), _FAILURES, _PATIENCE_SECONDS
            )
            metrics.replies.labels(meaning).inc()
        except _FAILURES as error:
            metrics.replies.labels("lost").inc()
            logger.error("a reply was lost: the ledger is away (%s)", type(error).__name__)  # noqa: TRY400

    async def settle_overdue(self) -> int:
        """Tells the answers that a killed process did not; how many were overdue."""
        overdue = await self._ledger.overdue_answers(self._clocks.wall())
        for offer in overdue:
            entry = await self._ledger.entry(offer)
            if entry is not None and entry.answer_untold:
                await self._tell_one(entry, entry.answer)
            await self._ledger.answer_told(offer)
        return len(overdue)

    async def keep_settling(self) -> None:
        """Runs `settle_overdue` until cancelled; a Redis that is away is tried again."""
        await keep(self.settle_overdue, SETTLE_SECONDS)

    async def _taken(self, reply: Reply, teller: str) -> str:
        entry = await self._entry(reply)
        if entry is None:
            return "from a stranger"
        if reply.opts_out:
            await self._answers.say_no(entry.subscriber)
            return await self._answer(entry, outcomes.OPTED_OUT, teller)
        if reply.is_one_of(await self._keywords(entry.subscriber, entry.campaign)):
            return await self._answer(entry, outcomes.REPLIED, teller)
        return "nothing known"

    async def _entry(self, reply: Reply) -> Entry | None:
        """The offer that a reply answers: one that may have arrived."""
        noted = await self._answers.of(reply.number)
        now = self._clocks.wall()
        for each in answered(noted, reply.address, now, opts_out=reply.opts_out):
            entry = await self._ledger.entry(each.offer)
            if entry is not None and (reply.opts_out or entry.state != outcomes.FAILED):
                return entry
        return None

    async def _answer(self, entry: Entry, answer: str, teller: str) -> str:
        deadline = self._clocks.wall() + _TOLD_WITHIN
        if await self._ledger.answer(entry.offer, answer, deadline, teller):
            await self._tell_one(entry, answer)
            await self._ledger.answer_told(entry.offer)
        return answer

    async def _tell_one(self, entry: Entry, answer: str) -> None:
        await self._tell(
            Outcome(
                offer=entry.offer,
                campaign=entry.campaign,
                wave=entry.wave,
                subscriber=entry.subscriber,
                time=self._clocks.offers(),
                outcome=answer,
            )
        )
        metrics.outcomes.labels(entry.campaign, answer).inc()
