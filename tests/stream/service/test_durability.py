"""A Redis that may forget what it answered is told of (P2)."""

from __future__ import annotations

import logging

import pytest
from redis.exceptions import ResponseError

from stream import metrics, roles


class Fake:
    """A Redis with this configuration; None does not let it be seen."""

    def __init__(self, found: dict[bytes, bytes] | None) -> None:
        self._found = found

    async def ping(self) -> bool:
        return True

    async def info(self, _section: str) -> dict[str, int]:
        return {"cluster_enabled": 0}

    async def config_get(self, _pattern: str) -> dict[bytes, bytes]:
        if self._found is None:
            raise ResponseError("unknown command 'CONFIG'")
        return self._found


@pytest.mark.parametrize(
    ("appendonly", "appendfsync", "forgets"),
    [(b"yes", b"always", 0), (b"yes", b"everysec", 1), (b"no", b"always", 1)],
)
async def test_p2_only_a_redis_that_writes_before_it_answers_is_trusted(
    appendonly: bytes, appendfsync: bytes, forgets: int, caplog: pytest.LogCaptureFixture
) -> None:
    redis = Fake({b"appendonly": appendonly, b"appendfsync": appendfsync})
    with caplog.at_level(logging.WARNING):
        await roles.answering(redis, 1)  # type: ignore[arg-type]
    assert metrics.redis_forgets._value.get() == forgets
    assert ("appendfsync always" in caplog.text) is bool(forgets)
    metrics.redis_forgets.set(0)


async def test_a_redis_that_does_not_show_its_configuration_is_used_all_the_same() -> None:
    await roles.answering(Fake(None), 1)  # type: ignore[arg-type]
    assert metrics.redis_forgets._value.get() == 0


async def test_a_redis_that_keeps_small_hashes_too_small_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for octets, told in ((b"1024", False), (b"64", True)):
        redis = Fake({b"hash-max-listpack-value": octets})
        await roles.answering(redis, 1)  # type: ignore[arg-type]
        assert ("hash-max-listpack-value" in caplog.text) is told
    metrics.redis_forgets.set(0)
