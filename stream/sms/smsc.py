"""A small SMSC in this process, for the demo and for tests: it writes down what it takes.

It stands on smpp34's codec and asyncio's streams rather than on smpp34's server, which does not
show a submit's validity period, cannot tell which free port it got and cannot be cut off in
mid-session. The deliberate faults are what a client must live through (SMPP 3.4 2.2, 5.1.3).
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from itertools import count

import msgspec
import smpp34

from stream.sms import smpp_codes as codes
from stream.sms.sms_text import UCS2

_HEADER = struct.Struct(">IIII")
_LONGEST_PDU = 65_536
_MOST_KEPT = 100_000


class Fault(Enum):
    """What the SMSC does wrong with the next submit."""

    SILENCE = "takes it and never answers"
    THROTTLE = "answers ESME_RTHROTTLED and takes nothing"
    REJECT = "answers ESME_RINVDSTADR and takes nothing"
    CUT = "takes it and cuts the connection instead of answering"
    NO_RECEIPT = "answers, and never sends a receipt"
    UNDELIVERABLE = "answers, and the receipt says UNDELIV"
    RECEIPT_FIRST = "sends the receipt before the answer"


_REJECTED = {Fault.THROTTLE: codes.ESME_RTHROTTLED, Fault.REJECT: codes.ESME_RINVDSTADR}


class Submitted(msgspec.Struct, frozen=True):
    """A submit_sm that this SMSC took; what a phone would have got."""

    message_id: str
    source: str
    destination: str
    data_coding: int
    esm_class: int
    validity_period: str
    registered_delivery: int
    body: bytes

    def __repr__(self) -> str:
        """Without number and text (P6)."""
        return f"Submitted({self.message_id})"


class Smsc:
    """Listens on loopback; `port` is there after `start`."""

    def __init__(
        self,
        password: str = "demo",  # noqa: S107  loopback only
        faults: Iterable[Fault | None] = (),
        answers_after: float = 0.0,
    ) -> None:
        """`answers_after`: seconds that it thinks about each submit."""
        self.answers_after = answers_after
        self.submitted: deque[Submitted] = deque(maxlen=_MOST_KEPT)
        """Every submit taken, in order."""
        self.faults: deque[Fault | None] = deque(faults)
        """One for each submit to come, None for none; when it is empty, all goes well."""
        self.port = 0
        self.binds = 0
        self._sequence = count(1)
        self._password = password
        self._server: asyncio.Server | None = None
        self._sessions: dict[_Session, asyncio.Task[None] | None] = {}

    async def start(self, port: int = 0) -> None:
        """Listens on `port` of 127.0.0.1, any free one by default."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes every session and the port."""
        if self._server is None:
            return
        self._server.close()
        tasks = [task for task in self._sessions.values() if task is not None]
        for session in list(self._sessions):
            session.cut()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._server = None

    async def reply(
        self, source: str, destination: str, body: bytes | str, data_coding: int = UCS2
    ) -> None:
        """Sends what a subscriber wrote back to every bound client; text goes as UCS-2."""
        pdu = smpp34.DeliverSm(
            source,
            destination,
            body.encode("utf-16-be") if isinstance(body, str) else body,
            data_coding=data_coding,
            sequence_number=self.next_sequence(),
        )
        for session in list(self._sessions):
            session.send(pdu.encode())

    @property
    def connected(self) -> bool:
        """Whether a client is there to deliver to."""
        return bool(self._sessions)

    def accepts(self, password: str) -> bool:
        """Whether a bind with `password` is let in."""
        self.binds += password == self._password
        return password == self._password

    def next_sequence(self) -> int:
        """The sequence number of the next PDU that this side begins."""
        return next(self._sequence)

    def take(self, submit: smpp34.SubmitSm) -> str:
        """Writes a submit down; the message id it got."""
        message_id = f"{len(self.submitted) + 1:08x}"
        self.submitted.append(
            Submitted(
                message_id=message_id,
                source=submit.source_addr,
                destination=submit.destination_addr,
                data_coding=submit.data_coding,
                esm_class=submit.esm_class,
                validity_period=submit.validity_period,
                registered_delivery=submit.registered_delivery,
                body=submit.short_message,
            )
        )
        return message_id

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, reader, writer)
        self._sessions[session] = asyncio.current_task()
        try:
            with suppress(asyncio.CancelledError):  # asyncio would report it as an error
                await session.run()
        finally:
            del self._sessions[session]


class _Session:
    """One connection of a client."""

    def __init__(
        self, smsc: Smsc, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._smsc = smsc
        self._reader = reader
        self._writer = writer
        self._bound = False

    async def run(self) -> None:
        """Answers until the peer goes, errs against the framing, or is cut off."""
        with suppress(asyncio.IncompleteReadError, ConnectionError, smpp34.SmppError):
            while not self._writer.is_closing():
                header = await self._reader.readexactly(_HEADER.size)
                length, command, _, sequence = _HEADER.unpack(header)
                if not _HEADER.size <= length <= _LONGEST_PDU:
                    break
                body = await self._reader.readexactly(length - _HEADER.size)
                self._on_pdu(command, sequence, header + body)
                await self._writer.drain()
        self.cut()

    def send(self, pdu: bytes) -> None:
        """Puts bytes on the wire, if it is still there."""
        if not self._writer.is_closing():
            self._writer.write(pdu)

    def cut(self) -> None:
        """Ends the connection at once."""
        self._writer.close()

    def _on_pdu(self, command: int, sequence: int, pdu: bytes) -> None:
        if command == codes.BIND_TRANSCEIVER:
            self._on_bind(sequence, pdu[_HEADER.size :])
        elif command == codes.SUBMIT_SM and self._bound:
            self._on_submit(sequence, smpp34.decode(pdu))
        elif command == codes.ENQUIRE_LINK:
            self._answer(command, sequence)
        elif command == codes.UNBIND:
            self._answer(command, sequence)
            self.cut()
        elif not command & codes.RESPONSE:
            self._answer(command, sequence, status=codes.ESME_RINVCMDID)

    def _on_bind(self, sequence: int, body: bytes) -> None:
        password = body.split(b"\0")[1].decode("ascii", "replace")
        self._bound = self._smsc.accepts(password)
        status = 0 if self._bound else codes.ESME_RINVPASWD
        self._answer(codes.BIND_TRANSCEIVER, sequence, b"xinling-smsc\0", status)

    def _on_submit(self, sequence: int, submit: object) -> None:
        assert isinstance(submit, smpp34.SubmitSm)
        fault = self._smsc.faults.popleft() if self._smsc.faults else None
        if fault in _REJECTED:
            self._answer(codes.SUBMIT_SM, sequence, b"\0", _REJECTED[fault])
            return
        message_id = self._smsc.take(submit)
        if fault is Fault.CUT:
            self.cut()
        elif fault is not Fault.SILENCE:
            self._on_taken(sequence, submit, message_id, fault)

    def _on_taken(
        self, sequence: int, submit: smpp34.SubmitSm, message_id: str, fault: Fault | None
    ) -> None:
        answer = _pdu(codes.SUBMIT_SM | codes.RESPONSE, sequence, message_id.encode() + b"\0")
        receipt = _receipt(
            submit,
            message_id,
            self._smsc.next_sequence(),
            delivered=fault is not Fault.UNDELIVERABLE,
        )
        if not submit.registered_delivery or fault is Fault.NO_RECEIPT:
            receipt = b""
        pdus = receipt + answer if fault is Fault.RECEIPT_FIRST else answer + receipt
        if self._smsc.answers_after:
            asyncio.get_running_loop().call_later(self._smsc.answers_after, self.send, pdus)
        else:
            self.send(pdus)

    def _answer(self, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        self.send(_pdu(command | codes.RESPONSE, sequence, body, status))


def _pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), command, status, sequence) + body


def _receipt(submit: smpp34.SubmitSm, message_id: str, sequence: int, *, delivered: bool) -> bytes:
    """A deliver_sm as Appendix B describes it, with the optional parameters beside the text."""
    state = "DELIVRD" if delivered else "UNDELIV"
    text = f"id:{message_id} sub:001 dlvrd:{int(delivered):03} stat:{state} err:000 text:"
    return smpp34.DeliverSm(
        submit.destination_addr,
        submit.source_addr,
        text.encode(),
        esm_class=codes.DELIVERY_RECEIPT,
        sequence_number=sequence,
        tlvs=[
            smpp34.Tlv(codes.RECEIPTED_MESSAGE_ID, message_id.encode() + b"\0"),
            smpp34.Tlv(codes.MESSAGE_STATE, bytes([2 if delivered else 5])),
        ],
    ).encode()
