"""``xinling bench delivery``: how many offers go out a second, how long each takes, what it costs.

As JSON lines with versions and machine: a delivery in this process, a Redis that has each write on
disk before it answers, and an SMSC in a process of its own, in real SMPP sessions. Offers come from
memory and outcomes are only encoded: Kafka is not in it. Each offer is asked about again at the
gate, opened from the vault, claimed, submitted and written down, and its receipt taken.
"""

from __future__ import annotations

import asyncio
import platform
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.times import SECOND
from rules import profile as profiles
from rules.engine import RuleSet
from rules.profile import Profile
from rules.verdicts import SEND, Verdict
from stream.bench import servers as bench_servers
from stream.bench.servers import Server
from stream.log import partition_of
from stream.redis_store import RedisStore
from stream.sms import outcomes
from stream.sms.answers import Answers
from stream.sms.coalescing import CoalescingRedis
from stream.sms.delivery import Clocks, Delivery
from stream.sms.gate import StoreGate
from stream.sms.in_flight import InFlight
from stream.sms.ledger import Ledger
from stream.sms.outcomes import Outcome
from stream.sms.receipts import Receipt
from stream.sms.smpp import SmppClient, SmppConfig
from stream.sms.smsc import Smsc
from stream.sms.vault import Identity, Vault
from stream.state import Commit, Progress
from stream.stops import Stops

_PARTITIONS = 8
_ROWS = 500
_RECEIPT_SECONDS = 30.0
_NOON = 1_201_492_800 * SECOND
"""2008-01-28 12:00 in Shanghai: no quiet hours."""
_RULES = {
    "campaigns/bench.yaml": (
        "campaign: bench\ntitle: bench\nstatus: live\ntrigger: {updated: {}}\n"
        'offer: {from: "10086", text: 【测试】打长途加拨12593更省钱。回复1开通，回复TD退订。}\n'
    ).encode()
}
_TEXT = "【测试】打长途加拨12593更省钱。回复1开通，回复TD退订。"


def delivery(offers: int, window: int, answers_after: float) -> None:
    """Measures and prints.

    Args:
        offers: how many of each measurement.
        window: offers in hand at once; measured beside one after another.
        answers_after: milliseconds that the SMSC thinks about each submit.

    Raises:
        XinlingError: something that it needs does not start.
    """
    _print({"bench": "machine", **_machine()})
    with tempfile.TemporaryDirectory(prefix="xinling-bench-") as folder:
        home = Path(folder)
        with bench_servers.redis(home) as (redis, url), _smsc(home, answers_after) as (smsc, port):
            for wide in dict.fromkeys((1, window)):
                count = offers if wide > 1 else min(offers, _ROWS)
                line = asyncio.run(_Run(url, port, count, wide).run(redis, smsc))
                _print({"bench": "delivery", "smsc_milliseconds": answers_after, **line})


class _Run:
    """One measurement."""

    def __init__(self, url: str, port: int, offers: int, window: int) -> None:
        self._redis = CoalescingRedis.from_url(url)
        self._store = RedisStore(self._redis)
        self._offers = offers
        self._window = window
        self._began: dict[str, float] = {}
        self._seconds: list[float] = []
        self._outcomes: Counter[str] = Counter()
        self._all = asyncio.Event()
        self._vault = Vault(self._redis, TEST_KEY[:32])
        answers = Answers(self._redis, Pseudonyms(TEST_KEY))
        gate = StoreGate(self._store, _PARTITIONS, Stops(self._redis).names, answers.said_no)
        config = SmppConfig(
            host="127.0.0.1",
            port=port,
            system_id="bench",
            password="demo",  # noqa: S106  loopback only
            window=window,
        )
        self._smsc = SmppClient(config, self._on_receipt)
        self._delivery = Delivery(
            gate=gate,
            vault=self._vault,
            ledger=Ledger(self._redis, f"bench-{window}"),
            smsc=self._smsc,
            clocks=Clocks(lambda: _NOON + SECOND, lambda: time.time_ns() // 1000),
            tell=self._tell,
            note=answers.note,
        )

    async def run(self, redis: Server, smsc: Server) -> dict[str, Any]:
        """The figures."""
        await self._know()
        verdicts = [_offer(number, self._window) for number in range(self._offers)]
        await self._smsc.start()
        await self._smsc.ready()
        parts = {"redis": redis, "smsc": smsc}
        cpu = {name: part.cpu() for name, part in parts.items()}
        wall, own = time.perf_counter(), time.process_time()
        failed: list[BaseException] = []
        flight = InFlight(self._window, self._take(verdicts), failed.append)
        for place, verdict in enumerate(verdicts):
            await flight.put((0, place), verdict.subscriber.encode(), b"", int)
        await flight.settled()
        wall = time.perf_counter() - wall
        await self._receipts()
        own = time.process_time() - own
        spent = {name: part.cpu() - cpu[name] for name, part in parts.items()}
        await self._smsc.stop()
        await self._store.close()
        for error in failed:
            raise error
        return self._line(wall, {"delivery": own, **spent})

    def _line(self, wall: float, cpu: dict[str, float]) -> dict[str, Any]:
        seconds = sorted(self._seconds)
        return {
            "offers": self._offers,
            "window": self._window,
            "submits_per_second": round(self._offers / wall),
            "submits_per_cpu_second": round(self._offers / cpu["delivery"]),
            "milliseconds": {
                f"p{name}": round(seconds[int(len(seconds) * share)] * 1000, 1)
                for name, share in (("50", 0.5), ("99", 0.99))
            },
            "cpu_milliseconds_per_submit": {
                name: round(spent / self._offers * 1000, 2) for name, spent in cpu.items()
            },
            "outcomes": dict(sorted(self._outcomes.items())),
        }

    def _take(self, verdicts: list[Verdict]) -> Any:
        async def take(_partition: int, offset: int, _value: bytes) -> None:
            began = time.perf_counter()
            await self._delivery.deliver(verdicts[offset])
            self._seconds.append(time.perf_counter() - began)

        return take

    async def _know(self) -> None:
        """Rules, profiles and numbers, as the log would have left them."""
        people = [_subscriber(number) for number in range(self._offers)]
        willing = profiles.encode(Profile(consent=("sms",), time_zone="Asia/Shanghai"))
        for begin in range(0, len(people), _ROWS):
            some = range(begin, min(begin + _ROWS, len(people)))
            await self._vault.put({people[one]: Identity("", f"139{one:08}") for one in some})
        for partition in range(_PARTITIONS):
            loaded = await self._store.load(partition, [], None, 0)
            mine = [one for one in people if partition_of(one, _PARTITIONS) == partition]
            progress = Progress(offset=loaded.progress.offset + 1, rules=RuleSet.load(_RULES).hash)
            commit = Commit(progress, profiles=dict.fromkeys(mine, willing), rules=_RULES)
            await self._store.commit(partition, loaded.token, commit)

    async def _receipts(self) -> None:
        """Waits until every receipt was taken."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all.wait(), _RECEIPT_SECONDS)

    async def _on_receipt(self, receipt: Receipt) -> None:
        await self._delivery.on_receipt(receipt)

    async def _tell(self, outcome: Outcome) -> None:
        msgspec.json.encode(outcome.row())
        self._outcomes[outcome.outcome] += 1
        if self._outcomes[outcomes.DELIVERED] == self._offers:
            self._all.set()


def _subscriber(number: int) -> str:
    return f"1-{number:024x}"


def _offer(number: int, window: int) -> Verdict:
    return Verdict(
        offer=f"{window:08x}{number:024x}",
        step=0,
        campaign="bench",
        campaign_hash="",
        wave=1,
        subscriber=_subscriber(number),
        time=_NOON,
        trigger="bench",
        verdict=SEND,
        text=_TEXT,
    )


def _smsc(home: Path, answers_after: float) -> Any:
    command = [sys.executable, "-m", "stream.bench.delivery", str(answers_after / 1000)]
    return bench_servers.listening(command, home, "smsc")


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        **{name: version(name) for name in ("redis", "smpp34", "msgspec")},
    }


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


async def _serve(answers_after: float) -> None:
    """The SMSC's process: its port on standard output, then until it is ended."""
    smsc = Smsc(answers_after=answers_after)
    await smsc.start()
    sys.stdout.write(f"{smsc.port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
