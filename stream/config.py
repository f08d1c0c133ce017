"""The service's configuration: one TOML file, each key also the variable ``XINLING_SECTION_KEY``.

A value of the environment wins over the file. Unknown keys, wrong types and values out of bounds
are refused with the key's name. A variable whose first word is no section belongs to someone else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from decoders.errors import XinlingError
from decoders.identity import Pool

PREFIX = "XINLING_"
KEY_BYTES = 32
_NRI = "write identifier=point code, such as 5=4177"

Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class ConfigError(XinlingError):
    """A configuration that cannot be used: the file, the key, the remedy."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Privacy(_Section, frozen=True):
    """The key of the pseudonyms; without one nothing runs."""

    key: str = ""
    """64 hexadecimal digits."""
    key_file: str = ""
    """A file that holds them, in place of `key`."""
    key_version: Annotated[int, Meta(ge=1, le=255)] = 1
    next_key: str = ""
    """The key that `xinling rotate-key` changes to; 64 hexadecimal digits."""
    next_key_file: str = ""
    """A file that holds them, in place of `next_key`."""
    next_key_version: Annotated[int, Meta(ge=0, le=255)] = 0
    """Its version; 0 for the one after `key_version`."""


class Kafka(_Section, frozen=True):
    """The broker, and the topics as they are created where they do not exist."""

    brokers: str = "127.0.0.1:9092"
    """``host:port``, separated by commas."""
    partitions: Annotated[int, Meta(ge=1, le=4096)] = 8
    replication: Annotated[int, Meta(ge=1, le=9)] = 1
    group: str = "xinling"
    """Prefix of the consumer groups."""
    events_days: Count = 7
    """How long `signalling.events`, `offers` and the dead letters are kept."""
    verdicts_days: Count = 150
    """How long `verdicts` and `outcomes` are kept."""
    session_seconds: Annotated[float, Meta(ge=1, le=300)] = 10.0
    """A worker that is silent for so long loses its partitions."""
    request_seconds: Annotated[float, Meta(ge=1, le=300)] = 15.0


class Redis(_Section, frozen=True):
    """State, ledger and vault."""

    url: str = "redis://127.0.0.1:6379/0"
    """One server, or some nodes of a cluster: ``redis://host:6379,host:6379``."""
    cluster: bool = False
    """It is a Redis Cluster."""
    replicas: Annotated[int, Meta(ge=0, le=9)] = 0
    """Of a cluster: how many replicas of a primary must have each write before it counts. With as
    many as there are, a primary that fails takes nothing along; 0 waits for none."""
    password: str = ""
    timeout_seconds: Seconds = 5.0


class Smpp(_Section, frozen=True):
    """The SMSC."""

    host: str = "127.0.0.1"
    port: Port = 2775
    system_id: str = "xinling"
    password: str = ""
    system_type: str = ""
    window: Annotated[int, Meta(ge=1, le=1000)] = 10
    """Submits that may wait for their answer at once."""
    timeout_seconds: Seconds = 10.0
    """A submit without an answer after this is `unknown`."""
    seed_wait_seconds: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    """How long offers wait for test numbers (`rules.seeds`) that their texts do not reach."""


class Rules(_Section, frozen=True):
    """The files that decide; empty means none."""

    campaigns: str = "campaigns"
    """A directory of campaign files."""
    areas: str = ""
    """GeoJSON."""
    cells: str = ""
    """CSV."""
    settings: str = ""
    """JSON: the operator's zone, quiet hours, salt of the control groups."""
    plan: str = ""
    """The numbering plan."""
    profiles: str = ""
    """CSV; read again when its content has changed."""
    seeds: str = ""
    """Test numbers, one a line: each gets every text before the first subscriber does."""


class Ingest(_Section, frozen=True):
    """The captures that the service itself reads; `xinling ingest` may feed more."""

    sources: tuple[str, ...] = ()
    """Files, a directory, ``-``, ``tcp://host:port``."""
    follow: bool = False
    """Files among the sources are still growing: they have no end."""
    speed: str = "max"
    """``max``, or how many seconds of capture pass in one second."""
    point_code_bits: Literal[14, 24] = 14
    """14 (ITU) or 24 (Chinese national)."""
    ipa_ports: tuple[Port, ...] = (5000,)
    nri_bits: Annotated[int, Meta(ge=0, le=10)] = 0
    """Length of the network resource identifier in the TMSIs of a pool of MSCs; 0 without one."""
    nris: tuple[str, ...] = ()
    """Whose it is: `5=4177` says that identifier 5 is that of the MSC with point code 4177."""
    compiled: Literal["auto", "always", "never"] = "auto"
    """Whether compiled code reads (the extra `fast`): ``auto`` where it was made before and sources
    are live or long; ``always`` makes it where need be, which takes a minute or two, once."""
    flush_seconds: Annotated[float, Meta(ge=0.001, le=10)] = 0.02
    """How long an event waits for its batch to fill; longer, up to 0.2 s, where there are more than
    four partitions, so that records a second stay bounded."""


class Metrics(_Section, frozen=True):
    """Where Prometheus scrapes; port 0 means nowhere."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 9464


class Service(_Section, frozen=True):
    """How patient the service is."""

    retry_seconds: Seconds = 300.0
    """A dependency that stays away for longer ends the process."""
    stop_seconds: Seconds = 8.0
    """After SIGTERM, how long work in hand may take."""
    stall_seconds: Seconds = 60.0
    """A partition with work that makes no progress for so long ends the process."""
    silent_seconds: Seconds = 60.0
    """An ingest that is silent for so long while others go on is waited for no more: the log's
    clock, which is that of the slowest, goes on without it until it is heard again."""
    clock: Literal["wall", "log"] = "wall"
    """What quiet hours and validity go by at the submit: wall time, or, where captures of the past
    are played, the time of the offers."""
    data_dir: str = "/tmp/xinling"  # noqa: S108  nothing is kept there; Faust wants a directory
    """Where Faust may write; nothing in it needs to survive."""


class Config(_Section, frozen=True):
    """The whole file."""

    privacy: Privacy = Privacy()
    kafka: Kafka = Kafka()
    redis: Redis = Redis()
    smpp: Smpp = Smpp()
    rules: Rules = Rules()
    ingest: Ingest = Ingest()
    metrics: Metrics = Metrics()
    service: Service = Service()


def load(file: str | None, environment: Mapping[str, str]) -> Config:
    """The configuration in `file` (None: only defaults) under the variables of `environment`.

    Raises:
        ConfigError: with the file, the line of a syntax error, or the key at fault.
    """
    raw = {} if file is None else _read(file)
    _overlay(raw, environment, file)
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise _explained(str(error), file) from None
    _check(config, file)
    return config


def privacy_key(config: Config) -> bytes:
    """The 32 octets of the key; raises ConfigError where there is none or it is none."""
    return _key(config.privacy.key, config.privacy.key_file, "privacy.key")


def next_key(config: Config) -> bytes:
    """The 32 octets of the key to change to; raises ConfigError likewise."""
    return _key(config.privacy.next_key, config.privacy.next_key_file, "privacy.next_key")


def _key(text: str, file: str, name: str) -> bytes:
    if file:
        text = _text(file, f"{name}_file").strip()
    remedy = f"put {KEY_BYTES * 2} hexadecimal digits there, as `openssl rand -hex 32` makes them"
    if not text:
        raise ConfigError("there is no key for the pseudonyms", key=name, remedy=remedy)
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError("not a key", key=name, remedy=remedy)
    return key


def speed(config: Ingest) -> float | None:
    """Seconds of capture a second, None for as fast as it goes; raises ConfigError otherwise."""
    if config.speed == "max":
        return None
    try:
        value = float(config.speed)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1_000_000:
        raise ConfigError(
            f"{config.speed!r} is no speed",
            key="ingest.speed",
            remedy="give a number above 0, or max",
        )
    return value


def pool(config: Ingest) -> Pool:
    """How MSCs share their TMSIs out; raises ConfigError for what cannot be an identifier."""
    vlrs: dict[int, str] = {}
    for text in config.nris:
        identifier, _, point_code = text.partition("=")
        digits = identifier + point_code
        if not (identifier and point_code and digits.isascii() and digits.isdecimal()):
            raise ConfigError(f"{text!r} is no identifier", key="ingest.nris", remedy=_NRI)
        if int(identifier) >= 1 << config.nri_bits:
            raise ConfigError(
                f"{identifier} does not fit into {config.nri_bits} bits",
                key="ingest.nris",
                remedy="set ingest.nri_bits to the length of the pool's identifiers",
            )
        vlrs[int(identifier)] = str(int(point_code))
    return Pool(config.nri_bits, vlrs)


def _text(file: str, key: str | None = None) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            error.strerror or str(error), file=file, key=key, remedy="name a file that can be read"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", file=file, key=key, offset=error.start) from None


def _read(file: str) -> dict[str, Any]:
    text = _text(file)
    try:
        return msgspec.toml.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else None
        raise ConfigError(f"not TOML: {error}", file=file, line=line) from None


def _overlay(raw: dict[str, Any], environment: Mapping[str, str], file: str | None) -> None:
    sections = get_type_hints(Config)
    for name, text in sorted(environment.items()):
        section, _, key = name.removeprefix(PREFIX).lower().partition("_")
        if not name.startswith(PREFIX) or section not in sections:
            continue
        hints = get_type_hints(sections[section], include_extras=True)
        if key not in hints:
            raise ConfigError("unknown key", key=name, remedy=_known(section, hints))
        table = raw.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError("not a table", file=file, key=section)
        table[key] = _value(name, text, hints[key])


def _value(name: str, text: str, hint: Any) -> Any:
    """What a variable's text means for a key of this type."""
    many = getattr(hint, "__origin__", None) is tuple
    value: Any = [part.strip() for part in text.split(",") if part.strip()] if many else text
    try:
        return msgspec.to_builtins(msgspec.convert(value, hint, strict=False))
    except msgspec.ValidationError as error:
        raise ConfigError(str(error), key=name) from None


def _known(section: str, hints: Mapping[str, Any]) -> str:
    return f"the keys of [{section}] are " + ", ".join(hints)


def _explained(text: str, file: str | None) -> ConfigError:
    """The message of msgspec, its path as our key."""
    reason, _, path = text.partition(" - at `$")
    key = path.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `(.+)`", reason)
    if unknown is None:
        return ConfigError(reason, file=file, key=key or None)
    hints = get_type_hints(get_type_hints(Config)[key] if key else Config)
    remedy = _known(key, hints) if key else "the sections are " + ", ".join(hints)
    name = ".".join(part for part in (key, unknown[1]) if part)
    return ConfigError("unknown key", file=file, key=name, remedy=remedy)


def _check(config: Config, file: str | None) -> None:
    """What a type alone cannot say."""
    speed(config.ingest)
    pool(config.ingest)
    if config.kafka.session_seconds > config.kafka.request_seconds:
        raise ConfigError(
            "must not be longer than kafka.request_seconds", file=file, key="kafka.session_seconds"
        )
