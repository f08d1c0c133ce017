"""A partition's state as a file, out of one store and into another, and into other partitions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from fake_rules import FakeRules
from made_events import FIRST, stream
from stores import STORES, open_store

from decoders.errors import XinlingError
from decoders.events import Event
from rules.packed import encode
from rules.state import Subscriber
from stream import migration, state_file
from stream.batcher import Batcher
from stream.handler import Handler
from stream.log import BudgetSpent, FeedScored, RulesChanged, partition_of
from stream.memory_store import MemoryStore
from stream.migration import Import
from stream.replay import Change
from stream.state import Commit, MigrationError, Progress, StateStore, decode_entry
from stream.state_file import Head, Person, StateFileError, Writer

KEY = bytes(range(32))


class Life:
    """A store under a number of partitions, and all that was ever published of it."""

    def __init__(self, store: StateStore, partitions: int) -> None:
        self.store = store
        self.partitions = partitions
        self.rows: list[bytes] = []

    async def takes(self, items: Iterable[Event | Change]) -> None:
        """Reads a capture from its beginning: what was read before is recognised."""
        batcher = Batcher("captures", "e", self.partitions, max_items=17, feed="one")
        handler = Handler(self.store, FakeRules)
        for item in items:
            if isinstance(item, Event):
                filled = batcher.add(item)
            elif isinstance(item, FeedScored):
                filled = batcher.score(item)
            elif isinstance(item, RulesChanged | BudgetSpent):
                filled = batcher.change_everywhere(item)
            else:
                filled = batcher.change(item)
            await self._handle(handler, filled)
        await self._handle(handler, batcher.flush())

    async def _handle(self, handler: Handler, filled: Iterable[object]) -> None:
        for partition, batch in filled:  # type: ignore[misc]
            offset = (await self.store.progress(partition)).offset
            await handler.handle(partition, offset, batch)
            waiting = await self.store.outbox(partition, 10_000)
            self.rows += [_row(one.data) for one in waiting]
            await self.store.acknowledge(partition, [one.id for one in waiting])

    async def kept(self) -> dict[str, object]:
        """All that is kept of anybody."""
        found: dict[str, object] = {}
        for partition in range(self.partitions):
            async for page in migration._people(self.store, partition):
                assert all(partition_of(one.name, self.partitions) == partition for one in page)
                found |= {one.name: one for one in page}
            found[f"timers of {partition}"] = await self.store.pending(partition)
        return found


def _row(data: bytes) -> bytes:
    return msgspec.json.encode(decode_entry(data).verdict.row(), order="sorted")


async def exported(life: Life, folder: Path) -> list[Path]:
    files = [folder / f"{partition}.xlstate" for partition in range(life.partitions)]
    for partition, file in enumerate(files):
        await migration.export(life.store, partition, life.partitions, file, KEY)
    return files


@pytest.fixture(scope="module")
def items() -> list[Event | Change]:
    return [*FIRST, *stream(count=900)]


@pytest.mark.parametrize("name", STORES)
async def test_a_partition_goes_out_and_comes_back_byte_for_byte(
    request: pytest.FixtureRequest, name: str, tmp_path: Path, items: list[Event | Change]
) -> None:
    life = Life(await open_store(request, name), 2)
    await life.takes(items)
    before = await life.kept()
    progress = [await life.store.progress(number) for number in range(2)]
    files = await exported(life, tmp_path)
    await life.store.close()

    other = Life(await open_store(request, name), 2)
    for file in files:
        await migration.restore(other.store, file, KEY)
    assert await other.kept() == before
    assert [await other.store.progress(number) for number in range(2)] == progress
    assert await other.store.rules(0) == await other.store.rules(1) != {}
    again = await exported(other, tmp_path)
    assert [list(state_file.read(file, KEY)) for file in again]
    await other.store.close()


async def test_p1_set_back_to_a_file_the_log_gives_the_same_states_again(
    tmp_path: Path, items: list[Event | Change]
) -> None:
    life = Life(MemoryStore(), 3)
    await life.takes(items[:400])
    files = await exported(life, tmp_path)
    await life.takes(items)
    rows, kept = list(life.rows), await life.kept()
    for file in files:
        await migration.restore(life.store, file, KEY)
    await life.takes(items)
    assert await life.kept() == kept
    assert set(life.rows) == set(rows), "what is decided again is the same"


@pytest.mark.parametrize("numbers", [(4, 7), (4, 3), (1, 8), (8, 1), (4, 7, 2)])
async def test_p1_other_partitions_decide_what_the_same_ones_had_decided(
    tmp_path: Path, items: list[Event | Change], numbers: tuple[int, ...]
) -> None:
    whole = Life(MemoryStore(), 4)
    await whole.takes(items)

    life = Life(MemoryStore(), numbers[0])
    for turn, partitions in enumerate(numbers):
        if turn:
            files = await exported(life, tmp_path)
            done = await migration.repartition(life.store, files, KEY, partitions)
            assert done["partitions"] == partitions
            for gone in range(partitions, life.partitions):
                assert await life.store.names(gone, 0) == ([], None)
            life.partitions = partitions
        await life.takes(items[: 300 * (turn + 1)] if turn + 1 < len(numbers) else items)
    assert sorted(life.rows) == sorted(whole.rows)
    people = {name: one for name, one in (await life.kept()).items() if not name.startswith("tim")}
    same = {name: one for name, one in (await whole.kept()).items() if not name.startswith("tim")}
    assert people == same
    assert sum([await life.store.pending(number) for number in range(life.partitions)]) == sum(
        [await whole.store.pending(number) for number in range(whole.partitions)]
    )


async def test_cut_off_anywhere_it_is_done_again_and_no_worker_goes_on_between(
    tmp_path: Path, items: list[Event | Change]
) -> None:
    life = Life(MemoryStore(), 2)
    await life.takes(items)
    people = {name for name in await life.kept() if not name.startswith("timers")}
    files = await exported(life, tmp_path)
    for commits in range(1, 200):
        life.store = Mortal(life.store, commits)
        try:
            await migration.repartition(life.store, files, KEY, 3)
        except ZeroDivisionError:
            life.store = life.store.inner
            assert await locked(life.store, 3)
        else:
            break
    assert commits > 3
    life.store = life.store.inner
    life.partitions = 3
    assert {name for name in await life.kept() if not name.startswith("timers")} == people


async def locked(store: StateStore, partitions: int) -> bool:
    """Whether no worker goes on from one of them at least."""
    for partition in range(partitions):
        try:
            await store.progress(partition)
        except MigrationError:
            return True
    return False


class Mortal(MemoryStore):
    """A store that fails after so many commits."""

    def __init__(self, inner: StateStore, commits: int) -> None:
        super().__init__()
        self.inner = inner
        self._left = commits

    async def commit(self, partition: int, token: bytes, commit: Commit) -> bool:
        if not self._left:
            raise ZeroDivisionError
        self._left -= 1
        return await self.inner.commit(partition, token, commit)

    def __getattribute__(self, name: str) -> object:
        if name in {"inner", "_left", "commit"}:
            return super().__getattribute__(name)
        return getattr(super().__getattribute__("inner"), name)


async def test_a_state_that_cannot_be_read_moves_as_it_is(tmp_path: Path) -> None:
    store = MemoryStore()
    commit = Commit(Progress(epoch="e", offset=3), rules={"r": b""})
    commit.states = {"1-odd": b"\xff\xff", "1-even": encode(Subscriber("1-even"))}
    commit.aside = {"1-odd": "StateError: damaged"}
    await store.commit(0, b"", commit)
    life = Life(store, 1)
    await migration.repartition(store, await exported(life, tmp_path), KEY, 2)
    where = partition_of("1-odd", 2)
    assert await store.aside(where) == {"1-odd": "StateError: damaged"}
    assert (await store.load(where, ["1-odd"], None, 0)).states == {"1-odd": b"\xff\xff"}


def _file(path: Path) -> Path:
    head = Head(0, 1, Progress(offset=7), {"r": b"x"})
    with Writer(path, KEY, head) as file:
        file.page([Person("1-somebody", b"state", None)])
        file.page([Person("1-another", None, b"profile")])
    return path


def test_p6_a_file_shows_no_name_and_opens_with_its_own_key_alone(tmp_path: Path) -> None:
    path = _file(tmp_path / "a")
    assert b"somebody" not in path.read_bytes()
    assert [len(piece) for piece in state_file.read(path, KEY) if isinstance(piece, list)] == [1, 1]
    with pytest.raises(StateFileError) as caught:
        state_file.head_of(path, bytes(32))
    assert caught.value.key == "privacy.key"


def test_a_file_that_was_cut_or_changed_or_is_of_a_newer_form_is_refused(tmp_path: Path) -> None:
    whole = _file(tmp_path / "a").read_bytes()
    other = _file(tmp_path / "b").read_bytes()
    first = 24 + 4 + int.from_bytes(whole[24:28], "big")
    second = first + 4 + int.from_bytes(whole[first : first + 4], "big")
    bad = [whole[:cut] for cut in (0, 7, 20, 26, first, second, len(whole) - 1)]
    bad += [whole[:first] + whole[second:], whole[:first] + other[first:]]
    bad += [whole[:7] + b"\x02" + whole[8:], b"XLSOMETHING" + whole]
    bad += [whole[:first] + b"\xff\xff\xff\xff" + whole[first + 4 :]]
    for content in bad:
        path = tmp_path / "bad"
        path.write_bytes(content)
        with pytest.raises(StateFileError):
            state_file.head_of(path, KEY)
    with pytest.raises(StateFileError):
        state_file.head_of(tmp_path / "none", KEY)


def test_a_file_that_is_not_finished_has_no_name(tmp_path: Path) -> None:
    head = Head(0, 1, Progress(), {})
    with pytest.raises(ZeroDivisionError), Writer(tmp_path / "a", KEY, head):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


async def test_what_is_on_its_way_or_apart_is_not_moved(tmp_path: Path) -> None:
    store = MemoryStore()
    await store.commit(0, b"", Commit(Progress(), outbox=[b"row"]))
    with pytest.raises(XinlingError, match="not published"):
        await migration.export(store, 0, 1, tmp_path / "a", KEY)
    with pytest.raises(XinlingError, match="not published"):
        await Import(store).lock(0)
    heads = [Head(0, 2, Progress(epoch="e"), {}), Head(1, 2, Progress(epoch="f"), {})]
    with pytest.raises(XinlingError, match="same log"):
        migration.merged(heads)
    with pytest.raises(XinlingError, match="all partitions"):
        migration.merged(heads[:1])


def test_partitions_agree_on_what_was_seen() -> None:
    one = Progress(epoch="e", clock=5, sequences={"a": 3, "b": 9}, clocks={"x": 7}, spent={"c": 1})
    two = Progress(epoch="e", clock=5, sequences={"a": 4}, clocks={"x": 6}, turns=2)
    whole = migration.merged([Head(1, 2, two, {}), Head(0, 2, one, {})])
    assert whole.sequences == {"a": 4, "b": 9}
    assert (whole.clocks, whole.spent, whole.turns) == ({"x": 6}, {"c": 1}, 0)
