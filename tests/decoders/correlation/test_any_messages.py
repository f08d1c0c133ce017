"""P4: whatever messages come, in whatever order, the correlator goes on and stays small."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import msgspec
import pytest
from correlation_labs import LABS, correlator, decode, records

from decoders.connections import Limits
from decoders.correlator import CorrelatorConfig
from decoders.messages import Message
from decoders.times import SECOND

SMALL = CorrelatorConfig(
    limits=Limits(idle=2 * SECOND, call_idle=5 * SECOND, connections=8), bindings=16, subscribers=8
)
KEPT = {"time", "frame"}


def crossed(messages: list[Message], chance: Random) -> list[Message]:
    """Messages that never were: each has some attributes of another one."""
    made = []
    for message in messages:
        other = chance.choice(messages)
        names = [
            name
            for name in message.__struct_fields__
            if name not in KEPT and chance.random() < 0.15
        ]
        made.append(
            msgspec.structs.replace(message, **{name: getattr(other, name) for name in names})
        )
    return made


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("lab", LABS)
def test_p4_messages_that_never_were_make_nothing_fail_or_grow(lab: str, seed: int) -> None:
    chance = Random(seed)
    one = correlator(SMALL)
    events = []
    for message in crossed(decode(records(LABS[lab])), chance):
        events += one.feed(message)
        assert len(one.connections) <= 8
        assert len(one.bindings) <= 16
    events += one.finish()
    assert len(one.connections) == 0
    assert all(earlier.time <= later.time for earlier, later in pairwise(events))
    assert sum(one.events.values()) == len(events)


@pytest.mark.parametrize("lab", LABS)
def test_p1_the_same_messages_give_the_same_events_byte_for_byte(lab: str) -> None:
    def told() -> bytes:
        one = correlator(clear=False)
        events = [event for message in decode(records(LABS[lab])) for event in one.feed(message)]
        return msgspec.json.encode(events + one.finish())

    assert told() == told()
