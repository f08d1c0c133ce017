"""The bytes: right by tshark's and our own reading, and the same for the same seed (P1)."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from made import messages, simulated

from simulator import crc32c, digits
from simulator.scenario import ScenarioError

_BUSY = "people: 30\nlasts: 9h\ntraffic: {calls: 12, texts: 8}\nmovement: {flappers: 30%}\n"

needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="no tshark (Debian: apt install tshark)"
)


def _tshark(path: Path, *options: str) -> str:
    command = ["tshark", "-r", str(path), *options]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@needs_tshark
@pytest.mark.parametrize(
    ("link", "more"),
    [
        ("ethernet", ""),
        ("vlan", "network: {ciphering: false, imei: true, common_id: false}\n"),
        ("sll", "network: {tmsi: new vlr, rejected: 20%, mscs: 4}\nkinds: {visitor: 50%}\n"),
        ("ip", "faults: {doubled: 2%, lost: 2%}\n"),
        ("mtp3", ""),
        ("sccp", ""),
        ("mtp2", ""),
        ("mtp2-header", ""),
        ("ethernet, carrier: m2ua", ""),
        ("sll, carrier: m2pa", "faults: {doubled: 2%, lost: 2%}\n"),
        ("vlan, carrier: sccplite", ""),
    ],
)
def test_tshark_finds_nothing_malformed(tmp_path: Path, link: str, more: str) -> None:
    text = _BUSY + more + f"captures: {{link: {link}, per: all, bundling: 50ms}}\n"
    done = simulated(tmp_path / "out", text)
    path = tmp_path / "out" / "all.pcap"
    options = ["-o", "sctp.checksum:CRC32C", "-o", "ip.check_checksum:TRUE"]
    options += ["-o", "tcp.check_checksum:TRUE", "-d", "tcp.port==5000,gsm_ipa"]
    faults = "_ws.malformed || _ws.expert.severity >= 0x600000 || sctp.checksum.status == 0"
    faults += " || tcp.checksum.status == 0"
    assert not _tshark(path, *options, "-Y", faults)
    assert done.messages > 1500


@needs_tshark
def test_tshark_and_we_read_the_same_messages(tmp_path: Path) -> None:
    simulated(tmp_path / "out", _BUSY + "captures: {link: mtp3, per: all}\n")
    path = tmp_path / "out" / "all.pcap"
    fields = ["-T", "fields", "-e", "sccp.message_type", "-e", "gsm_a.bssmap.msgtype"]
    theirs = [line.split("\t") for line in _tshark(path, *fields).splitlines()]
    ours = [message for message in messages(path) if message.within is None]
    assert len(ours) == len(theirs)
    for message, (_, bssmap) in zip(ours, theirs, strict=True):
        if message.protocol == "BSSMAP":
            assert int(bssmap, 16) == message.code


@pytest.mark.parametrize(
    "carried",
    [
        *("link: mtp2", "link: mtp2-header", "link: sccp", "carrier: m2ua", "carrier: m2pa"),
        *("carrier: sccplite", "carrier: sccplite, bundling: 300ms", "carrier: m2pa, bundling: 1s"),
    ],
)
def test_whatever_carries_them_we_read_the_same_messages(tmp_path: Path, carried: str) -> None:
    names = []
    for number, captures in enumerate(("link: ethernet", carried)):
        folder = tmp_path / str(number)
        simulated(folder, _BUSY + f"captures: {{per: all, {captures}}}\n")
        names.append(Counter(one.message for one in messages(folder / "all.pcap")))
    assert names[0] == names[1]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    text = "people: 40\nlasts: 26h\nnetwork: {mscs: 4}\n"
    for name in ("one", "two"):
        simulated(tmp_path / name, text)
    names = sorted(path.relative_to(tmp_path / "one") for path in _files(tmp_path / "one"))
    assert len(names) > 9
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_messages_share_packets_and_packets_acknowledge(tmp_path: Path) -> None:
    text = _BUSY + "captures: {bundling: 300ms, per: all}\n"
    done = simulated(tmp_path / "out", text)
    assert done.frames < done.messages


def test_compressed_and_rotated_captures_read_like_plain_ones(tmp_path: Path) -> None:
    simulated(tmp_path / "plain", _BUSY + "captures: {per: all}\n")
    simulated(tmp_path / "parts", _BUSY + "captures: {per: all, compress: true, rotate: 3h}\n")
    parts = sorted((tmp_path / "parts").glob("*.pcap.gz"))
    assert [path.name for path in parts] == [f"all-{n:04d}.pcap.gz" for n in range(3)]
    plain = [message.message for message in messages(tmp_path / "plain" / "all.pcap")]
    assert [message.message for path in parts for message in messages(path)] == plain


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ScenarioError, match="not empty"):
        simulated(tmp_path, "people: 5\nlasts: 1h\n")


def test_checksums_are_those_of_the_catalogue() -> None:
    octets = np.frombuffer(b"\0" * 32 + b"\xff" * 32 + bytes(range(32)), np.uint8)
    made = crc32c.checksums(octets, np.array([0, 32, 64]), np.array([32, 32, 32]))
    assert made.tolist() == [0x8A9136AA, 0x62A8AB43, 0x46DD794E]  # RFC 3720 B.4


def test_digits_as_the_laboratories_have_them() -> None:
    imsi = digits.identity(np.array([1010000001095]), 15, 1)
    assert imsi.tobytes().hex() == "0910100000000159"
    assert digits.swapped(np.array([4915550103]), 10).tobytes().hex() == "9451551030"
    assert digits.swapped(np.array([12593]), 5).tobytes().hex() == "2195f3"
    assert digits.address(np.array([4915550102]), 10).tobytes().hex() == "0a819451551020"
