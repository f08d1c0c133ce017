"""`xinling run` and `xinling ingest`: a process that works until told to stop or unable to go on.

It ends with 0 after SIGTERM, SIGINT or the end of its sources; with 1 when something stayed away
longer than `service.retry_seconds` or stopped making progress, so that its supervisor starts it
again. Whatever hangs on the way out, it is out within ten seconds of the signal.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import start_http_server

from decoders.errors import XinlingError
from rules.engine import RuleSet
from rules.errors import CampaignErrors
from stream import config as configuration
from stream import garbage, roles, rule_files, topics
from stream.cancelling import cancelled
from stream.config import Config, ConfigError
from stream.ingest_role import IngestPart
from stream.redis_client import check as check_redis
from stream.redis_client import redis_client
from stream.redis_store import RedisStore
from stream.roles import Part
from stream.rule_files import FileError
from stream.sms import seeds
from stream.sms.delivery_role import DeliveryPart
from stream.state import StoreUnavailableError
from stream.subscribers_role import SubscribersPart
from stream.topics import Log

logger = logging.getLogger(__name__)

_LAST_SECONDS = 1.5
"""On the way out, for what does not heed `service.stop_seconds`."""
_QUIET = {
    "aiokafka": logging.CRITICAL,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "stream.fetching": logging.WARNING,
}
"""aiokafka logs each try of an outage; what waits for Kafka says so once."""


def run(config: Path | None, only: str | None, *, check: bool = False) -> None:
    """`xinling run`: returns after a signal; raises XinlingError for what a person can mend."""
    loaded = _loaded(config)
    if check:
        campaigns = validate(loaded)
        sys.stderr.write(f"xinling: the configuration is good, with {campaigns} campaigns\n")
        return
    try:
        validate(loaded)
    except (CampaignErrors, FileError):
        if not asyncio.run(_have_rules(loaded)):
            raise  # else those stay in force, and ingest raises the alarm
    wanted = (only,) if only else roles.ROLES
    _finish(loaded, lambda failed: _parts(loaded, wanted, failed), ends=False)


def ingest(
    config: Path | None, sources: Sequence[str], speed: str, *, follow: bool = False
) -> None:
    """`xinling ingest`: returns when all sources are on the log, or after a signal."""
    loaded = _loaded(config)
    fed = msgspec.structs.replace(loaded.ingest, sources=tuple(sources), speed=speed, follow=follow)
    loaded = msgspec.structs.replace(loaded, ingest=fed)
    configuration.speed(fed)
    configuration.privacy_key(loaded)

    async def parts(_: Callable[[BaseException], None]) -> list[Part]:
        log = await _log(loaded)
        return [IngestPart(loaded, log, control=False)]

    _finish(loaded, parts, ends=True)


def validate(config: Config) -> int:
    """What `run --check` looks at: the key, the rules and their files; how many campaigns.

    Raises ConfigError, FileError, CampaignErrors.
    """
    configuration.privacy_key(config)
    check_redis(config.redis)
    rules = RuleSet.load(roles.bundle(config), running=True, allocated=True)
    rule_files.plan(config.rules.plan)
    if config.rules.seeds:
        seeds.numbers(config.rules.seeds)
    if config.rules.profiles and not Path(config.rules.profiles).is_file():
        raise ConfigError(
            "no such file", file=config.rules.profiles, key="rules.profiles", remedy="name a CSV"
        )
    return len(rules.campaigns)


async def _have_rules(config: Config) -> bool:
    """Whether a start before this one left rules in force."""
    store = RedisStore(redis_client(config))
    try:
        return bool(await store.rules(0))
    except StoreUnavailableError:
        return False
    finally:
        await store.close()


def _loaded(file: Path | None) -> Config:
    return configuration.load(str(file) if file else None, os.environ)


async def _log(config: Config) -> Log:
    return await topics.prepare(config.kafka, config.service.retry_seconds)


async def _parts(
    config: Config, wanted: Sequence[str], failed: Callable[[BaseException], None]
) -> list[Part]:
    log = await _log(config)
    parts: list[Part] = []
    if roles.INGEST in wanted:
        parts.append(IngestPart(config, log))
    if roles.SUBSCRIBERS in wanted:
        parts.append(SubscribersPart(config, log, failed))
    if roles.DELIVERY in wanted:
        parts.append(DeliveryPart(config, log, failed))
    logger.info("%s on %d partitions of log %s", ", ".join(wanted), log.partitions, log.epoch)
    return parts


Build = Callable[[Callable[[BaseException], None]], Awaitable[list[Part]]]


def _finish(config: Config, build: Build, *, ends: bool) -> None:
    """Runs the process and leaves it, whatever hangs."""
    _log_to_stderr()
    error = asyncio.run(_Process(config, ends=ends).work(build))
    if error is not None:
        raise error


class _Process:
    """From the first signal handler to the last closed connection."""

    def __init__(self, config: Config, *, ends: bool) -> None:
        """`ends`: whether the end of all parts is the end of the process."""
        self._config = config
        self._ends = ends
        self._stop = asyncio.Event()
        self._error: BaseException | None = None

    async def work(self, build: Build) -> BaseException | None:
        """Builds the parts, runs them until the end; what went wrong, if anything."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop)
        self._serve_metrics()
        building = asyncio.ensure_future(build(self._fail))
        parts: list[Part] = []
        await self._until_stopped([building])
        if building.done():
            with suppress(asyncio.CancelledError):
                parts = self._result(building) or []
        if parts:
            await self._run(parts)
        return self._error

    async def _run(self, parts: list[Part]) -> None:
        garbage.settle()
        tasks: list[asyncio.Future[Any]] = [asyncio.create_task(part.run()) for part in parts]
        while not self._stop.is_set():
            done = await self._until_stopped(tasks)
            for task in done:
                self._result(task)
            tasks = [task for task in tasks if task not in done]
            if not tasks and self._ends:
                break
        self._asked_to_stop()
        patience = self._config.service.stop_seconds / 2
        await self._let_go([part.stop(patience) for part in parts])
        await cancelled(tasks)
        await self._let_go([part.close() for part in parts])

    async def _let_go(self, work: Sequence[Coroutine[Any, Any, None]]) -> None:
        """All of it at once, for at most half of `service.stop_seconds`; failures are told."""
        tasks = [asyncio.create_task(one) for one in work]
        _, late = await asyncio.wait(tasks, timeout=self._config.service.stop_seconds / 2)
        for task in late:
            task.cancel()
        for task in tasks:
            if task in late:
                logger.warning("something did not stop in time")
            elif (error := task.exception()) is not None:
                logger.warning("on the way out: %s", type(error).__name__)

    async def _until_stopped(
        self, tasks: Sequence[asyncio.Future[Any]]
    ) -> set[asyncio.Future[Any]]:
        """The tasks that are done, once one is or the process is to stop."""
        stopping: asyncio.Future[Any] = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        return {task for task in tasks if task.done()}

    def _result(self, task: asyncio.Future[Any]) -> Any:
        if task.cancelled():
            return None
        error = task.exception()
        if error is None:
            return task.result()
        self._fail(error)
        return None

    def _fail(self, error: BaseException) -> None:
        """Ends the process; the first failure is the one that is told."""
        if self._error is None:
            self._error = _plain(error)
        self._asked_to_stop()

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            return
        self._stop.set()
        seconds = self._config.service.stop_seconds + _LAST_SECONDS
        last = threading.Timer(seconds, _leave, [1 if self._error else 0])
        last.daemon = True
        last.start()

    def _serve_metrics(self) -> None:
        where = self._config.metrics
        if not where.port:
            return
        try:
            start_http_server(where.port, where.host)
        except OSError as error:
            if self._ends:  # an ingest beside a service on the same machine
                logger.warning("no metrics: %s:%d is taken", where.host, where.port)
                return
            self._fail(
                ConfigError(
                    f"cannot listen at {where.host}:{where.port}: {error.strerror}",
                    key="metrics.port",
                    remedy="choose a free port, or 0 for none",
                )
            )


def _plain(error: BaseException) -> BaseException:
    """An exception group of one task's failure as that failure."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, XinlingError | ExceptionGroup):
        return error
    if os.environ.get("XINLING_TRACEBACK") == "1":
        logger.error("%s", type(error).__name__, exc_info=error)
    return XinlingError(
        f"the service cannot go on: {type(error).__name__}",
        remedy="start it again; XINLING_TRACEBACK=1 says more",
    )


def _leave(code: int) -> None:
    """Out, although something hangs; what was committed is safe."""
    sys.stderr.flush()
    os._exit(code)


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
