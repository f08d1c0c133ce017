"""The way to Redis that the configuration names: one server, or the nodes of a cluster."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import ResponseError

from stream.config import Config, ConfigError
from stream.config import Redis as RedisConfig
from stream.redis_cluster import ClusterRedis
from stream.redis_line import LineRedis
from stream.sms.coalescing import CoalescingCluster, CoalescingRedis

_SCHEMES = ("redis", "rediss", "unix")
_MOST_CONNECTIONS = 1000
"""To one node: each partition of a worker has its own."""


def redis_client(config: Config, *, coalescing: bool = False, line: bool = False) -> Redis:
    """A client of the configured Redis; connects at first use. Raises ConfigError.

    Of a cluster it is a `ClusterRedis`, which answers whatever ours asks as one Redis does.
    `coalescing`: commands that come at once share their round trips. `line`: where it is one Redis,
    scripts follow each other on one connection.
    """
    redis = config.redis
    check(redis)
    patience: dict[str, Any] = {
        "socket_timeout": redis.timeout_seconds,
        "socket_connect_timeout": redis.timeout_seconds,
    }
    if redis.password:
        patience["password"] = redis.password
    if not redis.cluster:
        single = CoalescingRedis if coalescing else LineRedis if line else Redis
        return single.from_url(redis.url, **patience)
    found = [parse_url(url) for url in _urls(redis.url)]
    options: dict[str, Any] = {**patience, **found[0]}
    for name in ("host", "port", "db"):
        options.pop(name, None)
    if options.pop("connection_class", None) is SSLConnection:
        options["ssl"] = True
    startup = [ClusterNode(one["host"], one.get("port", 6379)) for one in found]
    kind = CoalescingCluster if coalescing else ClusterRedis
    client = kind(startup_nodes=startup, max_connections=_MOST_CONNECTIONS, **options)
    client.replicas = redis.replicas
    return cast("Redis", client)


def check(redis: RedisConfig) -> None:
    """Raises ConfigError for an address that nothing can be reached at."""
    urls = _urls(redis.url)
    parts = [urlsplit(url) for url in urls]
    if parts[0].scheme not in _SCHEMES or not all(map(_is_whole, parts)):
        raise ConfigError(
            "not an address of Redis", key="redis.url", remedy="write it as redis://host:6379"
        )
    if redis.cluster:
        _check_cluster(parts[0].scheme, parts[0].path)
    elif len(urls) > 1 or redis.replicas:
        raise ConfigError(
            "several servers" if len(urls) > 1 else "replicas are waited for in a cluster only",
            key="redis.url" if len(urls) > 1 else "redis.replicas",
            remedy="set redis.cluster to true where they are a Redis Cluster",
        )


def _is_whole(part: SplitResult) -> bool:
    """Whether it names a host, and a port that can be one where it names a port."""
    try:
        return part.scheme == "unix" or (bool(part.hostname) and part.port != 0)
    except ValueError:
        return False


def _check_cluster(scheme: str, path: str) -> None:
    if scheme == "unix":
        raise ConfigError(
            "nodes of a cluster are reached over TCP alone",
            key="redis.url",
            remedy="write it as redis://host:6379,host:6379",
        )
    if path.strip("/") not in {"", "0"}:
        raise ConfigError(
            "a Redis Cluster has no database but 0",
            key="redis.url",
            remedy=f"take {path} off its end",
        )


async def right_kind(redis: Redis | ClusterRedis) -> None:
    """Raises ConfigError where one Redis is configured and a node of a cluster answers, RedisError.

    The reverse is told by `ClusterRedis` itself.
    """
    if isinstance(redis, ClusterRedis):
        await redis.ping()
        return
    try:
        found = await redis.info("cluster")
    except ResponseError:  # it does not let us see; then it is taken for what it is called
        return
    if int(found.get("cluster_enabled", 0)):
        raise ConfigError(
            "a node of a Redis Cluster answers",
            key="redis.cluster",
            remedy="set it to true; redis.url may name several nodes, separated by commas",
        )


def _urls(url: str) -> list[str]:
    """A URL for each node of ``redis://user:password@host:port,host:port``."""
    scheme, separator, rest = url.partition("://")
    if scheme == "unix":
        return [url]
    end = min((at for at in map(rest.find, "/?") if at >= 0), default=len(rest))
    user, at, hosts = rest[:end].rpartition("@")
    return [f"{scheme}{separator}{user}{at}{host.strip()}{rest[end:]}" for host in hosts.split(",")]
