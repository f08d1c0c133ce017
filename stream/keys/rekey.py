"""Another key for the pseudonyms: everything that is kept moves to the names it makes (P6).

The service stands still meanwhile, and has handled all that the log holds. Each part of the work
may be cut off at any moment and done again: what has moved is recognised by the version in front of
its name. Somebody's number in the vault goes last, so that whoever is not done yet is still there.

    ledger       offers stay what they are; their subscriber's name changes
    budgets      likewise, of offers that wait for their shared budget
    subscribers  state, profile, timer: to the new name, and so perhaps to another partition
    TMSIs        sealed under the new key; who stands in them is moved too
    the rest     nobody knows whose they are: an opt-out stays (`stream.keys.past_keys`), others go
    sequences    of all sources, the same in every partition, since people have changed theirs
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec
from redis.asyncio import Redis

from decoders.pseudonyms import Pseudonyms
from rules import profile as profiles
from rules import state as states
from rules.errors import StateError
from rules.packed import decode as state_of
from rules.packed import encode as packed_state
from stream import checkpoint
from stream.budgets.budget_store import BudgetStore, record_of
from stream.keys.key_guard import fingerprint
from stream.keys.past_keys import PastKeys
from stream.log import OutcomeRecorded, partition_of
from stream.sms import ledger
from stream.sms.answers import Answers, Moved, forget_no, who_said_no
from stream.sms.seeds import SEED, SeedList
from stream.sms.vault import Vault, in_vault
from stream.state import (
    Commit,
    Loaded,
    OutboxEntry,
    Progress,
    StateStore,
    StoreUnavailableError,
)

AT_ONCE = 4000
"""People that are in memory at a time."""
MOST_RECORDS = 1_000_000
"""What the allocator may have to tell the log: the refusals of a minute."""

T = TypeVar("T")


class Key(NamedTuple):
    """A key of the pseudonyms."""

    secret: bytes
    version: int

    @property
    def prefix(self) -> str:
        """What the names that it makes begin with."""
        return f"{self.version}-"

    @property
    def fingerprint(self) -> str:
        """As it stands in Redis; see `stream.keys.key_guard`."""
        return fingerprint(self.secret, self.version)

    def pseudonyms(self) -> Pseudonyms:
        """What makes the names."""
        return Pseudonyms(self.secret, self.version)


class Move(NamedTuple):
    """A person under the old name and under the new one."""

    old: str
    new: str


class Rekey:
    """One change of the key.

    Attributes:
        done: what was moved, dropped and kept, by what it is.
    """

    def __init__(
        self, store: StateStore, redis: Redis, partitions: int, old: Key, new: Key
    ) -> None:
        self.done: Counter[str] = Counter()
        self._store = store
        self._redis = redis
        self._partitions = partitions
        self._old, self._new = old, new
        self._old_names, self._new_names = old.pseudonyms(), new.pseudonyms()
        self._old_vault, self._new_vault = Vault(redis, old.secret), Vault(redis, new.secret)
        self._old_answers = Answers(redis, self._old_names)
        self._new_answers = Answers(redis, self._new_names)
        self._past = PastKeys(redis, new.secret)
        self._aside: dict[int, dict[str, str]] = {}

    async def has_begun(self) -> bool:
        """Whether an earlier run may have rewritten something."""
        return self._old.version in await self._past.openable()

    async def run(self) -> None:
        """All of it; what an earlier run has done is passed over.

        Raises redis.exceptions.RedisError, `InfrastructureError`, `VaultError`.
        """
        await self._keep_past_keys()
        await self._ledger()
        await self._budgets()
        await self._subscribers()
        await self._bindings()
        await self._seeds()
        await self._nobodys()
        await self._sequences()

    async def _keep_past_keys(self) -> None:
        """The old key and those before it, sealed under the new one."""
        before = await PastKeys(self._redis, self._old.secret).openable()
        for version, secret in {**before, self._old.version: self._old.secret}.items():
            await self._past.keep(version, secret)

    # the ledger

    async def _ledger(self) -> None:
        async for offers in ledger.of_subscribers(self._redis, self._old.prefix, AT_ONCE):
            names = await self._named(offers.values())
            moved = {offer: names[old] for offer, old in offers.items() if old in names}
            await ledger.rename(self._redis, moved)
            self.done["offers in the ledger"] += len(moved)

    async def _named(self, subscribers: Iterable[str]) -> dict[str, str]:
        """Old name → new one, of those whom the vault knows by their old one still."""
        wanted = {name for name in subscribers if name.startswith(self._old.prefix)}
        known = await self._old_vault.get_all(wanted)
        return {old: self._new_names.subscriber(who.imsi) for old, who in known.items()}

    async def _budgets(self) -> None:
        """Offers that wait for their shared budget, and what the log is to be told of others."""
        books = BudgetStore(self._redis)
        async for waiting in books.candidates(AT_ONCE):
            names = await self._named(entry.verdict.subscriber for entry in waiting.values())
            moved = {
                member: _renamed(entry, names[entry.verdict.subscriber])
                for member, entry in waiting.items()
                if entry.verdict.subscriber in names
            }
            await books.put_back(moved)
            self.done["offers that wait for a budget"] += len(moved)
        records = {each.id: record_of(each.data) for each in await books.records(MOST_RECORDS)}
        theirs = {id_: one for id_, one in records.items() if isinstance(one, OutcomeRecorded)}
        names = await self._named(one.subscriber for one in theirs.values())
        for id_, one in theirs.items():
            subscriber = names.get(one.subscriber, one.subscriber)
            records[id_] = msgspec.structs.replace(one, subscriber=subscriber)
        if names:
            await books.replace_records(records)

    # people

    async def _subscribers(self) -> None:
        """Everybody in the vault."""
        async for found in in_vault(self._redis, self._old.prefix, AT_ONCE):
            known = await self._old_vault.get_all(found)
            moves = {
                old: Move(old, self._new_names.subscriber(who.imsi)) for old, who in known.items()
            }
            await self._move(list(moves.values()))
            people = [Moved(old, moves[old].new, who.msisdn) for old, who in known.items()]
            await self._new_answers.take_over(self._old_answers, people)
            await self._new_vault.put({moves[old].new: who for old, who in known.items()})
            await self._old_vault.forget_all(list(known))
            self.done["people in the vault"] += len(known)

    async def _bindings(self) -> None:
        """Everybody in a table of TMSIs, and then the table itself."""
        async for name in checkpoint.tables(self._redis):
            before = await checkpoint.pieces_of(self._redis, self._old.secret, name).get()
            if before is None:
                continue  # an earlier run has sealed it anew, or nobody ever opens it
            time, data = before
            for imsis in chunks(checkpoint.imsis_in(data), AT_ONCE):
                moves = [
                    Move(self._old_names.subscriber(imsi), self._new_names.subscriber(imsi))
                    for imsi in imsis
                ]
                await self._move(moves)
            await checkpoint.pieces_of(self._redis, self._new.secret, name).put(data, time)
            self.done["tables of TMSIs"] += 1

    async def _seeds(self) -> None:
        """Test numbers, whose names are made of them."""
        names = [name for name in await SeedList(self._redis).names() if self._is_old_seed(name)]
        known = await self._old_vault.get_all(names)
        if known:
            numbers = [known[name].msisdn for name in names if name in known]
            await SeedList(self._redis).put(numbers, self._new_vault, self._new_names)
        async for left in in_vault(self._redis, SEED + self._old.prefix, AT_ONCE):
            await self._old_vault.forget_all(left)

    def _is_old_seed(self, name: str) -> bool:
        return name.startswith(SEED + self._old.prefix)

    async def _move(self, moves: list[Move]) -> None:
        """States, profiles and timers to their new names; then the old ones go."""
        by_old: defaultdict[int, list[Move]] = defaultdict(list)
        for move in moves:
            by_old[partition_of(move.old, self._partitions)].append(move)
        arrivals: defaultdict[int, Commit] = defaultdict(lambda: Commit(Progress()))
        departures: dict[int, Commit] = {}
        for partition, leaving in by_old.items():
            found = await self._store.load(partition, [move.old for move in leaving], None, 0)
            aside = await self._asides(partition)
            for move in leaving:
                if move.old not in found.states and move.old not in found.profiles:
                    continue
                self._arrive(move, found, aside.get(move.old), arrivals)
                _leave(move.old, departures.setdefault(partition, Commit(Progress())))
                self.done["people moved"] += 1
        for partition, commit in (*arrivals.items(), *departures.items()):
            await self._write(partition, commit)

    def _arrive(
        self, move: Move, found: Loaded, aside: str | None, arrivals: Mapping[int, Commit]
    ) -> None:
        commit = arrivals[partition_of(move.new, self._partitions)]
        if (profile := found.profiles.get(move.old)) is not None:
            commit.profiles[move.new] = seeded(profile, move.old)
        packed = found.states.get(move.old)
        if packed is None:
            return
        if aside is not None:
            commit.states[move.new], commit.aside[move.new] = packed, aside
            self.done["states that cannot be read"] += 1
            return
        try:
            state = msgspec.structs.replace(state_of(packed), subscriber=move.new)
        except StateError as error:
            commit.states[move.new], commit.aside[move.new] = packed, f"StateError: {error}"
            self.done["states that cannot be read"] += 1
            return
        commit.states[move.new] = packed_state(state, keyed=True)
        commit.timers[move.new] = states.next_due(state)

    async def _asides(self, partition: int) -> dict[str, str]:
        if partition not in self._aside:
            self._aside[partition] = await self._store.aside(partition)
        return self._aside[partition]

    # what nobody knows the owner of

    async def _nobodys(self) -> None:
        for partition in range(self._partitions):
            async for names in self._left(partition):
                found = await self._store.load(partition, names, None, 0)
                no = [name for name in names if _said_no(found.profiles.get(name))]
                await self._past.said_no(no)
                commit = Commit(Progress())
                for name in names:
                    _leave(name, commit)
                await self._write(partition, commit)
                self.done["opt-outs of people whom nobody can name"] += len(no)
                self.done["states of people whom nobody can name"] += len(names) - len(no)

        async for names in who_said_no(self._redis, self._old.prefix, AT_ONCE):
            await self._past.said_no(names)
            await forget_no(self._redis, names)

    async def _left(self, partition: int) -> AsyncIterator[list[str]]:
        """Names under a key before that are still there."""
        page: int | None = 0
        while page is not None:
            names, page = await self._store.names(partition, page)
            old = [name for name in names if not name.startswith(self._new.prefix)]
            for some in chunks(iter(old), AT_ONCE):
                yield some

    # the log

    async def _sequences(self) -> None:
        """Of each source the last number that any partition has seen, to every partition.

        All up to it was handled; whoever sends it again under the new key, and so perhaps to
        another partition, is recognised.
        """
        seen: dict[str, int] = {}
        for partition in range(self._partitions):
            progress = await self._store.progress(partition)
            for source, number in progress.sequences.items():
                seen[source] = max(number, seen.get(source, number))
        for partition in range(self._partitions):
            await self._write(partition, Commit(Progress()), seen)

    async def _write(
        self, partition: int, commit: Commit, seen: Mapping[str, int] | None = None
    ) -> None:
        """Commits with progress that no worker has loaded: a late one's commit is refused."""
        loaded = await self._store.load(partition, [], None, 0)
        before = loaded.progress
        commit.progress = msgspec.structs.replace(
            before,
            turns=before.turns + 1,
            sequences=before.sequences if seen is None else before.heard(dict(seen)),
        )
        if not await self._store.commit(partition, loaded.token, commit):
            raise StoreUnavailableError(
                f"somebody else writes to partition {partition}",
                remedy="stop all roles, and begin again: what was done stays done",
            )


def _renamed(entry: OutboxEntry, subscriber: str) -> OutboxEntry:
    verdict = msgspec.structs.replace(entry.verdict, subscriber=subscriber)
    return msgspec.structs.replace(entry, verdict=verdict)


def seeded(packed: bytes, subscriber: str) -> bytes:
    """A profile that keeps its control groups and variants: they were drawn by `subscriber`."""
    try:
        profile = profiles.decode(packed)
    except StateError:
        return packed
    seed = profile.seed or subscriber
    return profiles.encode(msgspec.structs.replace(profile, seed=seed))


def chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    while chunk := list(islice(items, size)):
        yield chunk


def _leave(name: str, commit: Commit) -> None:
    commit.states[name] = commit.profiles[name] = commit.timers[name] = commit.aside[name] = None


def _said_no(packed: bytes | None) -> bool:
    """Also where the profile cannot be read: what is missing means no (P3)."""
    if packed is None:
        return False
    try:
        return profiles.decode(packed).opted_out
    except StateError:
        return True
