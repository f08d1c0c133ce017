"""Profiles from CSV and Parquet: good rows are loaded, each bad one is told with its line."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from decoders.errors import XinlingError
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules import profile as profiles
from rules.profile import Profile
from stream.control import Control
from stream.log import Batch, ProfileChanged, encode
from stream.profile_files import Bad, Good, ProfileRows
from stream.profile_load import MOST_SHOWN, BadRows, good
from stream.rule_files import FileError
from stream.sms.vault import Identity
from stream.topics import Log

HEADER = "imsi,msisdn,home_city,products,consent,opted_out,time_zone,tier\n"
LINES = (
    "460001234567890,+8613803710001,郑州,two-cities;data,sms,no,Asia/Shanghai,gold\n",
    "46000,8613803710002,郑州,,sms,no,Asia/Shanghai,\n",
    '460001234567892,8613803710003,"郑州\n",,sms,no,Asia/Shanghai,\n',
    "460001234567893,8613803710004,郑州\n",
    "\n",
    "460001234567894,none,郑州,,sms,no,Asia/Shanghai,\n",
    "460001234567895,,,,,,,\n",
)


def written(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "people.csv"
    file.write_text(HEADER + "".join(lines), "utf-8")
    return file


def test_a_csv_gives_its_good_rows_and_the_lines_of_the_others(tmp_path: Path) -> None:
    rows = list(ProfileRows(written(tmp_path, *LINES)))
    assert [row.imsi[-3:] for row in rows if isinstance(row, Good)] == ["890", "892", "895"]
    assert [row for row in rows if isinstance(row, Bad)] == [
        Bad(3, "the imsi column holds no IMSI of 6 to 15 digits"),
        Bad(6, "3 fields where the header has 8"),
        Bad(8, "the msisdn column holds no number of 3 to 15 digits"),
    ]
    first = rows[0]
    assert isinstance(first, Good)
    assert first.msisdn == "8613803710001"
    assert first.profile == Profile(
        home_city="郑州",
        products=("two-cities", "data"),
        consent=("sms",),
        time_zone="Asia/Shanghai",
        extra={"tier": "gold"},
    )


def test_bytes_that_are_no_text_cost_only_their_row(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    row = LINES[0].encode()
    file.write_bytes(HEADER.encode() + row + row.replace("郑州".encode(), b"\xff\xfe") + row)
    assert list(map(type, ProfileRows(file))) == [Good, Bad, Good]
    assert list(ProfileRows(file))[1] == Bad(3, "not UTF-8")


def test_a_field_without_end_costs_only_what_it_swallowed(tmp_path: Path) -> None:
    file = written(tmp_path, LINES[0], "x" * (3 << 20) + "\n", LINES[0])
    rows = list(ProfileRows(file))
    assert isinstance(rows[0], Good)
    assert isinstance(rows[-1], Good)
    assert any(isinstance(row, Bad) and "field larger" in row.reason for row in rows)


def test_a_parquet_file_gives_the_same_profiles_as_its_csv(tmp_path: Path) -> None:
    source = written(tmp_path, LINES[0], LINES[6])
    columns = {
        "imsi": [460001234567890, 460001234567895, None],
        "msisdn": ["+8613803710001", None, "1"],
        "home_city": ["郑州", "", ""],
        "products": [["two-cities", "data"], None, []],
        "consent": ["sms", None, None],
        "opted_out": [False, None, None],
        "time_zone": ["Asia/Shanghai", "", ""],
        "tier": ["gold", None, None],
    }
    file = tmp_path / "people.parquet"
    parquet.write_table(pa.table(columns), file)
    rows = list(ProfileRows(file))
    assert rows[:2] == list(ProfileRows(source))
    assert rows[2] == Bad(3, "the imsi column holds no IMSI of 6 to 15 digits")


def test_an_imsi_kept_as_a_number_must_not_have_lost_its_zeros(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    parquet.write_table(pa.table({"imsi": [1010000001037, 460001234567890]}), file)
    lost, whole = ProfileRows(file)
    assert isinstance(lost, Bad)
    assert "leading zeros" in lost.reason
    assert isinstance(whole, Good)


@pytest.mark.parametrize("content", [b"", b"number,city\n1,2\n", b"PAR1 and nothing more"])
def test_a_file_without_profiles_is_refused_whole(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "people"
    file.write_bytes(content)
    with pytest.raises(FileError, match=r"no imsi column|not a whole Parquet file"):
        list(ProfileRows(file))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        ProfileRows(tmp_path / "none.csv")


def test_p6_the_report_names_every_bad_row_and_shows_nothing_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, *[LINES[1]] * (MOST_SHOWN + 5), LINES[0])
    report = tmp_path / "bad.csv"
    with ExitStack() as stack:
        bad = BadRows(file, report, stack)
        assert len(list(good(iter(ProfileRows(file)), bad))) == 1
    assert bad.number == MOST_SHOWN + 5
    rows = list(csv.DictReader(report.open(encoding="utf-8")))
    assert [int(row["line"]) for row in rows] == list(range(2, MOST_SHOWN + 7))
    assert set(rows[0]) == {"file", "line", "reason"}
    said = capsys.readouterr().err
    assert said.count(f"{file}:") == MOST_SHOWN
    assert "8613803710002" not in said + report.read_text("utf-8")


def test_a_report_that_cannot_be_written_stops_before_anything_is_loaded(tmp_path: Path) -> None:
    with ExitStack() as stack, pytest.raises(XinlingError, match="--report"):
        BadRows(tmp_path / "x.csv", tmp_path / "no" / "folder.csv", stack)


class Kept:
    def __init__(self) -> None:
        self.batches: list[Batch] = []

    async def write(self, _partition: int, batch: Batch) -> None:
        self.batches.append(batch)

    async def flush(self) -> None:
        return


class Sealed(dict[str, Identity]):
    async def put(self, identities: dict[str, Identity]) -> None:
        self.update(identities)


class NoMark:
    async def get(self, what: str) -> str | None:
        raise AssertionError(what)

    async def set(self, what: str, digest: str) -> None:
        raise AssertionError(what, digest)


async def test_p6_loaded_rows_bear_pseudonyms_and_numbers_go_to_the_vault(tmp_path: Path) -> None:
    kept, vault = Kept(), Sealed()
    control = Control(kept, Log("0a" * 16, 4), NoMark())
    pseudonyms = Pseudonyms(TEST_KEY)
    file = written(tmp_path, LINES[0], LINES[6])
    rows = good(iter(ProfileRows(file)), lambda bad: pytest.fail(bad.reason))
    assert await control.load(rows, pseudonyms, vault) == 2  # type: ignore[arg-type]
    items = [item for batch in kept.batches for item in batch.items]
    changes = [item for item in items if isinstance(item, ProfileChanged)]
    assert {profiles.decode(change.profile).home_city for change in changes} == {"郑州", ""}
    who = pseudonyms.subscriber("460001234567890")
    assert vault[who] == Identity("460001234567890", "8613803710001")
    assert not any(b"46000123456789" in encode(batch) for batch in kept.batches)
