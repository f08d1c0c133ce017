"""`xinling subject` and `xinling erase`: what is kept of one person, and its erasure.

The IMSI is read from standard input, so that no list of processes and no shell's history bears it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from decoders.errors import XinlingError
from decoders.pseudonyms import Pseudonyms
from decoders.times import to_text
from rules import profile as profiles
from rules.engine import RuleSet
from rules.packed import decode as state_of
from rules.profile import Profile
from rules.state import Subscriber
from rules.verdicts import Verdict
from stream import audit, topics
from stream import config as configuration
from stream.ask import explain, told
from stream.ask.homes import homes
from stream.audit import Audit, Change
from stream.config import Config
from stream.connected import redis_of
from stream.keys.past_keys import PastKeys
from stream.log import partition_of
from stream.log_control import control_of
from stream.publishing import outcome_of, verdict_of
from stream.redis_store import RedisStore
from stream.sms.outcomes import Outcome
from stream.sms.vault import Identity, Vault, masked
from stream.topic_reader import TopicReader

Row = TypeVar("Row")
_INDENT = "    "


class Kept(NamedTuple):
    """Everything that is kept of a person."""

    subscriber: str
    identity: Identity | None
    profile: Profile | None
    state: Subscriber
    aside: str | None
    """Why the state cannot be read."""
    verdicts: list[Verdict]
    outcomes: list[Outcome]
    names: dict[int, str]
    """Campaigns by the keys that stand in a state."""


def subject(config: Path | None, *, clear: bool) -> None:
    """Prints everything kept of the person whose IMSI comes on standard input.

    Raises XinlingError, KafkaUnavailableError, InfrastructureError.
    """
    loaded = _loaded(config)
    kept = asyncio.run(_kept(loaded, _imsi()))
    for line in _lines(kept, loaded, clear=clear):
        sys.stdout.write(line + "\n")


def erase(config: Path | None) -> None:
    """Erases the person whose IMSI comes on standard input, and says what remains."""
    loaded = _loaded(config)
    known = asyncio.run(_erase(loaded, _subscriber(loaded, _imsi())))
    days = loaded.kafka
    sys.stdout.write(
        f"erased: the number{'' if known else ' (there was none)'}, the profile, the state, "
        "what waits to be sent\n"
        "what remains, under the pseudonym alone:\n"
        "    an opt-out, so that nobody writes to this person again\n"
        f"    decisions and outcomes, for the {days.verdicts_days} days that the law asks for\n"
        f"    events on the log, for {days.events_days} days\n"
        "a profiles file that still holds this person brings the profile back when it is loaded\n"
    )


def _loaded(config: Path | None) -> Config:
    return configuration.load(str(config) if config else None, os.environ)


def _imsi() -> str:
    """What stands on standard input."""
    imsi = sys.stdin.readline().strip()
    if not (imsi.isascii() and imsi.isdigit() and 6 <= len(imsi) <= 15):
        raise XinlingError(
            "no IMSI on standard input", remedy="write 6 to 15 digits and end the line"
        )
    return imsi


def _subscriber(config: Config, imsi: str) -> str:
    """The pseudonym of an IMSI under the key in force."""
    key = configuration.privacy_key(config)
    return Pseudonyms(key, config.privacy.key_version).subscriber(imsi)


# What is kept


async def _kept(config: Config, imsi: str) -> Kept:
    subscriber = _subscriber(config, imsi)
    partition = partition_of(subscriber, config.kafka.partitions)
    async with redis_of(config, keyed=True) as redis, TopicReader(config.kafka) as reader:
        store = RedisStore(redis)
        loaded = await store.load(partition, [subscriber], None, 0)
        aside = (await store.aside(partition)).get(subscriber)
        rules = RuleSet.load(await store.rules(partition))
        identity = await Vault(redis, configuration.privacy_key(config)).get(subscriber)
        past = PastKeys(redis, configuration.privacy_key(config))
        names = [*await past.pseudonyms(imsi), subscriber]
        places = [
            (name, place)
            for name in names
            for place in await homes(redis, name, config.kafka.partitions)
        ]
        decided = [
            verdict_of(value)
            for name, place in places
            for value in await _rows(reader, topics.VERDICTS, place, name)
        ]
        came = [
            outcome_of(value)
            for name, place in places
            for value in await _rows(reader, topics.OUTCOMES, place, name)
        ]
    packed, known = loaded.states.get(subscriber), loaded.profiles.get(subscriber)
    readable = packed is not None and aside is None
    return Kept(
        subscriber=subscriber,
        identity=identity,
        profile=profiles.decode(known) if known else None,
        state=state_of(packed, subscriber) if packed and readable else Subscriber(subscriber),
        aside=aside,
        verdicts=_once(decided, lambda row: (row.offer, row.step)),
        outcomes=_once(came, lambda row: (row.offer, row.outcome)),
        names=explain.names(rules),
    )


async def _rows(reader: TopicReader, topic: str, partition: int, subscriber: str) -> list[bytes]:
    """The person's rows on a topic, the oldest first."""
    wanted = subscriber.encode()
    found = [
        record.value async for record in reader.backwards(topic, partition) if record.key == wanted
    ]
    return found[::-1]


def _once(rows: Iterable[Row], key: Callable[[Row], object]) -> list[Row]:
    """Rows may repeat; the first place of each counts."""
    return list({key(row): row for row in rows}.values())


def _lines(kept: Kept, config: Config, *, clear: bool) -> Iterator[str]:
    yield f"subscriber {kept.subscriber}"
    yield ""
    yield from _known(kept, clear=clear)
    yield ""
    yield "decisions, and why"
    yield from _decisions(kept)
    yield ""
    yield (
        f"events of the last {config.kafka.events_days} days stand on the log under the pseudonym; "
        "`xinling explain` shows how a decision came of them"
    )


def _known(kept: Kept, *, clear: bool) -> Iterator[str]:
    if kept.identity is None:
        yield "vault: no number"
    else:
        number = kept.identity.msisdn if clear else masked(kept.identity.msisdn)
        yield f"vault: number {number or 'unknown'}"
    yield told.profile_line(kept.profile)
    for name, value in kept.profile.extra.items() if kept.profile else ():
        yield f"{_INDENT}{name} {value}"
    yield "state"
    if kept.aside is not None:
        yield f"{_INDENT}cannot be read: {kept.aside}"
    yield from (_INDENT + line for line in told.state_lines(kept.state, kept.names))


def _decisions(kept: Kept) -> Iterator[str]:
    for verdict in kept.verdicts:
        yield (
            f"{_INDENT}{to_text(verdict.time)}  {verdict.campaign}  {told.outcome_text(verdict)}"
            f"  offer {verdict.offer}"
        )
        if verdict.checks and verdict.reason:
            name, result = verdict.checks[-1]
            yield f"{_INDENT * 2}the check {name!r} said {result!r}"
        if verdict.text:
            yield f"{_INDENT * 2}text: {verdict.text}"
        for outcome in kept.outcomes:
            if outcome.offer == verdict.offer and verdict.text:
                yield f"{_INDENT * 2}{told.delivery_line(outcome)}"
    if not kept.verdicts:
        yield f"{_INDENT}none"


# Erasure


async def _erase(config: Config, subscriber: str) -> bool:
    """Whether a number was known. The number goes first: nothing can be sent from then on."""
    async with redis_of(config, keyed=True) as redis, control_of(config, redis) as control:
        known = await Vault(redis, configuration.privacy_key(config)).forget(subscriber)
        await control.erase(subscriber)
        await Audit(redis).note(Change(time=audit.now(), who=audit.who(), what="erased"))
    return known
