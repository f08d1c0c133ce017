"""The SMPP client against an SMSC with faults to order."""

from __future__ import annotations

import asyncio
from typing import Self

import pytest

from stream.sms import outcomes
from stream.sms.receipts import Receipt
from stream.sms.smpp import (
    ShortMessage,
    SmppClient,
    SubmitRefusedError,
    SubmitUnknownError,
    validity,
)
from stream.sms.sms_text import parts
from stream.sms.smsc import Fault, Smsc
from tests.stream.delivery.conftest import eventually, smpp_config


def message(text: str = "您已离开郑州") -> ShortMessage:
    return ShortMessage("4915550102", "10086", parts(text, 9), validity(90))


class Client:
    """A client whose receipts are kept."""

    def __init__(self, smsc: Smsc, **changes: object) -> None:
        self.receipts: list[Receipt] = []
        self.smpp = SmppClient(smpp_config(smsc, **changes), self._on_receipt)

    async def _on_receipt(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)

    async def __aenter__(self) -> Self:
        await self.smpp.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.smpp.stop()


async def test_what_is_submitted_is_what_the_smsc_takes(smsc: Smsc) -> None:
    async with Client(smsc) as client:
        ids = await client.smpp.submit(message())
    (taken,) = smsc.submitted
    assert ids == [taken.message_id]
    assert (taken.source, taken.destination, taken.data_coding) == ("10086", "4915550102", 8)
    assert taken.body.decode("utf-16-be") == "您已离开郑州"
    assert (taken.registered_delivery, taken.validity_period) == (1, "000000000130000R")


async def test_parts_bear_the_header_indicator(smsc: Smsc) -> None:
    async with Client(smsc) as client:
        ids = await client.smpp.submit(message("离" * 100))
    assert len(ids) == 2
    assert [taken.esm_class for taken in smsc.submitted] == [0x40, 0x40]


async def test_a_receipt_comes_to_the_callback(smsc: Smsc) -> None:
    async with Client(smsc) as client:
        (message_id,) = await client.smpp.submit(message())
        await eventually(lambda: bool(client.receipts))
    assert client.receipts == [Receipt(message_id, outcomes.DELIVERED)]


async def test_an_undeliverable_message_gives_a_failed_receipt(smsc: Smsc) -> None:
    smsc.faults.append(Fault.UNDELIVERABLE)
    async with Client(smsc) as client:
        await client.smpp.submit(message())
        await eventually(lambda: bool(client.receipts))
    assert client.receipts[0].outcome == outcomes.FAILED


async def test_a_throttled_submit_is_tried_again_after_a_pause(smsc: Smsc) -> None:
    smsc.faults.extend([Fault.THROTTLE, Fault.THROTTLE])
    async with Client(smsc) as client:
        assert await client.smpp.submit(message())
    assert len(smsc.submitted) == 1


async def test_throttling_without_end_is_refused_at_last(smsc: Smsc) -> None:
    smsc.faults.extend([Fault.THROTTLE] * 3)
    async with Client(smsc) as client:
        with pytest.raises(SubmitRefusedError, match="ESME_RTHROTTLED"):
            await client.smpp.submit(message())
    assert not smsc.submitted


async def test_a_refusal_is_told_by_its_name(smsc: Smsc) -> None:
    smsc.faults.append(Fault.REJECT)
    async with Client(smsc) as client:
        with pytest.raises(SubmitRefusedError, match="ESME_RINVDSTADR"):
            await client.smpp.submit(message())


@pytest.mark.parametrize("fault", [Fault.SILENCE, Fault.CUT])
async def test_p2_a_submit_without_answer_is_unknown_and_the_client_binds_anew(
    smsc: Smsc, fault: Fault
) -> None:
    smsc.faults.append(fault)
    async with Client(smsc) as client:
        with pytest.raises(SubmitUnknownError):
            await client.smpp.submit(message())
        assert await client.smpp.submit(message())
    assert smsc.binds == 2
    assert len(smsc.submitted) == 2


async def test_p2_a_silent_smsc_costs_one_window_at_most(smsc: Smsc) -> None:
    smsc.faults.extend([Fault.SILENCE] * 3)
    async with Client(smsc, window=3) as client:
        results = await asyncio.gather(
            *(client.smpp.submit(message()) for _ in range(9)), return_exceptions=True
        )
    assert sum(isinstance(result, SubmitUnknownError) for result in results) == 3
    assert sum(isinstance(result, list) for result in results) == 6


async def test_the_window_is_never_exceeded(smsc: Smsc) -> None:
    smsc.faults.extend([Fault.SILENCE] * 10)
    async with Client(smsc, window=4, response_seconds=0.3) as client:
        submits = [asyncio.create_task(client.smpp.submit(message())) for _ in range(10)]
        await eventually(lambda: len(smsc.submitted) == 4)
        await asyncio.sleep(0.05)
        assert len(smsc.submitted) == 4
        for submit in submits:
            submit.cancel()
        await asyncio.wait(submits)


async def test_an_smsc_that_goes_and_comes_back_is_bound_again(smsc: Smsc) -> None:
    async with Client(smsc) as client:
        await client.smpp.ready()
        await smsc.stop()
        await asyncio.sleep(0.05)
        await smsc.start(smsc.port)
        await client.smpp.ready()
        assert await client.smpp.submit(message())


async def test_a_wrong_password_is_tried_again_with_backoff(smsc: Smsc) -> None:
    async with Client(smsc, password="wrong") as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.smpp.ready()
    assert smsc.binds == 0


async def test_an_impossible_number_is_refused_before_it_costs_the_session(smsc: Smsc) -> None:
    impossible = ShortMessage("1" * 21, "10086", parts("x", 1), validity(1))
    async with Client(smsc) as client:
        with pytest.raises(SubmitRefusedError):
            await client.smpp.submit(impossible)
        assert await client.smpp.submit(message())
    assert smsc.binds == 1


async def test_p6_neither_number_nor_text_is_logged(
    smsc: Smsc, caplog: pytest.LogCaptureFixture
) -> None:
    smsc.faults.extend([Fault.SILENCE, Fault.REJECT])
    async with Client(smsc) as client:
        for error in (SubmitUnknownError, SubmitRefusedError):
            with pytest.raises(error) as raised:
                await client.smpp.submit(message("secret words"))
            assert "4915550102" not in str(raised.value)
    assert "4915550102" not in caplog.text
    assert "secret" not in caplog.text
    assert "4915550102" not in repr(message())


@pytest.mark.parametrize(
    ("seconds", "period"),
    [
        (0, "000000000001000R"),
        (90, "000000000130000R"),
        (7_200, "000000020000000R"),
        (90_061, "000001010101000R"),
        (10_000_000, "000031000000000R"),
    ],
)
def test_a_validity_period_is_relative_and_at_most_31_days(seconds: int, period: str) -> None:
    assert validity(seconds) == period
