"""`xinling demo`: the whole system on this machine, with real captures and nothing installed.

The rooms are the service's own: ingest, batches, `handle`, Redis, rules, outbox, relay, delivery,
SMPP. Only the log is a queue of this process in place of Kafka, Redis is the one that comes with
the package, and the SMSC is `stream.sms.smsc`. All identities are the laboratories' test ranges,
and the key is public.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.console import Console

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules.cells import CellTable
from rules.engine import RuleSet
from rules.verdicts import Verdict
from simulator import departures
from stream import metrics, rule_files
from stream.cancelling import cancelled
from stream.control import Control, RedisMark
from stream.demo.reader import TimedReader
from stream.demo.scenes import LABS, Scene, named
from stream.demo.story import Story
from stream.demo.view import Comparison, Line, Summary, View
from stream.embedded import RedisServer
from stream.engine import Engine
from stream.feeds import Feed
from stream.handled import Handled
from stream.handler import Handler
from stream.ingest import Ingest
from stream.log import Batch
from stream.publishing import is_offer
from stream.redis_store import RedisStore
from stream.relay import Relay
from stream.sms import outcomes
from stream.sms.delivery import Clocks, Delivery
from stream.sms.gate import StoreGate
from stream.sms.ledger import Ledger
from stream.sms.outcomes import Outcome
from stream.sms.receipts import Receipt
from stream.sms.smpp import SmppClient, SmppConfig
from stream.sms.smsc import Smsc
from stream.sms.vault import Vault, masked
from stream.state import OutboxEntry, StoreUnavailableError
from stream.topics import Log

PARTITIONS = 4

_PASSWORD = "demo"  # noqa: S105  of an SMSC on loopback, for some seconds
_FLUSH_SECONDS = 0.005
_RECEIPT_SECONDS = 5.0
_INTERRUPTED = 130


def run(console: Console | None = None, scene: str = LABS.name) -> int:
    """Runs the demonstration to its end; 0, or 130 after Ctrl-C, everything stopped either way.

    Raises XinlingError for what a person can mend.
    """
    console = console or Console(highlight=False)
    try:
        return asyncio.run(main(console, named(scene)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("interrupted; everything is stopped")
        return _INTERRUPTED


async def main(console: Console, scene: Scene = LABS, *, paced: bool = True) -> int:
    """Plays `scene` at its speed or as fast as it goes, prints offers, then a summary."""
    began = time.perf_counter()
    scene.check()
    _stop_on_sigterm()
    view = View(console)
    with RedisServer() as server:
        demo = Demo(server.url, view, scene)
        async with demo:
            ready = time.perf_counter() - began
            view.ready(len(scene.captures), scene.what, scene.speed if paced else None, ready)
            await demo.play(paced=paced)
    view.summary(demo.summary(time.perf_counter() - began))
    return 0


def _stop_on_sigterm() -> None:
    """SIGTERM ends it as Ctrl-C does, so that nothing is left behind."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


class Demo:
    """The rooms, put together; as an asynchronous context they run, and stop at its end."""

    def __init__(self, url: str, view: View, scene: Scene = LABS) -> None:
        """`url`: of an empty Redis. Raises what is wrong with the demonstration's files."""
        self._view, self._scene = view, scene
        self._bundle = scene.bundle()
        self._pseudonyms = Pseudonyms(TEST_KEY)
        self._story = self._told()
        # redis-py bounds a write by asyncio.wait_for, which on Python 3.11 may lose a cancellation
        # (cpython issue 86296), and Ctrl-C is one. This server is ours: nothing will hang.
        self._redis = Redis.from_url(url, socket_timeout=None)
        self._store = RedisStore(self._redis)
        self._vault = Vault(self._redis, TEST_KEY)
        self._relay = Relay(self._store, self._publish, range(PARTITIONS))
        handler = Handler(self._store, RuleSet.load)
        self._engine = Engine(handler, PARTITIONS, when_handled=self._when_handled)
        correlator = Correlator(CorrelatorConfig(), self._pseudonyms, rule_files.plan(scene.plan))
        self._reader = TimedReader(Decoder(DecoderConfig()), correlator, view.damaged)
        self.smsc = Smsc(_PASSWORD)
        self._running = AsyncExitStack()
        self._delivery: Delivery | None = None
        self._clock = 0
        self._verdicts: Counter[tuple[str, str, str]] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._departed: list[tuple[str, int]] = []
        self._under_way: dict[str, Verdict] = {}
        self._concluded = asyncio.Event()
        self._concluded.set()
        self._answered: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        """Starts the rooms from the SMSC backwards, so that each finds the next one answering."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._store.close)
            stack.push_async_callback(self.smsc.stop)
            await self.smsc.start()
            client = SmppClient(self._smpp(), self._on_receipt)
            stack.push_async_callback(client.stop)
            await client.start()
            await client.ready()
            self._delivery = self._delivering(client)
            await stack.enter_async_context(_background(self._relay.run()))
            await stack.enter_async_context(self._engine)
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops the rooms in the other order."""
        await self._running.__aexit__(kind, error, trace)

    async def play(self, *, paced: bool) -> None:
        """Publishes profiles and rules, plays the captures, waits for what is under way then."""
        scene = self._scene
        log = Log("demo", PARTITIONS)
        writer = EngineWriter(self._engine)
        control = Control(writer, log, RedisMark(self._redis, log.epoch))
        await control.profiles(str(self._scene.profiles), self._pseudonyms, self._vault)
        await control.rules(self._bundle)
        ingest = Ingest(
            feed=Feed([str(path) for path in scene.captures], self._view.damaged),
            reader=self._reader,
            writer=writer,
            log=log,
            settings=scene.plan.read_bytes(),
            flush_seconds=_FLUSH_SECONDS,
            speed=scene.speed if paced else None,
        )
        try:
            await ingest.run()
        finally:
            ingest.stop()
        for partition in range(PARTITIONS):
            await self._relay.flush(partition)
        await self._receipts()

    def summary(self, seconds: float) -> Summary:
        """What came of it, after `seconds` in all."""
        return Summary(
            totals=self._reader.totals,
            events=self._reader.types,
            verdicts=self._verdicts,
            outcomes=self._outcomes,
            taken=len(self.smsc.submitted),
            latencies=self._latencies,
            truth=self._compared(),
            seconds=seconds,
        )

    def _compared(self) -> Comparison | None:
        """The triggers of departures against the truth, where it is known."""
        if self._scene.departures is None:
            return None
        truth = departures.read(self._scene.departures)
        subscriber = self._pseudonyms.subscriber
        left = [one._replace(imsi=subscriber(one.imsi)) for one in truth.departures]
        return Comparison(departures.compare(left, self._departed, self._clock), truth.flapped)

    def _told(self) -> Story:
        rules = RuleSet.load(self._bundle, running=True)
        cells = CellTable.load(self._bundle[rule_files.CELLS], rule_files.CELLS)
        people = {
            self._pseudonyms.subscriber(imsi): profile
            for imsi, _, profile in rule_files.profiles(self._scene.profiles)
        }
        return Story(rules, cells, people)

    def _smpp(self) -> SmppConfig:
        return SmppConfig(
            host="127.0.0.1", port=self.smsc.port, system_id="xinling", password=_PASSWORD
        )

    def _delivering(self, client: SmppClient) -> Delivery:
        return Delivery(
            gate=StoreGate(self._store, PARTITIONS),
            vault=self._vault,
            ledger=Ledger(self._redis, "demo"),
            smsc=client,
            clocks=Clocks(offers=lambda: self._clock, wall=lambda: time.time_ns() // 1000),
            tell=self._tell,
        )

    async def _when_handled(self, partition: int, handled: Handled) -> None:
        self._clock = max(self._clock, handled.progress.clock)
        if handled.verdicts:
            self._relay.tell(partition)

    async def _publish(self, _partition: int, entries: list[OutboxEntry]) -> None:
        """`stream.relay.Publish`: an entry is safe when it is shown, and delivered if an offer."""
        try:
            await asyncio.gather(*(self._take(entry.verdict) for entry in entries))
        except RedisError as error:
            raise StoreUnavailableError("the vault or the ledger does not answer") from error

    async def _take(self, verdict: Verdict) -> None:
        assert self._delivery is not None
        self._verdicts[verdict.campaign, verdict.verdict, verdict.reason or ""] += 1
        if verdict.step == 0 and verdict.trigger.startswith("left:"):
            self._departed.append((verdict.subscriber, verdict.time))
        if not is_offer(verdict):
            await self._show(verdict, verdict.reason or "not sent", verdict.verdict)
            return
        self._under_way[verdict.offer] = verdict
        self._concluded.clear()
        await self._delivery.deliver(verdict)

    async def _tell(self, outcome: Outcome) -> None:
        """`stream.sms.delivery.Tell`: a line when it is known what became of an offer."""
        self._outcomes[outcome.outcome] += 1
        verdict = self._under_way[outcome.offer]
        if outcome.outcome == outcomes.SUBMITTED:
            self._submitted(verdict)
            return
        del self._under_way[outcome.offer]
        answer = outcome.outcome + (f" ({outcome.reason})" if outcome.reason else "")
        before = self._answered.pop(outcome.offer, "")
        await self._show(verdict, before + answer, outcome.outcome)
        if not self._under_way:
            self._concluded.set()

    def _submitted(self, verdict: Verdict) -> None:
        seconds = self._reader.seconds_since(verdict.time)
        if seconds is None:
            self._answered[verdict.offer] = "accepted, "
            return
        self._latencies.append(seconds)
        metrics.frame_to_submit_seconds.observe(seconds)
        self._answered[verdict.offer] = f"accepted after {seconds * 1000:.0f} ms, "

    async def _show(self, verdict: Verdict, answer: str, state: str) -> None:
        identity = await self._vault.get(verdict.subscriber)
        self._view.line(
            Line(
                time=verdict.time,
                number=masked(identity.msisdn) if identity else "unknown",
                what=self._story.of(verdict, self._reader.calls.get(verdict.trigger)),
                campaign=verdict.campaign,
                verdict=verdict.verdict,
                answer=answer,
                state=state,
            )
        )

    async def _on_receipt(self, receipt: Receipt) -> None:
        assert self._delivery is not None
        await self._delivery.on_receipt(receipt)

    async def _receipts(self) -> None:
        """Waits until every submitted offer has its receipt, or five seconds; shows the others."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECEIPT_SECONDS):
                await self._concluded.wait()
        for verdict in list(self._under_way.values()):
            answer = self._answered.get(verdict.offer, "")
            await self._show(verdict, answer + "no receipt yet", outcomes.SUBMITTED)


class EngineWriter:
    """The embedded engine as `stream.ingest.Writer`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def write(self, partition: int, batch: Batch) -> None:
        """Puts a batch on the partition's queue."""
        await self._engine.put(partition, batch)

    async def flush(self) -> None:
        """Waits until everything put has been handled."""
        await self._engine.drain()


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A context in which `work` runs."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await cancelled([task])
