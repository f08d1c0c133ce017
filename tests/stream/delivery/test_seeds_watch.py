"""The file of test numbers is watched: what is good is taken, what is not changes nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from redis.asyncio import Redis

from decoders.pseudonyms import Pseudonyms
from stream.audit import Audit
from stream.rule_files import FileError
from stream.sms.seeds import SeedList
from stream.sms.seeds_watch import SeedsWatch
from stream.sms.vault import Vault

KEY = b"k" * 32
FIRST, OTHER = "13900000001", "13900000002"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "seeds.csv"
    write(found, FIRST)
    return found


def watch(redis: Redis, file: Path | str) -> SeedsWatch:
    vault, log = Vault(redis, KEY), Audit(redis)
    return SeedsWatch(str(file), SeedList(redis), vault, Pseudonyms(KEY), log)


def write(file: Path, text: str | None) -> None:
    """None takes it away."""
    file.unlink() if text is None else file.write_text(text)


async def numbers(redis: Redis) -> list[str]:
    names = await SeedList(redis).names()
    known = await Vault(redis, KEY).get_all(names)
    return [known[name].msisdn for name in names]


async def changes(redis: Redis) -> list[tuple[str, str]]:
    return [(change.what, change.name) for change in await Audit(redis).latest(9)]


async def test_a_change_is_taken_once_it_is_left_alone(redis: Redis, file: Path) -> None:
    watching = watch(redis, file)
    await watching.begin()
    assert await numbers(redis) == [FIRST]
    write(file, f"{OTHER}\n{FIRST}")
    await watching.look()
    assert await numbers(redis) == [FIRST], "somebody may be writing it still"
    for _ in range(3):
        await watching.look()
    assert await numbers(redis) == [OTHER, FIRST]
    write(file, "# nobody")
    for _ in range(2):
        await watching.look()
    assert await numbers(redis) == []
    names = [("seeds", f"{count} test numbers") for count in (0, 2, 1)]
    assert await changes(redis) == names


async def test_p6_a_mistake_changes_nothing_and_is_told_once_without_the_number(
    redis: Redis, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watching = watch(redis, file)
    await watching.begin()
    write(file, f"{OTHER}\n13900O00003")
    with caplog.at_level(logging.INFO):
        for _ in range(4):
            await watching.look()
    assert await numbers(redis) == [FIRST]
    (told,) = (one for one in caplog.messages if "those before stay" in one)
    assert f"{file}:2" in told
    assert "139" not in caplog.text
    assert (await changes(redis))[0] == ("refused", str(file))
    write(file, None)
    await watching.look()
    assert await numbers(redis) == [FIRST]
    write(file, OTHER)
    for _ in range(2):
        await watching.look()
    assert await numbers(redis) == [OTHER]


async def test_a_start_over_a_mistake_goes_on_with_those_before(redis: Redis, file: Path) -> None:
    write(file, "none")
    with pytest.raises(FileError):
        await watch(redis, file).begin()
    write(file, FIRST)
    await watch(redis, file).begin()
    write(file, "none")
    await watch(redis, file).begin()
    assert await numbers(redis) == [FIRST]
    await watch(redis, "").begin()
    assert await numbers(redis) == [], "without a file there are none"
