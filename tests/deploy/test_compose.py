"""docker-compose.yml: the production shape, held to the Compose schema without an engine."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import compose
import jsonschema
import pytest

from stream import config, service

SCHEMA = Path(__file__).parent / "compose-spec.schema.json"
ROLES = ("ingest", "subscribers", "delivery")
FILES = compose.ROOT / "fixtures" / "demo"
GIVEN = {
    "XINLING_FILES": str(FILES),
    "XINLING_PROFILES": str(FILES / "profiles.csv"),
    "XINLING_PRIVACY_KEY": "00" * 32,
    "XINLING_REDIS_PASSWORD": "secret",
    "XINLING_SMPP_HOST": "smsc.example",
    "XINLING_SMPP_SYSTEM_ID": "xinling",
    "XINLING_SMPP_PASSWORD": "secret",
}
SERVICES = compose.services()


def environment(role: str) -> dict[str, str]:
    """What the role's container has in its environment, once .env is filled in."""
    entries: dict[str, str] = SERVICES[role]["environment"]
    return {name: compose.filled(value, GIVEN) for name, value in entries.items()}


def test_the_file_is_what_the_compose_specification_allows() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(compose.load())


def test_the_schema_would_have_seen_a_mistake() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    wrong = compose.load()
    wrong["services"]["redis"]["helthcheck"] = {}
    assert list(jsonschema.Draft7Validator(schema).iter_errors(wrong))


def test_every_role_of_the_service_is_a_container_of_one_image() -> None:
    assert {SERVICES[role]["image"] for role in ROLES} == {"xinling:0.1.0"}
    assert {tuple(SERVICES[role]["command"][-2:]) for role in ROLES} == {
        ("--only", role) for role in ROLES
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_mounted_file_exists(name: str) -> None:
    for source, target in compose.mounts(SERVICES[name]):
        assert source.exists() or target == "/captures", f"{name} mounts {source}"


def test_every_file_under_deploy_is_mounted_or_serves_one_that_is() -> None:
    mounted = {source for one in SERVICES.values() for source, _ in compose.mounts(one)}
    listed = subprocess.run(
        ["git", "ls-files", "deploy"], cwd=compose.ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    serving = {"deploy/example.env", "deploy/grafana/make_dashboard.py"}
    serving |= {name for name in listed if name.endswith(".test.yml")}
    assert {compose.ROOT / name for name in set(listed) - serving} <= mounted


@pytest.mark.parametrize("role", ROLES)
def test_the_mounted_configuration_is_one_that_the_role_accepts(role: str) -> None:
    loaded = config.load(str(compose.ROOT / "deploy" / "xinling.toml"), environment(role))
    assert config.privacy_key(loaded) == bytes(32)
    assert loaded.redis.password == "secret"
    assert loaded.kafka.brokers == "kafka:9092"


@pytest.mark.parametrize("role", ROLES)
def test_the_role_starts_with_files_laid_out_as_the_demos(role: str, tmp_path: Path) -> None:
    text = (compose.ROOT / "deploy" / "xinling.toml").read_text(encoding="utf-8")
    here = tmp_path / "xinling.toml"
    here.write_text(text.replace("/etc/xinling/files", str(FILES)), encoding="utf-8")
    given = environment(role)
    if "XINLING_RULES_PROFILES" in given:
        given["XINLING_RULES_PROFILES"] = GIVEN["XINLING_PROFILES"]
        given["XINLING_RULES_SEEDS"] = compose.example()["XINLING_SEEDS"]
    service.validate(config.load(str(here), given))


def test_p6_only_ingest_sees_the_profiles_with_their_clear_numbers() -> None:
    seeing = [
        name
        for name, one in SERVICES.items()
        if any("PROFILES" in entry for entry in one.get("volumes", []))
    ]
    assert seeing == ["ingest"]


def test_only_delivery_knows_the_smsc_and_reaches_outside() -> None:
    outside = [name for name in ROLES if "smsc" in SERVICES[name]["networks"]]
    knowing = [name for name in ROLES if any("SMPP" in key for key in environment(name))]
    assert outside == knowing == ["delivery"]


@pytest.mark.parametrize("role", ROLES)
def test_the_health_check_asks_the_port_that_the_role_serves(role: str) -> None:
    loaded = config.load(str(compose.ROOT / "deploy" / "xinling.toml"), environment(role))
    assert f":{loaded.metrics.port}/metrics" in SERVICES[role]["healthcheck"]["test"][-1]
    scraped = (compose.ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8")
    assert f"port: {loaded.metrics.port}" in scraped
    assert role in scraped


def test_every_secret_must_be_given_and_stands_in_the_example() -> None:
    required = {name for name, kind in compose.variables().items() if kind == "?"}
    assert set(compose.variables()) - {"XINLING_CLUSTER_ID"} == set(compose.example())
    assert {name for name, value in compose.example().items() if not value} == required


def test_no_secret_stands_in_what_is_checked_in() -> None:
    for name, kind in compose.variables().items():
        assert kind == "?" or not re.search("KEY|PASSWORD", name)


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_can_write_nothing_and_gain_nothing(role: str) -> None:
    container: dict[str, Any] = SERVICES[role]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_to_a_version(name: str) -> None:
    tag = SERVICES[name]["image"].partition(":")[2]
    assert re.match(r"v?\d+\.\d+\.\d+", tag), f"{name}: {tag or 'no tag'}"


def test_kafka_is_the_version_that_the_tests_run() -> None:
    pom = (compose.ROOT / "tests/kafka/pom.xml").read_text(encoding="utf-8")
    tested = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([\d.]+)<", pom)
    assert tested is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{tested[1]}"


def test_no_topic_comes_into_being_by_itself() -> None:
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_what_must_survive_a_restart_lies_on_a_volume() -> None:
    kept = {
        "kafka": SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"],
        "redis": "/data",
        "prometheus": "/prometheus",
        "grafana": "/var/lib/grafana",
    }
    for name, folder in kept.items():
        assert f"{name}-data:{folder}" in SERVICES[name]["volumes"]
        assert f"{name}-data" in compose.load()["volumes"]
