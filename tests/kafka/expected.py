"""What `replay` makes of the laboratories' captures: what the service must come to as well (P1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from system import CAPTURES, DEMO, KEY, PLAN

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.pseudonyms import Pseudonyms
from rules import profile as profiles
from rules.engine import RuleSet
from rules.verdicts import SEND, Verdict
from stream import rule_files, sources
from stream.log import ProfileChanged, RulesChanged
from stream.replay import Replay, signals_of
from stream.sms.smsc import Submitted

PSEUDONYMS = Pseudonyms(bytes.fromhex(KEY))


async def replayed() -> list[Verdict]:
    """The verdicts of the three captures under the demo's rules."""
    return await under(
        rule_files.bundle(
            DEMO / "campaigns", DEMO / "areas.geojson", DEMO / "cells.csv", DEMO / "settings.json"
        )
    )


async def under(bundle: dict[str, bytes], captures: Sequence[str] = CAPTURES) -> list[Verdict]:
    """The verdicts of captures under some rules, with the demo's profiles."""
    rows = rule_files.profiles(DEMO / "profiles.csv")
    changes = [
        RulesChanged(RuleSet.load(bundle).hash, bundle),
        *(
            ProfileChanged(PSEUDONYMS.subscriber(imsi), profiles.encode(profile))
            for imsi, _, profile in rows
        ),
    ]
    correlator = Correlator(CorrelatorConfig(), PSEUDONYMS, rule_files.plan(PLAN))
    verdicts: list[Verdict] = []
    records = sources.merged(captures, _no_error)
    signals = signals_of(records, Decoder(DecoderConfig()).feed, correlator)
    await Replay(verdicts.append).run(signals, changes)
    return verdicts


def lines(rows: list[dict[str, object]]) -> list[bytes]:
    """Rows as bytes in the order of offer and step; copies of one row are one."""
    found = {(row["offer"], row["step"]): msgspec.json.encode(row, order="sorted") for row in rows}
    return [found[key] for key in sorted(found)]


def submits(verdicts: list[Verdict]) -> Counter[tuple[str, str]]:
    """(number, text) of each offer that must go out, by how often."""
    numbers = numbers_of(DEMO / "profiles.csv")
    return Counter(
        (numbers[verdict.subscriber], verdict.text or "")
        for verdict in verdicts
        if verdict.verdict == SEND
    )


def numbers_of(file: Path) -> dict[str, str]:
    """The number of each pseudonym in a file of profiles."""
    rows = rule_files.profiles(file)
    return {PSEUDONYMS.subscriber(imsi): msisdn for imsi, msisdn, _ in rows}


def submitted(taken: list[Submitted]) -> Counter[tuple[str, str]]:
    """(number, text) of each submit that the SMSC took; the demo's texts fit into one part."""
    return Counter((one.destination, one.body.decode("utf-16-be")) for one in taken)


def _no_error(error: Exception) -> None:
    raise error
