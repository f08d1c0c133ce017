"""The delivery vault (P6)."""

from __future__ import annotations

import pytest
from one_or_cluster import KINDS
from redis.asyncio import Redis

from stream.sms.vault import Identity, Vault, VaultError, masked

WHO = Identity("001010000001037", "4915550102")


@pytest.fixture(params=KINDS)
def redis_kind(request: pytest.FixtureRequest) -> str:
    """One Redis and a cluster."""
    return str(request.param)


async def test_what_is_put_comes_back_and_is_forgotten_when_asked(redis: Redis) -> None:
    vault = Vault(redis, b"k" * 32)
    await vault.put({"1-a": WHO})
    assert await vault.get("1-a") == WHO
    assert await vault.forget("1-a")
    assert await vault.get("1-a") is None


async def test_p6_redis_holds_no_clear_digits(redis: Redis) -> None:
    await Vault(redis, b"k" * 32).put({"1-a": WHO})
    stored = await redis.get("xl:vault:1-a")
    assert isinstance(stored, bytes)
    assert WHO.msisdn.encode() not in stored
    assert WHO.imsi.encode() not in stored


async def test_another_key_does_not_open_a_record(redis: Redis) -> None:
    await Vault(redis, b"k" * 32).put({"1-a": WHO})
    with pytest.raises(VaultError, match="does not open"):
        await Vault(redis, b"l" * 32).get("1-a")


async def test_a_record_copied_under_another_pseudonym_does_not_open(redis: Redis) -> None:
    vault = Vault(redis, b"k" * 32)
    await vault.put({"1-a": WHO})
    await redis.set("xl:vault:1-b", await redis.get("xl:vault:1-a") or b"")
    with pytest.raises(VaultError):
        await vault.get("1-b")


async def test_two_seals_of_one_identity_differ(redis: Redis) -> None:
    vault = Vault(redis, b"k" * 32)
    await vault.put({"1-a": WHO})
    first = await redis.get("xl:vault:1-a")
    await vault.put({"1-a": WHO})
    assert await redis.get("xl:vault:1-a") != first


def test_p6_an_identity_shows_no_digits_when_printed() -> None:
    assert "0010" not in f"{WHO!r} {WHO}"


@pytest.mark.parametrize(
    ("number", "shown"), [("4915550102", "••••••••02"), ("110", "•••"), ("", "")]
)
def test_a_masked_number_shows_its_last_two_digits_at_most(number: str, shown: str) -> None:
    assert masked(number) == shown
