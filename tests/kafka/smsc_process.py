"""An SMSC in a process of its own, to be killed and stopped: it writes down what it takes.

Started as ``smsc_process.py PORT FILE``. A line of FILE is one submit that a phone would have got,
written before it is answered. SIGUSR1: the next submit is taken and never answered; SIGUSR2: the
connection is cut instead; SIGHUP: whoever got the last submit writes back that they want no more,
which is a line of FILE too, without a text.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import smpp34

from stream.sms.smsc import Fault, Smsc

PASSWORD = "demo"
THINKING_SECONDS = 0.03
"""Between writing a submit down and answering it: where a kill hurts most."""


class Taken(NamedTuple):
    """One submit that was taken."""

    wall: float
    destination: str
    text: str
    """Of a reply that was sent empty."""


class WritingSmsc(Smsc):
    """Puts every submit into a file, and names its messages over restarts."""

    def __init__(self, file: Path) -> None:
        super().__init__(password=PASSWORD)
        self._start = time.time_ns()
        self._file = file.open("ab", buffering=0)

    def take(self, submit: smpp34.SubmitSm) -> str:
        message_id = f"{self._start:x}-{super().take(submit)}"
        text = submit.short_message.decode("utf-16-be")
        line = msgspec.json.encode(Taken(time.time(), submit.destination_addr, text))
        self._file.write(line + b"\n")
        time.sleep(THINKING_SECONDS)
        return message_id

    async def refuse(self) -> None:
        """The last phone writes back: no more."""
        if self.submitted and self.connected:
            last = self.submitted[-1]
            line = msgspec.json.encode(Taken(time.time(), last.destination, ""))
            self._file.write(line + b"\n")
            await self.reply(last.destination, last.source, "退订")


def taken(file: Path) -> list[Taken]:
    """Every submit that was taken, in order."""
    return [one for one in _lines(file) if one.text]


def refused(file: Path) -> list[Taken]:
    """Every no that was written back, in order."""
    return [one for one in _lines(file) if not one.text]


def _lines(file: Path) -> list[Taken]:
    if not file.exists():
        return []
    return [msgspec.json.decode(line, type=Taken) for line in file.read_bytes().splitlines()]


async def main(port: int, file: Path) -> None:
    smsc = WritingSmsc(file)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, smsc.faults.append, Fault.SILENCE)
    loop.add_signal_handler(signal.SIGUSR2, smsc.faults.append, Fault.CUT)
    refusing: set[asyncio.Task[None]] = set()
    loop.add_signal_handler(signal.SIGHUP, lambda: refusing.add(asyncio.create_task(smsc.refuse())))
    await smsc.start(port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
