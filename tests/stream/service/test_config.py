"""The configuration names what is wrong with it; without a key nothing runs (P6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from decoders.identity import Pool
from stream import config as configuration
from stream.config import ConfigError, load, pool, privacy_key

KEY = "ab" * 32


def write(folder: Path, text: str) -> str:
    file = folder / "xinling.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_without_a_file_the_defaults_stand() -> None:
    config = load(None, {})
    assert config.kafka.partitions == 8
    assert config.ingest.sources == ()


def test_a_file_sets_its_keys_and_leaves_the_rest(tmp_path: Path) -> None:
    file = write(
        tmp_path, '[kafka]\npartitions = 32\n[ingest]\nsources = ["a.pcap", "山西.pcap"]\n'
    )
    config = load(file, {})
    assert config.kafka.partitions == 32
    assert config.ingest.sources == ("a.pcap", "山西.pcap")
    assert config.kafka.brokers == "127.0.0.1:9092"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[kafka]\npartitions = 32\n")
    variables = {
        "XINLING_KAFKA_PARTITIONS": "4",
        "XINLING_INGEST_SOURCES": "a.pcap, tcp://127.0.0.1:3000",
        "XINLING_INGEST_IPA_PORTS": "5000,5001",
        "XINLING_KAFKA_SESSION_SECONDS": "6.5",
    }
    config = load(file, variables)
    assert config.kafka.partitions == 4
    assert config.ingest.sources == ("a.pcap", "tcp://127.0.0.1:3000")
    assert config.ingest.ipa_ports == (5000, 5001)
    assert config.kafka.session_seconds == 6.5


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[kafka]\nbroker = 'x'\n", "kafka.broker"),
        ("[kafak]\n", "kafak"),
        ("[kafka]\npartitions = '8'\n", "kafka.partitions"),
        ("[kafka]\npartitions = 0\n", "kafka.partitions"),
        ("kafka = 3\n", "kafka"),
        ("[ingest]\nipa_ports = [5000, 70000]\n", "ingest.ipa_ports[1]"),
        ("[ingest]\nspeed = 'fast'\n", "ingest.speed"),
        ("[ingest]\npoint_code_bits = 16\n", "ingest.point_code_bits"),
        ("[kafka]\nsession_seconds = 60\n", "kafka.session_seconds"),
    ],
)
def test_unknown_keys_wrong_types_and_bounds_are_refused_by_name(
    tmp_path: Path, text: str, key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), {})
    assert caught.value.key is not None
    assert caught.value.key.startswith(key)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XINLING_KAFKA_BROKER", "x"),
        ("XINLING_KAFKA_PARTITIONS", "many"),
        ("XINLING_METRICS_PORT", "70000"),
    ],
)
def test_variables_are_refused_by_their_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {name: value})
    assert caught.value.key == name


def test_variables_of_no_section_belong_to_someone_else() -> None:
    assert load(None, {"XINLING_TEST_KAFKA_HOME": "/x", "PATH": "/bin"}) == load(None, {})


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "[kafka]\npartitions = \n"), {})
    assert caught.value.line == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(str(tmp_path / "none.toml"), {})
    assert caught.value.file == str(tmp_path / "none.toml")


def test_p6_without_a_key_there_is_no_service() -> None:
    with pytest.raises(ConfigError) as caught:
        privacy_key(load(None, {}))
    assert caught.value.key == "privacy.key"
    assert "openssl" in str(caught.value)


@pytest.mark.parametrize("text", ["12", "zz" * 32, KEY + "ab"])
def test_p6_a_short_or_malformed_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        privacy_key(load(None, {"XINLING_PRIVACY_KEY": text}))
    assert text not in str(caught.value)


def test_the_key_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    config = load(None, {"XINLING_PRIVACY_KEY_FILE": str(tmp_path / "key")})
    assert privacy_key(config) == bytes.fromhex(KEY)


def test_a_speed_is_a_number_or_max() -> None:
    assert configuration.speed(load(None, {}).ingest) is None
    assert configuration.speed(load(None, {"XINLING_INGEST_SPEED": "2.5"}).ingest) == 2.5


def test_a_pools_identifiers_are_read_and_checked() -> None:
    given = {"XINLING_INGEST_NRI_BITS": "4", "XINLING_INGEST_NRIS": "3=185, 5=186"}
    assert pool(load(None, given).ingest) == Pool(4, {3: "185", 5: "186"})
    for wrong in ("5", "=4", "5=", "a=4", "16=185"):
        with pytest.raises(ConfigError) as caught:
            load(None, {**given, "XINLING_INGEST_NRIS": wrong})
        assert caught.value.key == "ingest.nris"
