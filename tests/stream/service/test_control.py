"""Rules and profiles stand on the log once for each content; numbers only in the vault (P6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules import profile as profiles
from rules.errors import CampaignErrors
from rules.profile import Profile
from stream import rule_files
from stream.control import Control
from stream.log import Batch, ProfileChanged, RulesChanged, encode, partition_of
from stream.rule_files import FileError
from stream.sms.vault import Identity
from stream.topics import Log

DEMO = Path(__file__).parents[3] / "fixtures" / "demo"
PSEUDONYMS = Pseudonyms(TEST_KEY)


class Kept:
    def __init__(self) -> None:
        self.batches: list[tuple[int, Batch]] = []

    async def write(self, partition: int, batch: Batch) -> None:
        self.batches.append((partition, batch))

    async def flush(self) -> None:
        return


class Marks(dict[str, str]):
    async def get(self, what: str) -> str | None:  # type: ignore[override]
        return super().get(what)

    async def set(self, what: str, digest: str) -> None:
        self[what] = digest


class Sealed(dict[str, Identity]):
    async def put(self, identities: dict[str, Identity]) -> None:
        self.update(identities)


class SaidNo(set[str]):
    """Who said no under a key before, by IMSI."""

    async def opted_out(self, imsis: list[str]) -> list[bool]:
        return [imsi in self for imsi in imsis]


def bundle() -> dict[str, bytes]:
    return rule_files.bundle(
        DEMO / "campaigns", DEMO / "areas.geojson", DEMO / "cells.csv", DEMO / "settings.json"
    )


def control(marks: Marks) -> tuple[Control, Kept]:
    kept = Kept()
    return Control(kept, Log("0a" * 16, 4), marks), kept


async def test_rules_go_to_every_partition_and_only_when_they_changed() -> None:
    marks = Marks()
    first, kept = control(marks)
    assert await first.rules(bundle())
    assert sorted(partition for partition, _ in kept.batches) == [0, 1, 2, 3]
    assert all(isinstance(batch.items[0], RulesChanged) for _, batch in kept.batches)
    again, nothing = control(marks)
    assert not await again.rules(bundle())
    assert nothing.batches == []


async def test_rules_with_a_mistake_do_not_reach_the_log() -> None:
    wrong = {**bundle(), "campaigns/wrong.yaml": b"campaign: Wrong\n"}
    first, kept = control(Marks())
    with pytest.raises(CampaignErrors):
        await first.rules(wrong)
    assert kept.batches == []


async def test_p6_profiles_bear_pseudonyms_and_clear_numbers_go_to_the_vault(
    tmp_path: Path,
) -> None:
    file = tmp_path / "profiles.csv"
    file.write_text(
        "imsi,msisdn,home_city,consent\n460001234567890,8613803710001,郑州,sms\n", encoding="utf-8"
    )
    marks, vault = Marks(), Sealed()
    first, kept = control(marks)
    assert await first.profiles(str(file), PSEUDONYMS, vault) == 1  # type: ignore[arg-type]
    who = PSEUDONYMS.subscriber("460001234567890")
    ((partition, batch),) = kept.batches
    assert partition == partition_of(who, 4)
    (change,) = batch.items
    assert isinstance(change, ProfileChanged)
    assert profiles.decode(change.profile).home_city == "郑州"
    assert vault == {who: Identity("460001234567890", "8613803710001")}
    assert b"460001234567890" not in encode(batch)
    assert b"8613803710001" not in encode(batch)

    again, nothing = control(marks)
    assert await again.profiles(str(file), PSEUDONYMS, vault) == 0  # type: ignore[arg-type]
    assert nothing.batches == []


async def test_a_row_that_is_no_profile_is_refused_with_its_line_and_without_its_digits(
    tmp_path: Path,
) -> None:
    file = tmp_path / "profiles.csv"
    file.write_text("imsi,msisdn\n460001234567890,1\n46000x,2\n", encoding="utf-8")
    first, _ = control(Marks())
    with pytest.raises(FileError) as caught:
        await first.profiles(str(file), PSEUDONYMS, Sealed())  # type: ignore[arg-type]
    assert caught.value.line == 3
    assert "46000" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "msisdn\n1\n"])
def test_a_profiles_file_without_its_column_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "profiles.csv"
    file.write_text(text)
    with pytest.raises(FileError):
        list(rule_files.profiles(file))


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    for read in (
        lambda: rule_files.bundle(tmp_path / "none"),
        lambda: rule_files.bundle(None, tmp_path / "none"),
        lambda: list(rule_files.profiles(tmp_path / "none")),
        lambda: rule_files.plan(tmp_path / "none"),
    ):
        with pytest.raises(FileError) as caught:
            read()
        assert caught.value.file == str(tmp_path / "none")


async def test_p3_who_said_no_under_a_key_before_is_opted_out_when_a_profile_comes() -> None:
    kept = Kept()
    past = SaidNo(["460001234567891"])
    loading = Control(kept, Log("0a" * 16, 1), Marks(), past)  # type: ignore[arg-type]
    rows = [(f"46000123456789{number}", "1", Profile(consent=("*",))) for number in range(3)]
    assert await loading.load(iter(rows), PSEUDONYMS, Sealed()) == 3  # type: ignore[arg-type]
    ((_, batch),) = kept.batches
    found = [profiles.decode(one.profile) for one in batch.items if isinstance(one, ProfileChanged)]
    assert [one.opted_out for one in found] == [False, True, False]
    assert all(one.consent == ("*",) for one in found)
