"""A large table of which number stands for which, compiled: what `tmsi_table.TmsiTable` is.

Four hash tables in one array of integers, two generations of keys and of values, each found by open
addressing. A value has at most two keys at once (`identity.Bindings.bind` sees to it).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decoders.kernel.compiled import compiled, entry, memory, mixed
from decoders.kernel.machine import Int

YOUNG, OLD, YOUNG_OF, OLD_OF = 0, 4, 8, 12
"""Where the words of each table stand: where it begins, its places, how many are taken."""
_BASE, _SIZE, _TAKEN = 0, 1, 2
HALF, EVICTED = 16, 17
_REGISTERS: Final = 32
_KEYED: Final = 2
"""Words of a place: a key plus 1 and its value; or a value and its keys plus 1."""
_VALUED: Final = 3
_ROOM: Final = 4096
"""Places of a table at first."""
NEEDED: Final = 1024
"""How many more bindings there must be room for when a batch begins."""


@compiled
def _place(t: Any, table: Int, words: Int, key: Int) -> Int:
    base, last = t[table + _BASE], t[table + _SIZE] - 1
    place = mixed(key, 3) & last
    while t[base + words * place] != 0 and t[base + words * place] != key:
        place = (place + 1) & last
    return base + words * place


@compiled
def _erase(t: Any, table: Int, words: Int, at: Int) -> None:
    """Frees a place; what had to give way to it moves back."""
    base, last = t[table + _BASE], t[table + _SIZE] - 1
    if t[at] == 0:
        return
    t[table + _TAKEN] -= 1
    hole = (at - base) // words
    place = hole
    while True:
        place = (place + 1) & last
        key = t[base + words * place]
        if key == 0:
            break
        home = mixed(key, 3) & last
        if ((place - home) & last) >= ((place - hole) & last):
            for word in range(words):
                t[base + words * hole + word] = t[base + words * place + word]
            hole = place
    t[base + words * hole] = 0


@compiled
def get(t: Any, key: Int) -> Int:
    """The value of a key; 0 where there is none."""
    at = _place(t, YOUNG, _KEYED, key + 1)
    if t[at] == 0:
        at = _place(t, OLD, _KEYED, key + 1)
    return np.int64(0) if t[at] == 0 else t[at + 1]


@compiled
def of(t: Any, value: Int) -> Any:
    """The keys of a value, -1 where there is none, the first that was put first."""
    at = _place(t, YOUNG_OF, _VALUED, value)
    if t[at] == 0:
        at = _place(t, OLD_OF, _VALUED, value)
    first = second = np.int64(-1)
    if t[at] != 0:
        first, second = t[at + 1] - 1, t[at + 2] - 1
        if second >= 0 and get(t, second) != value:
            second = np.int64(-1)
        if first >= 0 and get(t, first) != value:
            first = np.int64(-1)
        if first < 0:
            first, second = second, np.int64(-1)
    return first, second


@compiled
def _set(t: Any, table: Int, value: Int, first: Int, second: Int) -> None:
    at = _place(t, table, _VALUED, value)
    if t[at] == 0:
        t[at] = value
        t[table + _TAKEN] += 1
    t[at + 1], t[at + 2] = first + 1, second + 1


@compiled
def put(t: Any, key: Int, value: Int) -> None:
    """`key` stands for `value` and was used now; it must not stand for another one."""
    first, second = of(t, value)
    if key != first and key != second:  # noqa: PLR1714  compiled
        if first < 0:
            first = key
        else:
            second = key
    _erase(t, OLD, _KEYED, _place(t, OLD, _KEYED, key + 1))
    _erase(t, OLD_OF, _VALUED, _place(t, OLD_OF, _VALUED, value))
    at = _place(t, YOUNG, _KEYED, key + 1)
    if t[at] == 0:
        if t[YOUNG + _TAKEN] >= t[HALF]:
            _turn(t)
            at = _place(t, YOUNG, _KEYED, key + 1)
        t[at] = key + 1
        t[YOUNG + _TAKEN] += 1
    t[at + 1] = value
    _set(t, YOUNG_OF, value, first, second)


@compiled
def drop(t: Any, key: Int) -> Int:
    """Forget a key; gives 1 where it was there."""
    value = get(t, key)
    if value == 0:
        return np.int64(0)
    first, second = of(t, value)
    rest = second if first == key else first
    _erase(t, YOUNG, _KEYED, _place(t, YOUNG, _KEYED, key + 1))
    _erase(t, OLD, _KEYED, _place(t, OLD, _KEYED, key + 1))
    for table in (YOUNG_OF, OLD_OF):
        at = _place(t, table, _VALUED, value)
        if t[at] != 0:
            if rest >= 0:
                t[at + 1], t[at + 2] = rest + 1, 0
            else:
                _erase(t, table, _VALUED, at)
    return np.int64(1)


@compiled
def _turn(t: Any) -> None:
    """The old generation goes, the young one is the old one."""
    t[EVICTED] += t[OLD + _TAKEN]
    for word in range(3):
        t[YOUNG + word], t[OLD + word] = t[OLD + word], t[YOUNG + word]
        t[YOUNG_OF + word], t[OLD_OF + word] = t[OLD_OF + word], t[YOUNG_OF + word]
    _clear(t, YOUNG, _KEYED)
    _clear(t, YOUNG_OF, _VALUED)


@compiled
def _clear(t: Any, table: Int, words: Int) -> None:
    base = t[table + _BASE]
    for at in range(base, base + words * t[table + _SIZE]):
        t[at] = 0
    t[table + _TAKEN] = 0


@entry
def _refill(array: Any, table: Int, words: Int, entries: Any) -> None:
    """A table, empty in a new size, gets its entries again."""
    t = memory(array)
    for index in range(entries.size // words):
        if entries[words * index] != 0:
            at = _place(t, table, words, entries[words * index])
            for word in range(words):
                t[at + word] = entries[words * index + word]
            t[table + _TAKEN] += 1


@entry
def _restore(array: Any, keys: Any, values: Any, old: Any) -> None:
    """Bindings of a generation as they were dumped."""
    t = memory(array)
    for index in range(keys.size):
        key, value = keys[index], values[index]
        table = OLD if old else YOUNG
        at = _place(t, table, _KEYED, key + 1)
        if t[at] == 0:
            t[table + _TAKEN] += 1
        t[at], t[at + 1] = key + 1, value
        first, second = of(t, value)
        if not old:
            _erase(t, OLD_OF, _VALUED, _place(t, OLD_OF, _VALUED, value))
        if first < 0:
            first = key
        elif first != key:
            second = key
        _set(t, OLD_OF if old else YOUNG_OF, value, first, second)


@entry
def _put_in_order(array: Any, several: Any) -> None:
    """Keys of one value stand as they were put."""
    t = memory(array)
    at = 0
    while at + 1 < several.size:
        value, keys = several[at], several[at + 1]
        for table in (YOUNG_OF, OLD_OF):
            place = _place(t, table, _VALUED, value)
            if t[place] != 0 and keys >= _KEYED:
                t[place + 1], t[place + 2] = several[at + 2] + 1, several[at + 3] + 1
        at += 2 + keys


_TABLES: Final = ((YOUNG, _KEYED), (OLD, _KEYED), (YOUNG_OF, _VALUED), (OLD_OF, _VALUED))


class Tmsis:
    """Owns the array.

    Attributes:
        words: the memory; another array after `ensure`.
    """

    def __init__(self, limit: int) -> None:
        """`limit` is how many entries are held at most; at least 2."""
        self.words = _laid_out([_ROOM] * 4)
        self.words[HALF] = max(1, limit // 2)

    def __len__(self) -> int:
        return int(self.words[YOUNG + _TAKEN] + self.words[OLD + _TAKEN])

    @property
    def evicted(self) -> int:
        """How many entries went for lack of room."""
        return int(self.words[EVICTED])

    def ensure(self, more: int = NEEDED) -> None:
        """There is room for so many more bindings."""
        taken = [int(self.words[table + _TAKEN]) for table, _ in _TABLES]
        sizes = [int(self.words[table + _SIZE]) for table, _ in _TABLES]
        wanted = [_size(count + more, size) for count, size in zip(taken, sizes, strict=True)]
        if wanted != sizes:
            self._resize(wanted)

    def _resize(self, sizes: list[int]) -> None:
        old, words = self.words, _laid_out(sizes)
        words[HALF], words[EVICTED] = old[HALF], old[EVICTED]
        for table, width in _TABLES:
            base, size = int(old[table + _BASE]), int(old[table + _SIZE])
            _refill(words, table, width, old[base : base + width * size])
        self.words = words

    def dump(self) -> list[bytes]:
        """As `TmsiTable.dump`."""
        parts: list[bytes] = []
        for table in (OLD, YOUNG):
            entries = self._entries(table, _KEYED)
            parts += [(entries[:, 0] - 1).astype("<u8").tobytes()]
            parts += [entries[:, 1].astype("<u8").tobytes()]
        several = [self._several(table) for table in (OLD_OF, YOUNG_OF)]
        return [*parts, np.concatenate(several).astype("<u8").tobytes()]

    def _entries(self, table: int, words: int) -> NDArray[np.int64]:
        base, size = int(self.words[table + _BASE]), int(self.words[table + _SIZE])
        entries = self.words[base : base + words * size].reshape(-1, words)
        found: NDArray[np.int64] = entries[entries[:, 0] != 0]
        return found

    def _several(self, table: int) -> NDArray[np.int64]:
        """Each value that has two keys: it, how many they are, and they in their order."""
        entries = self._entries(table, _VALUED)
        entries = entries[entries[:, 2] > 0]
        told = np.full((len(entries), 4), 2, np.int64)
        told[:, 0], told[:, 2:] = entries[:, 0], entries[:, 1:] - 1
        return told.ravel()

    def restore(self, parts: list[bytes]) -> None:
        """Take up what `TmsiTable.dump` gave; raises ValueError for no dump."""
        numbers = [np.frombuffer(part, "<u8").astype(np.int64) for part in parts]
        for keys, values in (numbers[:2], numbers[2:4]):
            if keys.size != values.size:
                raise ValueError("as many keys as values")
        half = int(self.words[HALF])
        self.words = _laid_out([_ROOM] * 4)
        self.words[HALF] = half
        self.ensure(numbers[0].size + numbers[2].size + NEEDED)
        _restore(self.words, numbers[0], numbers[1], True)
        _restore(self.words, numbers[2], numbers[3], False)
        _put_in_order(self.words, numbers[4])


def _size(entries: int, size: int) -> int:
    """Places for so many entries, at most three in five of them taken; never fewer than before."""
    while 5 * entries > 3 * size:
        size *= 2
    return size


def _laid_out(sizes: list[int]) -> NDArray[np.int64]:
    total = _REGISTERS + sum(size * words for size, (_, words) in zip(sizes, _TABLES, strict=True))
    made = np.zeros(total, np.int64)
    base = _REGISTERS
    for size, (table, words) in zip(sizes, _TABLES, strict=True):
        made[table + _BASE], made[table + _SIZE] = base, size
        base += size * words
    return made
