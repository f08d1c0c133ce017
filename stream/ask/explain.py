"""`xinling explain`: why an offer was sent or held back, and why somebody got none (P5)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from decoders.errors import XinlingError
from decoders.messages import Message
from decoders.times import to_text
from rules import state as states
from rules.campaign import DRAFT, Campaign
from rules.engine import RuleSet
from rules.moments import TYPES
from rules.packed import decode as state_of
from rules.state import Subscriber
from rules.tree import leaves
from rules.triggers import completing, keys
from rules.verdicts import Verdict
from stream.ask import lookup, told
from stream.ask.basis import Basis
from stream.ask.lookup import Found
from stream.ask.trace import Moment
from stream.config import Config
from stream.connected import redis_of
from stream.log import partition_of
from stream.redis_store import RedisStore

MOST_BEFORE = 20
MOST_AFTER = 10
"""Moments shown before and after the time asked about; how many more there are is said."""

_INDENT = "    "


class WhyNot(NamedTuple):
    """The question why somebody was not sent a campaign."""

    subscriber: str
    """Pseudonym."""
    campaign: str
    at: int
    """Microseconds."""
    until: int | None
    """How far the clock runs on after the captures; None: not at all."""


def offer_in_file(offer: str, file: Path, basis: Basis | None) -> None:
    """Explains an offer of a replay; with captures and rules in `basis`, its frames and states.

    Raises NotFoundError and what the files and captures raise.
    """
    found = lookup.in_file(file, offer)
    _write(_offer_lines(found))
    _from_captures(found, basis)


def offer_of_service(offer: str, config: Config, basis: Basis | None) -> None:
    """Explains an offer of a running service; raises NotFoundError, KafkaUnavailableError."""
    found, now = asyncio.run(_asked(offer, config))
    _write(_offer_lines(found))
    _write(now)
    _from_captures(found, basis)


def why_not(question: WhyNot, basis: Basis) -> None:
    """Explains what a subscriber did and what a campaign made of it, from captures."""
    rules = basis.rules()
    campaign = rules.campaign(question.campaign)
    if campaign is None:
        known = ", ".join(each.id for each in rules.campaigns) or "none"
        raise XinlingError(f"no campaign {question.campaign!r}", remedy=f"there are: {known}")
    trace, moments = asyncio.run(basis.moments(question.subscriber, question.until))
    _write(_why_not_lines(question, campaign, rules, moments))
    after = asyncio.run(trace.state())
    _write(_conclusion(question, campaign, moments, after, names(rules)))


def names(rules: RuleSet) -> dict[int, str]:
    """Campaigns by their own keys and by those of their triggers and these' parts."""
    found: dict[int, str] = {}
    for campaign in rules.campaigns:
        found[campaign.key] = campaign.id
        for key in dict.fromkeys(keys(campaign.kind, campaign.trigger)):
            found[key] = f"{found[key]}, {campaign.id}" if key in found else campaign.id
    return found


# An offer


async def _asked(offer: str, config: Config) -> tuple[Found, list[str]]:
    """The rows of an offer, and lines about its subscriber as they are now."""
    async with redis_of(config) as redis:
        store = RedisStore(redis)
        found = await lookup.on_topics(config, redis, offer)
        subscriber = found.steps[0].subscriber
        partition = partition_of(subscriber, config.kafka.partitions)
        loaded = await store.load(partition, [subscriber], None, 0)
        rules = RuleSet.load(await store.rules(partition))
    packed = loaded.states.get(subscriber)
    state = state_of(packed, subscriber) if packed else Subscriber(subscriber)
    lines = ["", "the subscriber now"]
    lines += [_INDENT + line for line in told.state_lines(state, names(rules))]
    return found, lines


def _offer_lines(found: Found) -> Iterator[str]:
    first, last = found.steps[0], found.steps[-1]
    yield f"offer {first.offer}"
    yield f"campaign {first.campaign} (content {first.campaign_hash}), wave {first.wave}"
    yield f"subscriber {first.subscriber}"
    became = f"; became: {found.outcomes[-1].outcome}" if found.outcomes else ""
    yield f"decided: {told.outcome_text(last)}{became}"
    yield ""
    yield f"trigger {first.trigger}, which rests on"
    for sample in first.evidence:
        yield _INDENT + told.sample_line(sample, None)
        if (event := found.events.get(sample.event)) is not None:
            yield _INDENT * 2 + told.event_line(event, None, event.number_class)
    for step in found.steps:
        yield ""
        yield from told.verdict_lines(step)
    if found.outcomes:
        yield ""
        yield "outcomes"
        yield from (_INDENT + told.delivery_line(outcome) for outcome in found.outcomes)


def _from_captures(found: Found, basis: Basis | None) -> None:
    """The frames of the evidence, and the states around it where the rules are at hand."""
    if basis is None:
        return
    first = found.steps[0]
    frames = [(each.source, each.frame) for sample in first.evidence for each in sample.frames]
    _write(_frame_lines(basis.messages(frames), basis))
    if not any(name.startswith("campaigns/") for name in basis.bundle):
        return
    rules = basis.rules()
    last = found.steps[-1].time
    _, moments = asyncio.run(basis.moments(first.subscriber, last))
    rests_on = {sample.event for sample in first.evidence}
    _write(_state_lines((each for each in moments if _belongs(each, first, rests_on)), rules))


def _belongs(moment: Moment, first: Verdict, rests_on: set[str]) -> bool:
    if moment.event is not None and moment.event.id in rests_on:
        return True
    return any(verdict.offer == first.offer for verdict in moment.verdicts)


def _frame_lines(messages: list[Message], basis: Basis) -> Iterator[str]:
    yield ""
    yield "frames"
    for message in messages:
        yield _INDENT + told.message_line(message, basis.pseudonyms)
    if not messages:
        yield _INDENT + "none of them is in these captures"


def _state_lines(moments: Iterable[Moment], rules: RuleSet) -> Iterator[str]:
    yield ""
    yield "state before and after"
    for moment in moments:
        yield _INDENT + _moment_line(moment, rules)
        for label, state in (("before", moment.before), ("after", moment.after)):
            for line in told.state_lines(state, names(rules)):
                yield f"{_INDENT * 2}{label:<7} {line}"


def _moment_line(moment: Moment, rules: RuleSet) -> str:
    event = moment.event
    if event is None:
        return f"{to_text(moment.time)}   the clock: a timer is due"
    return told.event_line(event, rules.city(event), rules.number_class(event, moment.profile))


# Why not


def _why_not_lines(
    question: WhyNot, campaign: Campaign, rules: RuleSet, moments: list[Moment]
) -> Iterator[str]:
    yield f"campaign {campaign.id}: {campaign.title}"
    yield f"status {campaign.status}, priority {campaign.priority}, trigger {campaign.kind}"
    yield f"subscriber {question.subscriber}"
    if moments:
        yield told.profile_line(moments[-1].profile)
    before = [moment for moment in moments if moment.time <= question.at]
    after = moments[len(before) :]
    yield ""
    if len(before) > MOST_BEFORE:
        yield f"{len(before) - MOST_BEFORE} earlier moments are left out"
    for moment in before[-MOST_BEFORE:]:
        yield from _moment_lines(moment, campaign, rules)
    yield f"--- {to_text(question.at)} --- asked about"
    for moment in after[:MOST_AFTER]:
        yield from _moment_lines(moment, campaign, rules)
    if len(after) > MOST_AFTER:
        yield f"{len(after) - MOST_AFTER} later moments are left out"


def _moment_lines(moment: Moment, campaign: Campaign, rules: RuleSet) -> Iterator[str]:
    yield _moment_line(moment, rules)
    decided = [verdict for verdict in moment.verdicts if verdict.campaign == campaign.id]
    for verdict in decided:
        yield from (_INDENT + line for line in told.verdict_lines(verdict))
    if not decided:
        yield _INDENT + _no_trigger(moment, campaign, rules)
    yield from (_INDENT + line for line in _progress(moment, campaign, rules))


def _no_trigger(moment: Moment, campaign: Campaign, rules: RuleSet) -> str:
    """Why a moment did not complete the trigger, as far as an event alone could."""
    event = moment.event
    types = completing(campaign.kind, campaign.trigger)
    if event is None or types is None:
        return "did not complete the trigger"
    if event.type not in types:
        return f"is not what the trigger waits for ({', '.join(sorted(types))})"
    number_class = rules.number_class(event, moment.profile)
    reasons = [
        reason
        for leaf in leaves(campaign.spec.trigger)
        if event.type in TYPES.get(leaf.kind, ())
        for reason in told.differences(leaf.spec, event, number_class)
    ]
    return "did not complete the trigger: " + (
        "; ".join(reasons) or "the place, the length or another part of it is missing"
    )


def _progress(moment: Moment, campaign: Campaign, rules: RuleSet) -> Iterator[str]:
    """How the state changed, without what belongs to other campaigns alone."""
    known = names(rules)
    before, after = (
        [line for line in told.state_lines(state, known) if _concerns(line, campaign, known)]
        for state in (moment.before, moment.after)
    )
    yield from (f"- {line}" for line in before if line not in after)
    yield from (f"+ {line}" for line in after if line not in before)


def _concerns(line: str, campaign: Campaign, known: dict[int, str]) -> bool:
    head = line.partition(":")[0]
    if campaign.id in line:
        return True
    return head not in {"last", told.NOTHING} and not any(
        head.endswith(f" of {name}") for name in known.values()
    )


def _conclusion(
    question: WhyNot,
    campaign: Campaign,
    moments: list[Moment],
    after: Subscriber,
    known: dict[int, str],
) -> Iterator[str]:
    """The answer in a sentence or two."""
    yield ""
    if campaign.status == DRAFT:
        yield "answer: the campaign is a draft, which decides nothing"
        return
    if not any(moment.event for moment in moments):
        yield "answer: the captures hold nothing about this subscriber under this key"
        return
    verdicts = [
        verdict
        for moment in moments
        for verdict in moment.verdicts
        if verdict.campaign == campaign.id
    ]
    earlier = [verdict for verdict in verdicts if verdict.time <= question.at]
    later = [verdict for verdict in verdicts if verdict.time > question.at]
    if earlier:
        yield "answer: " + _answer("the last decision by then", earlier[-1])
    else:
        yield "answer: by then the trigger had not come true"
    if later:
        yield _answer("the first decision after", later[0])
    yield from _waiting(after, known, campaign)


def _answer(which: str, verdict: Verdict) -> str:
    said = ""
    if verdict.checks and verdict.reason:
        name, result = verdict.checks[-1]
        said = f"; the check {name!r} said {result!r}"
    return f"{which}, at {to_text(verdict.time)}, was {told.outcome_text(verdict)}{said}"


def _waiting(after: Subscriber, known: dict[int, str], campaign: Campaign) -> Iterator[str]:
    due = states.next_due(after)
    if due is None:
        return
    mine = [
        line
        for line in told.state_lines(after, known)
        if campaign.id in line and not line.startswith("sent")
    ]
    if mine:
        yield f"at the end of the captures a timer waits for {to_text(due)} (--until lets it run)"
        yield from (_INDENT + line for line in mine)


def _write(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
