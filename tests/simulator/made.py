"""Small simulations for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from decoders.capture import CaptureParser
from decoders.decoder import Decoder, DecoderConfig
from decoders.messages import Message
from decoders.transport import TransportConfig
from simulator import scenario
from simulator.simulate import Simulated, Simulation

HEAD = "scenario: test\nseed: 7\nstarts: 2008-01-30\n"


def simulated(folder: Path, text: str) -> Simulated:
    """Plays a scenario given as YAML after `HEAD`."""
    return Simulation(scenario.parse((HEAD + text).encode(), "test.yaml")).into(folder, _quiet)


def messages(path: Path) -> Iterator[Message]:
    """What our decoder reads in a capture."""
    decoder = Decoder(DecoderConfig(transport=TransportConfig()))
    parser = CaptureParser(path.name)
    for record in parser.feed(path.read_bytes()):
        yield from decoder.feed(record)
    parser.close()
    assert not decoder.undecoded, decoder.undecoded


def _quiet(done: Simulated) -> None:
    del done
