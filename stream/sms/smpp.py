"""The SMPP 3.4 client: one transceiver session, kept up, with every wait bounded.

smpp34 frames, numbers and answers enquire_link; what is decided here is what a lost answer means.
A submit that got no answer is `SubmitUnknownError` (P2), and its session is given up at once: a
silent peer costs at most one window, and nothing more is sent until it has answered a bind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic, perf_counter

import msgspec
import smpp34

from decoders.errors import XinlingError
from stream import metrics
from stream.sms.receipts import Receipt, receipt_of
from stream.sms.replies import Reply, reply_of
from stream.sms.smpp_codes import (
    ESME_RINVDSTADR,
    ESME_RMSGQFUL,
    ESME_RTHROTTLED,
    UDH_INDICATOR,
    status_name,
)
from stream.sms.sms_text import Part

_log = logging.getLogger("xinling.smpp")

_BUSY = frozenset({ESME_RTHROTTLED, ESME_RMSGQFUL})
_UNBIND_SECONDS = 1.0
_REST_SECONDS = 0.1
"""smpp34's threads let go of Python a moment after the session's end. Measured on 1.5.0: of the
processes that ended before, one in ten was aborted in its last instant; of others none."""
_DELIVERED_AT_ONCE = 32
"""Receipts and replies in hand; more wait, and the SMSC with them."""
_LONGEST_ADDRESS = 20
"""Octets of an address without its final zero, 5.2.8."""


class SmppConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach an SMSC. Times in seconds."""

    host: str
    port: int
    system_id: str
    password: str
    system_type: str = ""
    tls: bool = False
    window: int = 10
    """Submits under way at once, over all offers."""
    response_seconds: float = 10.0
    connect_seconds: float = 5.0
    backoff_seconds: float = 0.5
    """Before the second try; doubles with each, up to `backoff_limit_seconds`."""
    backoff_limit_seconds: float = 30.0
    throttle_seconds: float = 0.5
    """The session's pause after a first ESME_RTHROTTLED; doubles up to sixteen times that."""
    throttle_attempts: int = 8
    source_ton: int = 0
    source_npi: int = 1
    destination_ton: int = 1
    destination_npi: int = 1

    def __repr__(self) -> str:
        """Without the password."""
        return f"SmppConfig({self.host}:{self.port})"


class ShortMessage(msgspec.Struct, frozen=True):
    """A text for one phone."""

    destination: str
    source: str
    parts: list[Part]
    validity_period: str
    """SMPP 3.4 7.1.1.2, relative: see `validity`."""

    def __repr__(self) -> str:
        """Without number and text (P6)."""
        return f"ShortMessage({len(self.parts)} parts)"


class SubmitError(XinlingError):
    """A submit that did not end in a message id for every part."""


class SubmitRefusedError(SubmitError):
    """The SMSC said no, or the message cannot be one."""


class SubmitUnknownError(SubmitError):
    """No answer came: the SMSC may or may not have taken it."""


class NotSubmittedError(SubmitError):
    """There was no session; surely nothing was sent."""


OnReceipt = Callable[[Receipt], Awaitable[None]]
OnReply = Callable[[Reply], Awaitable[None]]


class SmppClient:
    """Keeps a session bound and submits through it."""

    def __init__(
        self, config: SmppConfig, on_receipt: OnReceipt, on_reply: OnReply | None = None
    ) -> None:
        """`on_reply` is told of what subscribers write back; without it nothing of it is read."""
        self._config = config
        self._on_receipt = on_receipt
        self._on_reply = on_reply
        self._room = asyncio.Semaphore(_DELIVERED_AT_ONCE)
        self._taking: set[asyncio.Task[None]] = set()
        self._session: smpp34.Smsc | None = None
        self._client: smpp34.Client | None = None
        self._bound = asyncio.Event()
        self._window = asyncio.Semaphore(config.window)
        self._open_again = 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False
        self._lost = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begins to bind; returns at once, see `ready`."""
        self._keeper = asyncio.create_task(self._keep_bound(), name="smpp session")

    async def ready(self) -> None:
        """Returns when a session is bound and the SMSC has not asked for a pause."""
        await self._bound.wait()
        await asyncio.sleep(max(0.0, self._open_again - monotonic()))

    @property
    def open(self) -> bool:
        """Whether a submit would go out at once."""
        return self._bound.is_set() and self._open_again <= monotonic()

    async def stop(self) -> None:
        """Unbinds and ends; submits under way are the caller's to await before."""
        if self._keeper is None:
            return
        # A cancellation alone may be lost in a callback; the end of the session is not.
        self._stopping = True
        self._lost.set()
        self._keeper.cancel()
        await asyncio.wait([self._keeper])
        if self._closing:
            await asyncio.wait(self._closing)
        if self._taking:
            await asyncio.wait(self._taking, timeout=_UNBIND_SECONDS)
        await asyncio.sleep(_REST_SECONDS)
        self._keeper = None

    async def submit(self, message: ShortMessage) -> list[str]:
        """Submits every part in order; the SMSC's message ids.

        Raises `SubmitRefusedError`, `SubmitUnknownError`, or, where no part was sent for want of a
        session, `NotSubmittedError`.
        """
        _check_address(message.destination)
        _check_address(message.source)
        ids: list[str] = []
        for part in message.parts:
            try:
                ids.append(await self._submit_part(message, part))
            except NotSubmittedError as error:
                if ids:
                    raise SubmitUnknownError("the session ended between parts") from error
                raise
        return ids

    async def _submit_part(self, message: ShortMessage, part: Part) -> str:
        for attempt in range(self._config.throttle_attempts):
            response = await self._exchange(message, part)
            if response.is_success:
                return response.message_id or ""
            if response.command_status not in _BUSY:
                raise SubmitRefusedError(status_name(response.command_status))
            metrics.retries.labels("smsc").inc()
            pause = self._config.throttle_seconds * 2 ** min(attempt, 4)
            self._open_again = monotonic() + pause
            await asyncio.sleep(pause)
        raise SubmitRefusedError(status_name(ESME_RTHROTTLED))

    async def _exchange(self, message: ShortMessage, part: Part) -> smpp34.SubmitSmResp:
        async with self._window:
            session = await self._bound_session()
            began = perf_counter()
            try:
                async with asyncio.timeout(self._config.response_seconds):
                    response = await self._send(session, message, part)
            except (TimeoutError, smpp34.SmppError) as error:
                self._give_up(session)
                raise SubmitUnknownError("no answer from the SMSC") from error
            metrics.submit_seconds.observe(perf_counter() - began)
            return response

    async def _bound_session(self) -> smpp34.Smsc:
        try:
            async with asyncio.timeout(self._config.response_seconds):
                await self._bound.wait()
        except TimeoutError as error:
            raise NotSubmittedError("no session with the SMSC") from error
        assert self._session is not None
        return self._session

    async def _send(
        self, session: smpp34.Smsc, message: ShortMessage, part: Part
    ) -> smpp34.SubmitSmResp:
        config = self._config
        return await session.submit_sm(
            message.destination,
            part.body,
            source_addr=message.source,
            source_addr_ton=config.source_ton,
            source_addr_npi=config.source_npi,
            dest_addr_ton=config.destination_ton,
            dest_addr_npi=config.destination_npi,
            esm_class=UDH_INDICATOR if part.concatenated else 0,
            validity_period=message.validity_period,
            registered_delivery=1,
            data_coding=part.data_coding,
        )

    def _give_up(self, session: smpp34.Smsc) -> None:
        """Ends a session that did not answer, unless another submit has ended it already."""
        if session is not self._session:
            return
        self._session = None
        self._bound.clear()
        self._lost.set()
        _log.warning("the SMSC did not answer a submit; binding anew")

    async def _keep_bound(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                session = await self._bind()
            except (smpp34.SmppError, OSError, TimeoutError) as error:
                await self._back_off(failures, error)
                failures += 1
                continue
            failures = 0
            await self._hold(session)

    async def _bind(self) -> smpp34.Smsc:
        config = self._config
        self._client = smpp34.Client(
            config.host,
            config.port,
            config.system_id,
            config.password,
            bind_type="TRX",
            system_type=config.system_type,
            tls=config.tls,
            connect_timeout_ms=int(config.connect_seconds * 1000),
        )
        try:
            async with asyncio.timeout(config.connect_seconds):
                return await self._client.connect()
        except BaseException:
            await _stop(self._client)
            raise

    async def _hold(self, session: smpp34.Smsc) -> None:
        """Returns when the session has ended or is given up."""
        self._lost = asyncio.Event()
        self._session = session
        self._bound.set()
        metrics.dependency_up.labels("smsc").set(1)
        reader = asyncio.create_task(self._read(session), name="smpp reader")
        lost = asyncio.create_task(self._lost.wait(), name="smpp session lost")
        try:
            await asyncio.wait([reader, lost], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._session = None
            self._bound.clear()
            metrics.dependency_up.labels("smsc").set(0)
            lost.cancel()
            self._close(session, reader)
        if not self._stopping:
            _log.warning("the session with the SMSC has ended; binding anew")

    async def _read(self, session: smpp34.Smsc) -> None:
        while not isinstance(event := await session.next(), smpp34.Disconnected):
            await self._room.acquire()
            task = asyncio.create_task(self._on_deliver(event), name="smpp delivered")
            self._taking.add(task)
            task.add_done_callback(self._taken)

    def _close(self, session: smpp34.Smsc, reader: asyncio.Task[None]) -> None:
        """Unbinds beside what follows; receipts that still come are taken until then."""
        closing = asyncio.create_task(_end(self._client, session, reader), name="smpp unbind")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _taken(self, task: asyncio.Task[None]) -> None:
        self._taking.discard(task)
        self._room.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("what the SMSC delivered was lost (%s)", type(error).__name__)

    async def _on_deliver(self, event: smpp34.DeliverSmEvent) -> None:
        receipt = receipt_of(event)
        if receipt is not None:
            await self._on_receipt(receipt)
        elif self._on_reply is not None and (reply := reply_of(event)) is not None:
            await self._on_reply(reply)

    async def _back_off(self, failures: int, error: Exception) -> None:
        metrics.dependency_up.labels("smsc").set(0)
        metrics.retries.labels("smsc").inc()
        config = self._config
        seconds = min(config.backoff_seconds * 2 ** min(failures, 16), config.backoff_limit_seconds)
        _log.warning(
            "no session with the SMSC at %s:%d (%s); trying again in %.1f s",
            config.host,
            config.port,
            str(error) or type(error).__name__,
            seconds,
        )
        await asyncio.sleep(seconds)


async def _end(
    client: smpp34.Client | None, session: smpp34.Smsc, reader: asyncio.Task[None]
) -> None:
    with suppress(smpp34.SmppError, TimeoutError, RuntimeError):
        async with asyncio.timeout(_UNBIND_SECONDS):
            await session.unbind()
    await _stop(client)
    await asyncio.wait([reader], timeout=_UNBIND_SECONDS)
    while not reader.done():
        reader.cancel()
        await asyncio.wait([reader], timeout=_UNBIND_SECONDS)


async def _stop(client: smpp34.Client | None) -> None:
    if client is not None:
        with suppress(smpp34.SmppError, TimeoutError, RuntimeError):
            async with asyncio.timeout(_UNBIND_SECONDS):
                await client.stop()


def validity(seconds: int) -> str:
    """A relative validity period, SMPP 3.4 7.1.1.2: ``YYMMDDhhmmss000R``; at most 31 days."""
    minutes, second = divmod(max(seconds, 1), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days > 31:
        days, hour, minute, second = 31, 0, 0, 0
    return f"0000{days:02}{hour:02}{minute:02}{second:02}000R"


def _check_address(address: str) -> None:
    if not 0 < len(address) <= _LONGEST_ADDRESS or not address.isascii():
        raise SubmitRefusedError(status_name(ESME_RINVDSTADR))
