"""The last room: an offer becomes short messages on the way to a phone, once (P2, P3).

For each offer, in this order: a session with the SMSC; consent, opt-out, quiet hours and the rest
asked again; the number from the vault; the claim in the ledger; the submit. Whatever happened is
moved in the ledger and told as an outcome; `settle_overdue` finds one that was not told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeVar
from uuid import uuid4
from zlib import crc32

from redis.exceptions import RedisError

from decoders.times import SECOND
from rules.verdicts import SEND, Verdict
from stream import metrics
from stream.retry import patiently
from stream.sms import outcomes, sms_text
from stream.sms.answers import Noted
from stream.sms.ledger import Entry, Ledger
from stream.sms.outcomes import Outcome
from stream.sms.receipts import Receipt
from stream.sms.seeds import SEED
from stream.sms.smpp import (
    NotSubmittedError,
    ShortMessage,
    SmppClient,
    SubmitRefusedError,
    SubmitUnknownError,
    validity,
)
from stream.sms.sms_text import TextError
from stream.sms.vault import Vault

_log = logging.getLogger("xinling.delivery")

NO_NUMBER = "no number"
"""Reason of a withheld offer: the vault knows nobody by that pseudonym."""
_LEDGER_PATIENCE_SECONDS = 60.0
SETTLE_SECONDS = 5.0
"""Between two looks for what a killed process did not tell."""


class Answer(NamedTuple):
    """What consent, opt-out, quiet hours, validity and the campaign's status say at the submit."""

    outcome: str | None
    """None to go on; else ``withheld`` or ``expired``."""
    reason: str | None
    source: str
    """The offer's sender address."""
    until: int
    """Microseconds: from then on it may not be delivered (validity, the next quiet hours)."""


class Gate(Protocol):
    """Asks again what was asked when the offer was decided."""

    async def ask(self, verdict: Verdict, now: int) -> Answer:
        """The answer at `now`, microseconds of the clock that delivery goes by."""


class Clocks(NamedTuple):
    """The two times of delivery, both microseconds since the epoch."""

    offers: Callable[[], int]
    """What quiet hours and validity go by: wall time when live, the log's clock in a replay."""
    wall: Callable[[], int]
    """What the deadlines of claims go by."""


T = TypeVar("T")
Tell = Callable[[Outcome], Awaitable[None]]
Note = Callable[[str, Noted], Awaitable[None]]
"""The number and what goes to it; `stream.sms.answers.Answers.note`."""


class Delivery:
    """Delivers offers. `claim_seconds` is longer than any submit with all its retries takes."""

    def __init__(  # noqa: PLR0913  the rooms it stands between
        self,
        *,
        gate: Gate,
        vault: Vault,
        ledger: Ledger,
        smsc: SmppClient,
        clocks: Clocks,
        tell: Tell,
        note: Note | None = None,
        claim_seconds: int = 300,
    ) -> None:
        """`note` is told of each offer before its submit: a reply to it must find it."""
        self._note = note
        self._gate = gate
        self._vault = vault
        self._ledger = ledger
        self._smsc = smsc
        self._clocks = clocks
        self._tell = tell
        self._claim = claim_seconds * SECOND

    async def deliver(self, verdict: Verdict) -> Outcome | None:
        """Delivers one offer; None where the ledger says that it was dealt with before.

        Waits for a session as long as there is none. Raises redis.exceptions.RedisError and
        `VaultError`; the offer may then be given again.
        """
        assert verdict.verdict == SEND, "only what was decided to be sent"
        while True:
            await self._smsc.ready()
            answer = await self._gate.ask(verdict, self._clocks.offers())
            if answer.outcome is not None:
                return await self._settle(verdict, answer.outcome, answer.reason)
            identity = await self._vault.get(verdict.subscriber)
            if identity is None or not identity.msisdn:
                return await self._settle(verdict, outcomes.WITHHELD, NO_NUMBER)
            try:
                message = self._message(verdict, identity.msisdn, answer)
            except TextError as error:
                return await self._settle(verdict, outcomes.WITHHELD, error.reason)
            await self._noted(verdict, message)
            if not await self._claimed(verdict):
                return None
            try:
                return await self._submit(verdict, message)
            except NotSubmittedError:
                await self._ledger.release(verdict.offer)

    async def settle_overdue(self) -> int:
        """Tells what a killed process did not: a claim without result is `unknown`; how many."""
        overdue = await self._ledger.overdue(self._clocks.wall())
        for offer in overdue:
            await self._ledger.abandon(offer)
            entry = await self._ledger.entry(offer)
            if entry is not None and entry.untold:
                await self._tell_one(self._outcome(entry, entry.state, entry.reason))
            await self._ledger.told(offer)
        return len(overdue)

    async def keep_settling(self, every_seconds: float = SETTLE_SECONDS) -> None:
        """Runs `settle_overdue` until cancelled; a Redis that is away is tried again."""
        await keep(self.settle_overdue, every_seconds)

    async def on_receipt(self, receipt: Receipt) -> None:
        """Takes a receipt of the SMSC; one for a message that is not ours is ignored."""
        try:
            found = await self._surely(
                lambda: self._ledger.receipt(receipt.message_id, receipt.outcome)
            )
            if found is not None and found[1] is not None:
                await self._ended(found[0], found[1], None)
        except RedisError as error:
            _log.warning("a receipt was lost: the ledger is away (%s)", type(error).__name__)

    async def _submit(self, verdict: Verdict, message: ShortMessage) -> Outcome:
        entry = _entry(verdict)
        try:
            message_ids = await self._smsc.submit(message)
        except SubmitRefusedError as error:
            return await self._ended(entry, outcomes.FAILED, error.reason)
        except SubmitUnknownError as error:
            return await self._ended(entry, outcomes.UNKNOWN, error.reason)
        # Told before it is written, so that no receipt, which finds the offer only through what is
        # written, can be told first.
        outcome = self._outcome(entry, outcomes.SUBMITTED, None)
        await self._tell_one(outcome)
        said = await self._surely(lambda: self._accepted(entry.offer, message_ids))
        if said is not None:  # the receipts were there before the answer
            await self._ended(entry, said, None)
        return outcome

    async def _accepted(self, offer: str, message_ids: list[str]) -> str | None:
        said = await self._ledger.submitted(offer, message_ids)
        await self._ledger.told(offer)
        return said

    async def _ended(self, entry: Entry, state: str, reason: str | None) -> Outcome:
        teller = uuid4().hex
        await self._surely(lambda: self._moved(entry, state, reason, teller))
        return self._outcome(entry, state, reason)

    async def _surely(self, write: Callable[[], Awaitable[T]]) -> T:
        """What follows a submit is tried again here: the offer cannot be given again."""
        return await patiently("redis", write, (RedisError,), _LEDGER_PATIENCE_SECONDS)

    async def _claimed(self, verdict: Verdict) -> bool:
        claimant = uuid4().hex
        deadline = self._deadline()
        return await self._surely(lambda: self._ledger.claim(_entry(verdict), deadline, claimant))

    async def _noted(self, verdict: Verdict, message: ShortMessage) -> None:
        if self._note is not None:
            note, noted = self._note, Noted(verdict.offer, message.source, self._clocks.wall())
            await self._surely(lambda: note(message.destination, noted))

    async def _settle(self, verdict: Verdict, state: str, reason: str | None) -> Outcome | None:
        entry, teller = _entry(verdict, reason), uuid4().hex
        if not await self._surely(lambda: self._settled(entry, state, teller)):
            return None
        outcome = self._outcome(entry, state, reason)
        await self._tell_one(outcome)
        await self._ledger.told(entry.offer)
        return outcome

    async def _settled(self, entry: Entry, state: str, teller: str) -> bool:
        new = await self._ledger.settle(entry, state, self._deadline(), teller)
        return new or await self._mine(entry.offer, teller)

    async def _moved(self, entry: Entry, state: str, reason: str | None, teller: str) -> None:
        await self._ledger.reopen(entry.offer, self._deadline())
        new = await self._ledger.move(entry.offer, state, reason, teller)
        if new or await self._mine(entry.offer, teller):
            await self._tell_one(self._outcome(entry, state, reason))
            await self._ledger.told(entry.offer)

    async def _mine(self, offer: str, teller: str) -> bool:
        """Whether a write that seems to have come too late is one whose answer was lost."""
        known = await self._ledger.entry(offer)
        return known is not None and known.untold == teller

    async def _tell_one(self, outcome: Outcome) -> None:
        await self._tell(outcome)
        if outcome.test:
            return
        metrics.outcomes.labels(outcome.campaign, outcome.outcome).inc()

    def _message(self, verdict: Verdict, number: str, answer: Answer) -> ShortMessage:
        left = (answer.until - self._clocks.offers()) // SECOND
        return ShortMessage(
            destination=number,
            source=answer.source,
            parts=sms_text.parts(verdict.text or "", crc32(verdict.offer.encode())),
            validity_period=validity(left),
        )

    def _outcome(self, entry: Entry, outcome: str, reason: str | None) -> Outcome:
        return Outcome(
            offer=entry.offer,
            campaign=entry.campaign,
            wave=entry.wave,
            subscriber=entry.subscriber,
            time=self._clocks.offers(),
            outcome=outcome,
            reason=reason,
            test=entry.subscriber.startswith(SEED),
        )

    def _deadline(self) -> int:
        return self._clocks.wall() + self._claim


async def keep(settle: Callable[[], Awaitable[int]], every_seconds: float) -> None:
    """Settles again and again, until cancelled; a Redis that is away is tried again."""
    while True:
        try:
            await settle()
        except RedisError as error:
            _log.warning("the ledger does not answer (%s)", type(error).__name__)
        await asyncio.sleep(every_seconds)


def _entry(verdict: Verdict, reason: str | None = None) -> Entry:
    return Entry(
        offer=verdict.offer,
        campaign=verdict.campaign,
        wave=verdict.wave,
        subscriber=verdict.subscriber,
        state=outcomes.CLAIMED,
        reason=reason,
    )
