"""P1 on Kafka: whatever runs it, and however fast, the log comes to one set of verdict rows.

A capture of a morning, then an opt-out, a profile and a changed campaign, then the same people's
next morning: through the embedded engine, and through workers on Apache Kafka.
"""

from __future__ import annotations

import csv
from pathlib import Path

import copies
import expected
import msgspec
import pytest
import system as systems
from chaos_world import World
from expected import PSEUDONYMS
from system import PLAN, System, until
from test_kafka_service import UP_SECONDS, up

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.times import from_text
from rules import profile as profiles
from rules.engine import RuleSet
from rules.verdicts import SEND
from stream import log, rule_files, sources, topics
from stream.log import OptedOut, OutcomeRecorded, ProfileChanged, RulesChanged
from stream.publisher import Publisher
from stream.replay import Replay, Replayed, signals_of

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

EMBEDDED = [(1, 1), (8, 2), (32, 4)]
"""Partitions and workers."""
ON_KAFKA = [(1, 1, "60"), (8, 2, "max"), (32, 4, "max")]
"""Partitions, workers, and how many times as fast as it was."""
Row = dict[str, object]


class Mornings:
    """Two captures, and what happens between them."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.world = World(home)
        self.world.write(1)
        for file in self.world.campaigns.iterdir():
            file.write_text(file.read_text("utf-8").replace("every: 7d", "every: 1h"), "utf-8")
        self.captures = [home / "first.pcap", home / "second.pcap"]
        for days, file in enumerate(self.captures):
            file.write_bytes(copies.capture(0, days))
        self.loaded = home / "loaded.csv"
        self.loaded.write_text(self._consenting(), "utf-8")

    def _consenting(self) -> str:
        """The row of somebody who had not consented, consenting."""
        with self.world.profiles.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        row = next(row for row in rows[8:] if row[3] == "")
        return f"{','.join(rows[0])}\n{','.join([*row[:3], 'sms', *row[4:]])}\n"

    def change(self) -> None:
        """One campaign's text is another from now on."""
        file = self.world.campaigns / "updating.yaml"
        hidden = self.world.campaigns / ".updating"
        hidden.write_text(file.read_text("utf-8").replace("您在这里", "您还在这里"), "utf-8")
        hidden.rename(file)

    def rules(self, *, changed: bool = False) -> RulesChanged:
        """As they stand in the files before the change, or after it."""
        world = self.world
        bundle = rule_files.bundle(world.campaigns, world.areas, world.cells, world.settings)
        if changed:
            name = "campaigns/updating.yaml"
            bundle[name] = bundle[name].replace("您在这里".encode(), "您还在这里".encode())
        return RulesChanged(RuleSet.load(bundle).hash, bundle)

    def people(self, file: Path) -> list[ProfileChanged]:
        """The profiles of a file."""
        return [
            ProfileChanged(PSEUDONYMS.subscriber(imsi), profiles.encode(profile))
            for imsi, _, profile in rule_files.profiles(file)
        ]


@pytest.fixture
def mornings(tmp_path: Path) -> Mornings:
    return Mornings(tmp_path / "mornings")


def morning(capture: Path) -> list[object]:
    """What ingest makes of a capture."""
    correlator = Correlator(CorrelatorConfig(), PSEUDONYMS, rule_files.plan(PLAN))
    records = sources.merged([str(capture)], lambda error: pytest.fail(str(error)))
    return list(signals_of(records, Decoder(DecoderConfig()).feed, correlator))


def leaving(rows: list[Row]) -> Row:
    """The offer after which somebody wants no more: the first in the order of offers."""
    sent = [row for row in rows if row["verdict"] == SEND and row["campaign"] == "updating"]
    return min(sent, key=lambda row: str(row["offer"]))


async def embedded(mornings: Mornings, partitions: int, workers: int) -> list[bytes]:
    """What the embedded engine comes to."""
    first = morning(mornings.captures[0])

    async def rows(items: list[object]) -> list[Row]:
        found: list[Row] = []
        replay = Replay(
            lambda verdict: found.append(verdict.row()), partitions=partitions, workers=workers
        )
        known = [mornings.rules(), *mornings.people(mornings.world.profiles)]
        done: Replayed = await replay.run(items, known)  # type: ignore[arg-type]
        assert not done.faults
        return found

    gone = leaving(await rows(first))
    no = OptedOut(str(gone["subscriber"]), from_text(str(gone["time"])))
    between = [no, *mornings.people(mornings.loaded), mornings.rules(changed=True)]
    return expected.lines(await rows([*first, *between, *morning(mornings.captures[1])]))


async def on_the_log(system: System, kind: type[log.Item]) -> int:
    batches = [log.decode(value) for value in await system.values(topics.EVENTS)]
    return sum(isinstance(item, kind) for batch in batches for item in batch.items)


async def opted_out(system: System, row: Row) -> None:
    """What delivery tells of a reply, put onto the topic of outcomes."""
    said = {key: row[key] for key in ("offer", "campaign", "wave", "subscriber", "time")}
    publisher = Publisher(system.kafka_config(), 10)
    value = msgspec.json.encode({**said, "outcome": "opted out"})
    await publisher.send(topics.OUTCOMES, value, partition=0)
    await publisher.close()


async def told(system: System, kind: type[log.Item], more_than: int) -> None:
    async def there() -> bool:
        return await on_the_log(system, kind) > more_than

    await until(there, UP_SECONDS, system.said)


async def rows_of(system: System, count: int) -> list[Row]:
    """The rows, once there are so many."""

    async def enough() -> bool:
        return len(expected.lines(await system.rows(topics.VERDICTS))) >= count

    await until(enough, UP_SECONDS, system.said)
    return await system.rows(topics.VERDICTS)


@pytest.mark.parametrize(("partitions", "workers"), EMBEDDED[1:])
async def test_p1_the_embedded_engine_decides_the_same_with_a_change_in_the_middle(
    mornings: Mornings, partitions: int, workers: int
) -> None:
    wanted = await embedded(mornings, *EMBEDDED[0])
    assert await embedded(mornings, partitions, workers) == wanted
    reasons = [msgspec.json.decode(row).get("reason") for row in wanted]
    assert {"no consent", "opted out", None} <= set(reasons)


@pytest.mark.parametrize("by", ON_KAFKA)
async def test_p1_workers_partitions_and_speed_mean_nothing_with_a_change_in_the_middle(
    lasting: System, mornings: Mornings, monkeypatch: pytest.MonkeyPatch, by: tuple[int, int, str]
) -> None:
    partitions, workers, speed = by
    system, world = lasting, mornings.world
    wanted = await embedded(mornings, *EMBEDDED[0])
    first = [row for row in map(msgspec.json.decode, wanted) if row["time"] < "2008-01-28T12"]
    before, rest = system.config.read_text("utf-8").split("[rules]")
    before = before.replace(f"partitions = {systems.PARTITIONS}", f"partitions = {partitions}")
    text = before + world.toml().split("[ingest]")[0] + "[metrics]" + rest.split("[metrics]")[1]
    system.config.write_text(text, "utf-8")
    monkeypatch.setattr(systems, "PARTITIONS", partitions)
    control = system.xinling("run", "--only", "ingest")
    await up(control, *[system.xinling("run", "--only", "subscribers") for _ in range(workers)])
    await until(lambda: "profiles published" in control.said(), UP_SECONDS, control.said)

    async def fed(capture: Path) -> None:
        ingest = system.xinling("ingest", str(capture), "--speed", speed)
        await until(lambda: not ingest.running(), UP_SECONDS, ingest.said)
        assert ingest.wait(1) == 0, ingest.said()

    await fed(mornings.captures[0])
    rows = await rows_of(system, len(first))
    await opted_out(system, leaving(rows))
    await told(system, OutcomeRecorded, 0)
    known = await on_the_log(system, ProfileChanged)
    load = system.xinling("profiles", "load", str(mornings.loaded))
    await until(lambda: not load.running(), UP_SECONDS, load.said)
    await told(system, ProfileChanged, known)
    known = await on_the_log(system, RulesChanged)
    mornings.change()
    await told(system, RulesChanged, known + partitions - 1)
    await fed(mornings.captures[1])
    assert expected.lines(await rows_of(system, len(wanted))) == wanted
