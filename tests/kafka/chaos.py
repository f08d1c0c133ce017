"""The killer: a service under a seeded schedule of faults, and whether it kept P1 and P2.

``PYTHONPATH=tests python tests/kafka/chaos.py --seed 7`` (``make chaos``) prints a line for each
fault, then what became of every offer; it exits with 1 when one was lost or repeated. A run is one
of Apache Kafka, redis-server with ``appendfsync always``, an SMSC that writes down what it takes,
and `xinling` in processes under a supervisor, fed by a ring of captures that grows while it runs.
``--cluster`` has a Redis Cluster in place of one redis-server; most faults are its nodes', in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import copies
import expected
import smsc_process
from broker import ApacheKafka, find_broker
from chaos_schedule import (
    CUT,
    DELIVERY,
    INGEST,
    KAFKA,
    OPT_OUT,
    REDIS,
    SILENCE,
    SMSC,
    Planned,
    schedule,
)
from chaos_system import ChaosSystem
from chaos_world import decided_by, events_on
from checker import Message, check
from checker import Verdict as Found
from redis_nodes import RedisNodes
from system import until

from rules.verdicts import Verdict
from stream import topics

COPY_SECONDS = 5.0
"""Between two copies in the ring."""
SETTLE_SECONDS = 150.0
_SILENT_MS = 1_500
"""Of a node of the cluster, before a replica takes its place."""
_CARRY_SECONDS = 3.0
"""For outcomes on their way onto the log."""
_NO_SECONDS = 15.0
"""After which a no must be in force: a message may be on its way, a process may be stopped."""
_WINDOW = 10
_IN_FLIGHT = {DELIVERY, SMSC, REDIS, KAFKA}
_NEXT = {SILENCE, CUT}
_BEFORE_SECONDS, _AFTER_SECONDS = 4.0, 2.0
"""How long before a fault's beginning, or after its end, a submit may have been its victim."""
_GIVEN_UP_SECONDS = 3.5
"""After a submit without an answer its session is given up, with whatever is under way in it."""

UNEXPLAINED = "no fault"


class Struck(NamedTuple):
    """A fault that has happened, by wall time."""

    fault: Planned
    began: float
    ended: float

    def explains(self, moment: float, submits: Sequence[float]) -> bool:
        """Whether a submit of that moment may have lost its answer by this fault.

        `submits` are the moments of all, in order: silence falls on the next one, whenever it is.
        """
        until = self.ended + _AFTER_SECONDS
        if self.fault.kind in _NEXT:
            at = bisect_left(submits, self.ended)
            until = max([until, *(next_ + _GIVEN_UP_SECONDS for next_ in submits[at : at + 1])])
        return self.began - _BEFORE_SECONDS <= moment <= until and _hurts(self.fault)


def _hurts(fault: Planned) -> bool:
    """Whether it may come between a submit and its answer."""
    return fault.target in _IN_FLIGHT and fault.kind != OPT_OUT


class Run:
    """One run of the killer."""

    def __init__(
        self, system: ChaosSystem, seed: int, faults: int, say: Callable[[str], None]
    ) -> None:
        self._system = system
        self._planned = schedule(seed, faults, cluster=isinstance(system.redis, RedisNodes))
        self._seed = seed
        self._say = say
        self._began = time.monotonic()
        self._struck: list[Struck] = []
        self._must: dict[str, Message] = {}
        self._whose: dict[str, str] = {}

    async def run(self) -> dict[str, Any]:
        """The whole of it; what became of it, as figures. Raises AssertionError."""
        await self._up()
        over = asyncio.Event()
        feeding = asyncio.create_task(self._feed(over))
        await self._torment()
        over.set()
        fed = await feeding
        await self._system.heal()
        decided = await self._decided()
        await self._rows(decided)
        self._must = self._system.world.must(decided)
        self._whose = {one.offer: one.subscriber for one in decided}
        found = await self._settled()
        return {
            **self._figures(fed, decided, found),
            "unknown_taken_by": self._unknown_by_fault(found),
            **self._noes(),
        }

    async def _decided(self) -> list[Verdict]:
        """What the log must come to, once it holds what the captures hold (P1)."""
        surely, at_most = await asyncio.to_thread(self._system.world.events)

        async def there() -> bool:
            records = await self._system.partitions(topics.EVENTS)
            return await asyncio.to_thread(events_on, records) >= surely

        await until(there, SETTLE_SECONDS, self._system.said)
        await asyncio.sleep(_CARRY_SECONDS)
        await self._system.end(INGEST)  # an idle feed's clock runs on: let the log stand still
        records = await self._system.partitions(topics.EVENTS)
        strange = events_on(records) - at_most
        assert not strange, f"{len(strange)} events are in no capture"
        return await decided_by(records)

    async def _up(self) -> None:
        system = self._system
        for role in system.all_kept():
            await until(lambda role=role: "partitions of log" in role.said(), 60, role.said)

    async def _feed(self, over: asyncio.Event) -> int:
        """Copies into the ring until the faults are over, then two more; how many."""
        left = 3
        for number, _ in enumerate(copies.ring(self._system.world.ring, copies.MOST_COPIES), 1):
            left -= over.is_set()
            if not left:
                return number
            await asyncio.sleep(COPY_SECONDS if not over.is_set() else 0.5)
        await over.wait()
        return copies.MOST_COPIES

    async def _torment(self) -> None:
        suffering = []
        for number, fault in enumerate(self._planned, 1):
            await self._moment(fault)
            at = time.monotonic() - self._began
            self._say(f"{number:4} {at:7.1f} s  {fault.kind} {fault.target} {fault.seconds:.1f} s")
            suffering.append(asyncio.create_task(self._strike(fault)))
            await asyncio.sleep(fault.pause)
        await asyncio.gather(*suffering)

    async def _strike(self, fault: Planned) -> None:
        began = time.time()
        await self._system.suffer(fault)
        self._struck.append(Struck(fault, began, time.time()))

    async def _moment(self, fault: Planned) -> None:
        """Every second fault of delivery or SMSC strikes while a submit has no answer yet."""
        if fault.target not in (DELIVERY, SMSC) or fault.pick % 2:
            return
        file = self._system.server.file
        before = file.stat().st_size if file.exists() else 0
        deadline = time.monotonic() + COPY_SECONDS * 2
        while time.monotonic() < deadline:
            if file.exists() and file.stat().st_size > before:
                return
            await asyncio.sleep(0.002)

    async def _rows(self, decided: list[Verdict]) -> None:
        """Waits until the topic bears what replay decided, byte for byte (P1)."""
        wanted = expected.lines([one.row() for one in decided])

        async def there() -> bool:
            return len(expected.lines(await self._system.rows(topics.VERDICTS))) >= len(wanted)

        await until(there, SETTLE_SECONDS, self._system.said)
        found = expected.lines(await self._system.rows(topics.VERDICTS))
        strange = sorted(set(found) ^ set(wanted))
        assert not strange, f"{len(strange)} rows differ from replay's, such as {strange[:2]}"

    async def _settled(self) -> Found:
        """What became of the offers, once nothing moves any more."""
        deadline = time.monotonic() + SETTLE_SECONDS
        found = self._found()
        while found.lost and time.monotonic() < deadline:
            await asyncio.sleep(1)
            found = self._found()
        await asyncio.sleep(3)  # for what may yet be repeated
        return self._found()

    def _found(self) -> Found:
        taken = [
            Message(one.destination, one.text)
            for one in smsc_process.taken(self._system.server.file)
        ]
        with self._system.redis.client() as redis:
            states = {
                key.decode().removeprefix("xl:ledger:{").removesuffix("}"): (
                    redis.hget(key, "state") or b""
                ).decode()
                for key in redis.scan_iter("xl:ledger:{*}")
            }
            refused = {offer for offer, who in self._whose.items() if redis.exists(f"xl:no:{who}")}
        return check(self._must, taken, states, refused)

    def _noes(self) -> dict[str, int]:
        """Who wrote back that they want no more, and what they were sent all the same (P3)."""
        file = self._system.server.file
        who = {number: name for name, number in self._system.world.numbers().items()}
        with self._system.redis.client() as redis:
            heard = [
                one
                for one in smsc_process.refused(file)
                if redis.exists(f"xl:no:{who[one.destination]}")
            ]
        late = sum(
            each.destination == no.destination and each.wall > no.wall + _NO_SECONDS
            for no in heard
            for each in smsc_process.taken(file)
        )
        said = len(smsc_process.refused(file))
        return {"noes": said, "noes_heard": len(heard), "sent_after_a_no": late}

    def _unknown_by_fault(self, found: Found) -> dict[str, int]:
        """What was taken and not answered, by the fault that explains it."""
        when = {
            Message(one.destination, one.text): one.wall
            for one in smsc_process.taken(self._system.server.file)
        }
        submits = sorted(when.values())
        explained: Counter[str] = Counter()
        for offer in found.unknown_taken:
            moment = when[self._must[offer]]
            by = [one.fault for one in self._struck if one.explains(moment, submits)]
            explained[f"{by[0].kind} {by[0].target}" if by else UNEXPLAINED] += 1
        return dict(sorted(explained.items()))

    def _figures(self, fed: int, decided: list[Verdict], found: Found) -> dict[str, Any]:
        by_kind = Counter(f"{fault.kind} {fault.target}" for fault in self._planned)
        touched = sum(map(_hurts, self._planned))
        return {
            "seed": self._seed,
            "faults": len(self._planned),
            "by_kind": dict(sorted(by_kind.items())),
            "seconds": round(time.monotonic() - self._began),
            "processes_started": len(self._system.processes),
            "copies": fed,
            "verdicts": len(decided),
            "offers": sum(len(book) for book in found[:-1]),
            "once": len(found.once),
            "unknown_taken": len(found.unknown_taken),
            "unknown_not_taken": len(found.unknown_not_taken),
            "unknown_at_most": touched * _WINDOW,
            "withheld": len(found.withheld),
            "lost": len(found.lost),
            "repeated": len(found.repeated),
            "contradicted": len(found.contradicted),
            "foreign": found.foreign,
        }


_NEVER = ("lost", "repeated", "contradicted", "foreign", "sent_after_a_no")


def _kept(figures: dict[str, Any]) -> bool:
    """Whether P2 holds: nothing lost or repeated, and what is unknown within its bound."""
    unknown = figures["unknown_taken"] + figures["unknown_not_taken"]
    wrong = [figures[name] for name in _NEVER]
    explained = UNEXPLAINED not in figures["unknown_taken_by"]
    return not any(wrong) and unknown <= figures["unknown_at_most"] and explained


async def torment(
    home: Path, seed: int, faults: int, say: Callable[[str], None], *, cluster: bool = False
) -> dict[str, Any] | None:
    """A run in `home`; None where there is no broker that keeps its data.

    `cluster`: on three nodes with a replica each, which is quick to take a primary's place.
    """
    broker = find_broker(home / "kafka")
    if broker is None or broker.kind != ApacheKafka.kind:
        return None
    broker.start()
    nodes = RedisNodes(home / "redis", replicas=1, silent_ms=_SILENT_MS) if cluster else None
    system = ChaosSystem(home, broker, copies.MOST_COPIES, nodes)
    try:
        await system.start()
        figures = await Run(system, seed, faults, say).run()
        figures["kept"] = _kept(figures)
        return figures
    finally:
        await system.stop()
        broker.signal(signal.SIGCONT)
        broker.stop(signal.SIGKILL)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  for whoever ran it


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options.add_argument("--faults", type=int, default=120)
    options.add_argument("--home", type=Path)
    options.add_argument("--cluster", action="store_true", help="on a Redis Cluster")
    asked = options.parse_args()
    home = asked.home or Path(tempfile.mkdtemp(prefix="xinling-chaos-"))
    _print(f"seed {asked.seed}, {asked.faults} faults, in {home}")
    run = torment(home, asked.seed, asked.faults, _print, cluster=asked.cluster)
    figures = asyncio.run(run)
    if figures is None:
        _print("the killer needs Apache Kafka: Java 17 and Maven")
        return 1
    _print(json.dumps(figures))
    return 0 if figures["kept"] else 1


if __name__ == "__main__":
    sys.exit(main())
