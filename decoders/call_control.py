"""Call-control messages to call events, TS 24.008 5 and 9.3."""

from __future__ import annotations

from decoders.call import CALLS, Call, CallState
from decoders.events import (
    CALL_ANSWERED,
    CALL_ATTEMPTED,
    CALL_ENDED,
    MOBILE_ORIGINATED,
    MOBILE_TERMINATED,
)
from decoders.messages import Message
from decoders.subject import Dialogue, Draft, Transaction, frame_of
from decoders.teller import Teller, emergency_party
from decoders.times import SECOND

NETWORK = "network"
MOBILE = "mobile"
RADIO = "radio"
_INTERNATIONAL = 1
"""Type of number, TS 24.008 10.5.4.7."""
_NORMAL_CLEARING = 16
"""TS 24.008 10.5.4.11."""


class CallControl:
    """Keeps the calls of dialogues; `jitter` is how far messages may overtake, in microseconds."""

    def __init__(self, teller: Teller, jitter: int) -> None:
        self._teller = teller
        self._jitter = jitter

    def receive(
        self,
        dialogue: Dialogue,
        message: Message,
        transaction: Transaction,
        *,
        from_network: bool,
        doubt: bool,
    ) -> list[Draft]:
        """What a CC message makes happen; with `doubt` what rests on an absence stays null."""
        call = self._call(dialogue, message, transaction)
        if message.message in {"SETUP", "EMERGENCY SETUP"}:
            _describe(call, message)
            if message.called and message.called.ton == _INTERNATIONAL and from_network:
                dialogue.msisdn = message.called.digits
        call.connected |= message.message in {"CONNECT", "CONNECT ACKNOWLEDGE"}
        step = CALLS[call.state].get(message.message)
        if step is None:
            return self._overtaken(call, message)
        before, (state, event) = call.state, step
        call.state = state
        if event == CALL_ENDED:
            call.ended = message.time
            by = NETWORK if from_network else MOBILE
            doubt = doubt or _unprepared(call, before, message, from_network=from_network)
            return [ended(call, message, message.cause, by, doubt=doubt)]
        if state is CallState.ENDED:
            call.ended = message.time
        if state is CallState.ANSWERED:
            call.answered = message.time
            call.frames = [*call.frames, frame_of(message)]
        if event is None:
            return []
        return [Draft(type=event, message=message, call=call, detail=_detail(call, event))]

    def clear(
        self, dialogue: Dialogue, message: Message, by: str | None, *, doubt: bool
    ) -> list[Draft]:
        """Every open call of the dialogue ends, because its connection or its controller did."""
        drafts = []
        for call in dialogue.calls.values():
            if call.open:
                call.state = CallState.ENDED
                call.ended = message.time
                drafts.append(ended(call, message, message.cause, by, doubt=doubt))
        return drafts

    def _call(self, dialogue: Dialogue, message: Message, transaction: Transaction) -> Call:
        """The call of this transaction; a SETUP after its end begins another one."""
        call = dialogue.calls.get(transaction)
        if call is None or self._begins_another(call, message):
            direction = MOBILE_TERMINATED if transaction[1] else MOBILE_ORIGINATED
            key = self._teller.key("call", message, dialogue.key, str(transaction))
            call = dialogue.calls[transaction] = Call(key=key, direction=direction)
        return call

    def _begins_another(self, call: Call, message: Message) -> bool:
        if message.message not in {"SETUP", "EMERGENCY SETUP"} or call.ended is None:
            return False
        return call.attempted is not None or message.time - call.ended > self._jitter

    def _overtaken(self, call: Call, message: Message) -> list[Draft]:
        """A SETUP that its call's next message overtook still is the attempt it is."""
        if message.message not in {"SETUP", "EMERGENCY SETUP"} or call.attempted != message.time:
            return []
        return [Draft(type=CALL_ATTEMPTED, message=message, call=call)]


def ended(call: Call, message: Message, cause: int | None, by: str | None, *, doubt: bool) -> Draft:
    """`call.ended`; with `doubt` nothing that a message which was not seen would have changed."""
    answered = True if call.connected else None if doubt else False
    duration = None
    if call.answered is not None and not doubt:
        duration = (message.time - call.answered) / SECOND
    detail = {
        "answered": answered,
        "duration_seconds": duration,
        "cause": None if doubt else cause,
        "ended_by": None if doubt else by,
    }
    return Draft(type=CALL_ENDED, message=message, call=call, detail=detail)


def _unprepared(call: Call, state: CallState, message: Message, *, from_network: bool) -> bool:
    """A clearing that only answers one which was not seen, TS 24.008 5.4.3 and 5.4.2.

    A mobile begins with DISCONNECT and answers with RELEASE. A network may begin with RELEASE and
    then says why; normal clearing is its answer to the mobile's DISCONNECT. RELEASE COMPLETE comes
    first only from the side that turns a fresh SETUP down.
    """
    if message.message == "RELEASE":
        return not from_network or message.cause in {None, _NORMAL_CLEARING}
    if message.message == "RELEASE COMPLETE":
        turns_down = from_network == (call.direction == MOBILE_ORIGINATED)
        return state is not CallState.ATTEMPTED or not turns_down
    return False


def _describe(call: Call, message: Message) -> None:
    """Numbers and time from the SETUP, once."""
    if call.attempted is not None:
        return
    call.attempted = message.time
    call.frames = [*call.frames, frame_of(message)]
    if message.message == "EMERGENCY SETUP":
        call.other, call.number_class = emergency_party(), "emergency"
        return
    call.party = message.called if call.direction == MOBILE_ORIGINATED else message.calling


def _detail(call: Call, event: str) -> dict[str, object]:
    if event != CALL_ANSWERED:
        return {}
    seconds = None
    if call.attempted is not None and call.answered is not None:
        seconds = (call.answered - call.attempted) / SECOND
    return {"setup_seconds": seconds}
