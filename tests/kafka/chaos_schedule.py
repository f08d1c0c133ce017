"""The killer's plan: made from a seed, so that a run that failed can be made again. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

WORKER, INGEST, DELIVERY = "subscribers", "ingest", "delivery"
REDIS, KAFKA, SMSC = "redis", "kafka", "smsc"
RULES = "rules"

KILL = "kill"
"""SIGKILL; whoever looks after it starts it again."""
STOP = "stop"
"""SIGSTOP, and SIGCONT after a while."""
ADD, REMOVE = "add", "remove"
"""One worker more or less: partitions move."""
FILL = "fill the disk"
"""Nothing more can be written, until it is started again with room."""
SILENCE, CUT = "silence", "cut"
"""The next submit is taken and never answered, or the connection is cut instead."""
OPT_OUT = "opt-out"
"""Whoever got the last message writes back: no more."""
CHANGE = "change"
"""A campaign's file is written anew, with another text."""

_DECK = (
    *[(KILL, WORKER)] * 4,
    *[(STOP, WORKER)] * 4,
    *[(ADD, WORKER)] * 2,
    *[(REMOVE, WORKER)] * 2,
    *[(KILL, DELIVERY)] * 4,
    *[(STOP, DELIVERY)] * 2,
    (ADD, DELIVERY),
    (REMOVE, DELIVERY),
    *[(KILL, INGEST)] * 2,
    (STOP, INGEST),
    *[(KILL, REDIS)] * 2,
    (STOP, REDIS),
    (FILL, REDIS),
    (KILL, KAFKA),
    (STOP, KAFKA),
    (FILL, KAFKA),
    *[(KILL, SMSC)] * 2,
    *[(STOP, SMSC)] * 2,
    (SILENCE, SMSC),
    (CUT, SMSC),
    *[(OPT_OUT, SMSC)] * 4,
    *[(CHANGE, RULES)] * 2,
)
"""Each turn through the deck does all of it, in an order of its own."""
_CLUSTER_DECK = (
    *[(KILL, REDIS)] * 5,
    *[(STOP, REDIS)] * 2,
    (FILL, REDIS),
    *[(KILL, DELIVERY)] * 2,
    (KILL, WORKER),
    (KILL, INGEST),
)
"""Where it is the nodes of a cluster that are put to the test."""
_SHORT = (0.3, 3.0)
_LONG = (8.0, 11.0)
"""Longer than the session with the group: others get the partitions, and this one wakes up."""
_OFTEN_LONG = 0.3
_PAUSE = (0.5, 5.0)


class Planned(NamedTuple):
    """One fault."""

    kind: str
    target: str
    pick: int
    """Which of several processes, modulo how many there are."""
    seconds: float
    """How long it is stopped, or away before it is started again."""
    pause: float
    """Before the next fault."""


def schedule(seed: int, count: int, *, cluster: bool = False) -> list[Planned]:
    """The first `count` faults of a seed; `cluster`: of Redis' nodes above all."""
    rng = random.Random(seed)
    whole = _CLUSTER_DECK if cluster else _DECK
    return [_planned(rng, kind, target) for kind, target in islice(_dealt(rng, whole), count)]


def _dealt(rng: random.Random, whole: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    while True:
        deck = list(whole)
        rng.shuffle(deck)
        yield from deck


def _planned(rng: random.Random, kind: str, target: str) -> Planned:
    long = kind == STOP and target == WORKER and rng.random() < _OFTEN_LONG
    seconds = rng.uniform(*(_LONG if long else _SHORT))
    return Planned(kind, target, rng.randrange(1000), seconds, rng.uniform(*_PAUSE))
