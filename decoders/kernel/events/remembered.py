"""What compiled correlation remembers, as bytes: `decoders.remembered` for `EventKernel`.

The memory is packed as it lies there, pool by pool, column by column, each in as few octets as its
numbers need: a hundred thousand dialogues in a quarter of a second. Tables are made anew. What is
packed so can be taken up only where the memory is laid out in the same way and its bounds are the
same; the table of TMSIs and the scores of the feed, which stand besides, by any version and by
either writing of correlation. The bytes bear clear IMSIs and the bytes of messages: who keeps them
seals them (P6).
"""

# ruff: noqa: SLF001  this is the memory of that class, in a room of its own

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from decoders import remembered
from decoders.errors import XinlingError
from decoders.kernel.events import codes, layout, work
from decoders.kernel.events.kernel import EventKernel
from decoders.kernel.events.layout import (
    AREA,
    AWAITED,
    BASE,
    C_DIALOGUE,
    C_NEXT,
    C_SOURCE,
    CONNECTION,
    D_GAP,
    D_GAPS,
    D_NAMED_OF,
    DIALOGUE,
    DIRECTION,
    ENDS,
    ENDS_USED,
    FIRST,
    FREE,
    HEAP,
    HEAPED,
    L_GAPS,
    LEFT,
    LINK,
    MAPPED,
    MAPS,
    NEEDED,
    OPENING,
    PARTED,
    PHONE,
    PHONE_OF,
    POOLED,
    POOLS,
    REGIONS,
    REGISTERS,
    SERVED,
    SIZE,
    USED,
    VLR,
)
from decoders.kernel.events.memory import rebuild, rehash_ends
from decoders.kernel.events.store import Store, laid_out
from decoders.kernel.program import OTHER
from decoders.messages import PartyNumber
from decoders.remembered import Columns, Lasting

VERSION: Final = 1
"""To be raised when the meaning of a word in the memory changes and its name does not."""
_CONFIGURED: Final = (
    layout.IDLE,
    layout.CALL_IDLE,
    layout.LINGER,
    layout.JITTER,
    layout.MIRROR,
    layout.MOST_CONNECTIONS,
    layout.HANDOVER,
    layout.POOL_BITS,
    layout.SUBSCRIBERS,
    layout.PHONES,
)
"""Registers that say how it is configured now."""
_COUNTED: Final = (
    layout.EVICTED,
    layout.LATE,
    layout.UNKNOWN_SIDE,
    layout.MIRRORED,
    layout.REPEATED,
    layout.NO_IDENTITY,
    layout.BOUND,
    layout.CONTRADICTED,
    layout.UNBOUND,
)
"""Registers that only metrics ask for, which begin anew."""
_FIXED: Final = (OPENING, PARTED, AWAITED, SERVED, DIRECTION, VLR, AREA, PHONE, PHONE_OF)
"""Pools of a size that is configured."""
_WIDTHS: Final = (1, 2, 4)


class _Column(msgspec.Struct, array_like=True):
    """Numbers, each less the lowest of them."""

    lowest: int
    octets: int
    """Of each; 0 where all are the same."""
    data: bytes


class _Pool(msgspec.Struct, array_like=True):
    """A region: the records that were ever used."""

    region: int
    first_free: int
    free: int
    """How many of them are."""
    count: int
    columns: list[_Column]


class _Exact(msgspec.Struct, array_like=True):
    """What only the same layout can take up."""

    fits: bytes
    registers: bytes
    maps: bytes
    pools: list[_Pool]
    ends: _Pool
    """The table of ends, without what is free in it."""
    links: list[str]
    sources: list[str]
    names: list[str]
    protocols: list[str]
    long: list[tuple[int, PartyNumber]]
    next_long: int
    kept: list[tuple[int, bytes]]


def dump(kernel: EventKernel) -> bytes:
    """Everything that what comes next may depend on."""
    store, context = kernel._store, kernel._context
    quality = remembered.quality_of(kernel.quality)  # what was counted goes there: it comes first
    exact = _Exact(
        fits=_fits(kernel),
        registers=_octets(store.words[:POOLS]),
        maps=_octets(store.words[MAPS:REGISTERS]),
        pools=[_pool(store, region) for region in (*POOLED, HEAP)],
        ends=_ends(store),
        links=list(kernel._links),
        sources=context.sources,
        names=context.names,
        protocols=list(kernel._protocols),
        long=list(context.long.items()),
        next_long=kernel._long,
        kept=list(kernel._kept.items()),
    )
    lasting = Lasting(kernel.bindings.dump(), quality)
    memory = Columns(VERSION, lasting, msgspec.Raw(_encoder.encode(exact)))
    return _encoder.encode(memory)


def take_lasting(kernel: EventKernel, lasting: Lasting) -> None:
    """Take up the table of TMSIs and the scores of the feed; raises XinlingError."""
    kernel.bindings.restore(lasting.bindings)
    remembered.take_quality(kernel._quality, lasting.quality)
    kernel._store.words[layout.CLOSES] = kernel._quality.closes or layout.NONE


def restore(kernel: EventKernel, data: bytes) -> bool:
    """Take up what `dump` gave, in one that has seen nothing.

    Gives:
        Whether all of it; else what lasts (`take_lasting`), for its memory is laid out otherwise.

    Raises:
        XinlingError: where it is no such memory.
    """
    memory = remembered.columns_of(data)
    try:
        exact = _exact(memory, kernel)
        restored = None if exact is None else _restored(kernel._store, exact)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, IndexError) as error:
        raise _refused() from error
    if exact is not None:
        _take_names(kernel, exact)
    take_lasting(kernel, memory.lasting)
    if exact is None or restored is None:
        return False
    kernel._store.words = restored
    kernel._store.records(DIALOGUE)[:, D_NAMED_OF] = 0  # the key may be another one now (P6)
    kernel._kept = OrderedDict(exact.kept)
    kernel.bindings.set_pool(kernel.bindings.pool)
    return True


def lose(kernel: EventKernel) -> None:
    """As `remembered.lose`: a gap lies behind every open dialogue."""
    store = kernel._store
    connections, dialogues = store.records(CONNECTION), store.records(DIALOGUE)
    open_ones: set[int] = set()
    number = int(store.words[FIRST])
    while number >= 0:
        dialogue, source, number = connections[number, [C_DIALOGUE, C_SOURCE, C_NEXT]].tolist()
        open_ones.add(dialogue if dialogue >= 0 else source)
    heard: set[int] = set()
    for dialogue in open_ones - {-1}:
        links = int(dialogues[dialogue, D_GAPS])
        heard.update(dialogues[dialogue, D_GAP : D_GAP + 2 * links : 2].tolist())
    store.records(LINK)[list(heard), L_GAPS] += 1


def _exact(memory: Columns, kernel: EventKernel) -> _Exact | None:
    """What only the same layout can take up, if this is the same."""
    if memory.version != VERSION:
        return None
    fits = msgspec.msgpack.decode(memory.exact, type=list[msgspec.Raw])[0]
    if msgspec.msgpack.decode(fits, type=bytes) != _fits(kernel):
        return None
    return msgspec.msgpack.decode(memory.exact, type=_Exact)


def _fits(kernel: EventKernel) -> bytes:
    """Digest of how the memory is laid out, of what its numbers mean, and of its fixed bounds."""
    names: list[Any] = [
        (name, value)
        for module in (layout, codes)
        for name, value in sorted(vars(module).items())
        if name.isupper() and isinstance(value, int)
    ]
    names.append(sorted(layout.RECORD_WORDS.items()))
    sizes = [int(kernel._store.described(region)[SIZE]) for region in _FIXED]
    pool = kernel.bindings.pool
    parts = (names, sizes, pool.bits, sorted(pool.vlrs.items()))
    return blake2b(repr(parts).encode(), digest_size=16).digest()


def _pool(store: Store, region: int) -> _Pool:
    _, _, size, free, used, left = store.described(region).tolist()
    records = store.records(region)
    if region == HEAP:
        records = _heap(store)
    return _Pool(region, free, left - (size - used), len(records), _columns(records))


def _heap(store: Store) -> NDArray[np.int64]:
    base, width, *_ = store.described(HEAP).tolist()
    count = int(store.words[HEAPED])
    return store.words[base : base + width * count].reshape(count, width)


def _ends(store: Store) -> _Pool:
    """The keys of ends, and the connections that they are of."""
    base, width, size, *_ = store.described(ENDS).tolist()
    entries = store.words[base : base + width * size].reshape(size, width)
    entries = entries[entries[:, 0] != 0]
    return _Pool(ENDS, -1, 0, len(entries), _columns(entries))


def _restored(store: Store, exact: _Exact) -> NDArray[np.int64]:
    """The memory as it was; raises ValueError where it does not hold what it says."""
    pools = {pool.region: pool for pool in exact.pools}
    ends = _records(exact.ends.count, exact.ends.columns)
    words = laid_out(_sizes(store, pools, len(ends), len(exact.links)))
    _take_registers(words, store.words, exact)
    for region in range(REGIONS):
        at = POOLS + 6 * region
        words[at + FREE], words[at + USED], words[at + LEFT] = -1, 0, words[at + SIZE]
    for region, pool in pools.items():
        at = POOLS + 6 * region
        base, width, size = words[at + BASE : at + SIZE + 1].tolist()
        records = _records(pool.count, pool.columns)
        words[base : base + records.size] = records.reshape(-1, width).ravel()
        if region == HEAP:
            continue
        words[at + FREE], words[at + USED] = pool.first_free, pool.count
        words[at + LEFT] = size if region == LINK else size - pool.count + pool.free
    for region in MAPPED:
        rebuild(words, region)
    rehash_ends(words, ends.ravel())
    words[ENDS_USED] = len(ends)
    return words


def _take_registers(words: NDArray[np.int64], before: NDArray[np.int64], exact: _Exact) -> None:
    words[:POOLS] = np.frombuffer(exact.registers, "<i8")
    words[MAPS:REGISTERS] = np.frombuffer(exact.maps, "<i8")
    words[list(_COUNTED)] = 0
    words[list(_CONFIGURED)] = before[list(_CONFIGURED)]


def _sizes(store: Store, pools: dict[int, _Pool], ends: int, links: int) -> dict[int, int]:
    """Of all regions: those that grow with room for what is to come."""
    sizes = {region: int(store.described(region)[SIZE]) for region in range(REGIONS)}
    wanted = {region: pool.count + 4 * NEEDED for region, pool in pools.items()}
    wanted |= {ENDS: 2 * (ends + 4 * NEEDED), LINK: links + 4 * NEEDED}
    for region, count in wanted.items():
        if region in _FIXED:
            if pools[region].count > sizes[region]:
                raise ValueError("more than there is room for")
            continue
        while sizes[region] < count:
            sizes[region] *= 2
    return sizes


def _take_names(kernel: EventKernel, exact: _Exact) -> None:
    """Names get the numbers that they had."""
    for known, names in (
        (kernel._links, exact.links),
        (kernel._sources, exact.sources),
        (kernel._names, exact.names),
        (kernel._protocols, exact.protocols),
    ):
        known.clear()
        known.update({name: number for number, name in enumerate(names)})
    context = kernel._context
    kernel._link_names[:] = exact.links
    context.sources[:] = exact.sources
    context.names[:] = exact.names
    context.long.clear()
    context.long.update(exact.long)
    kernel._long = exact.next_long
    for number, name in enumerate(exact.protocols):
        work.name_as(kernel._works[0], OTHER + number, name)


def _columns(records: NDArray[np.int64]) -> list[_Column]:
    return [_column(column) for column in np.ascontiguousarray(records.T)]


def _column(numbers: NDArray[np.int64]) -> _Column:
    if not numbers.size:
        return _Column(0, 0, b"")
    lowest, highest = int(numbers.min()), int(numbers.max())
    if lowest == highest:
        return _Column(lowest, 0, b"")
    for octets in _WIDTHS:
        if highest - lowest < 1 << (8 * octets):
            return _Column(lowest, octets, (numbers - lowest).astype(f"<u{octets}").tobytes())
    return _Column(0, 8, _octets(numbers))


def _records(count: int, columns: list[_Column]) -> NDArray[np.int64]:
    """The records of columns, in so many rows; raises ValueError where they are not so many."""
    made = np.empty((len(columns), count), np.int64)
    for place, column in enumerate(columns):
        if column.octets == 0:
            made[place] = column.lowest
        else:
            kind = "<i8" if column.octets == 8 else f"<u{column.octets}"
            made[place] = np.frombuffer(column.data, kind).astype(np.int64) + column.lowest
    return np.ascontiguousarray(made.T)


def _octets(words: NDArray[np.int64]) -> bytes:
    return words.astype("<i8", copy=False).tobytes()


def _refused() -> XinlingError:
    return XinlingError(
        "this is no memory of compiled correlation",
        remedy="start without it; what was open is met in its middle",
    )


_encoder = msgspec.msgpack.Encoder()
