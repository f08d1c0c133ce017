"""A large table of which number stands for which, in few bytes: TMSIs to IMSIs and back.

Keys and values are integers of less than 64 bits. Two generations stand in the place of an order:
what is used moves into the young one, and when that is full the old one goes as a whole. So at
least half of `limit` is kept, the most recently used, without a link for each entry: 150 bytes an
entry, against 380 with ordered dictionaries of strings.
"""

from __future__ import annotations

from array import array

Keys = int | tuple[int, ...]
"""Nearly every value has one key, and then needs no tuple."""


class TmsiTable:
    """Values by key, and the keys of a value.

    Attributes:
        evicted: how many entries went for lack of room.
    """

    def __init__(self, limit: int) -> None:
        """`limit` is how many entries are held at most; at least 2."""
        self.evicted = 0
        self._half = max(1, limit // 2)
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._young_of: dict[int, Keys] = {}
        self._old_of: dict[int, Keys] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: int) -> int | None:
        """The value of `key`; None where there is none."""
        value = self._young.get(key)
        return self._old.get(key) if value is None else value

    def of(self, value: int) -> tuple[int, ...]:
        """The keys of `value`, the first that was put first."""
        keys = self._young_of.get(value)
        if keys is None:
            keys = self._old_of.get(value, ())
        found = (keys,) if isinstance(keys, int) else keys
        return tuple(key for key in found if self.get(key) == value)

    def put(self, key: int, value: int) -> None:
        """`key` stands for `value` and was used now; it must not stand for another one."""
        keys = self.of(value)
        if key not in keys:
            keys = (*keys, key)
        self._old.pop(key, None)
        self._old_of.pop(value, None)
        if key not in self._young and len(self._young) >= self._half:
            self._turn()
        self._young[key] = value
        self._young_of[value] = keys[0] if len(keys) == 1 else keys

    def drop(self, key: int) -> bool:
        """Forget `key`; gives whether it was there."""
        value = self.get(key)
        if value is None:
            return False
        rest = tuple(one for one in self.of(value) if one != key)
        for values, keys in ((self._young, self._young_of), (self._old, self._old_of)):
            values.pop(key, None)
            if value in keys and rest:
                keys[value] = rest[0] if len(rest) == 1 else rest
            else:
                keys.pop(value, None)
        return True

    def dump(self) -> list[bytes]:
        """Keys and values of the old and of the young generation, as 64-bit integers.

        And each value that has several keys: it, how many they are, and they in their order.
        """
        generations = (self._old, self._young)
        parts = [
            array("Q", numbers)
            for values in generations
            for numbers in (values.keys(), values.values())
        ]
        several = array("Q")
        for value, keys in sorted(
            (value, keys)
            for table in (self._old_of, self._young_of)
            for value, keys in table.items()
            if isinstance(keys, tuple)
        ):
            several.extend((value, len(keys), *keys))
        return [part.tobytes() for part in (*parts, several)]

    def restore(self, parts: list[bytes]) -> None:
        """Take up what `dump` gave, in the place of what is here; raises ValueError for no dump."""
        old_keys, old_values, young_keys, young_values, several = map(_integers, parts)
        self._old = dict(zip(old_keys, old_values, strict=True))
        self._young = dict(zip(young_keys, young_values, strict=True))
        self._old_of = {}
        self._young_of = {}
        for key, value in self._old.items():
            _add(self._old_of, key, value)
        for key, value in self._young.items():
            if value in self._old_of:
                self._young_of[value] = self._old_of.pop(value)
            _add(self._young_of, key, value)
        self._put_in_order(several)

    def _put_in_order(self, several: array[int]) -> None:
        """Keys of one value stand as they were put, whatever has been used since."""
        at = 0
        while at < len(several):
            value, keys = several[at], tuple(several[at + 2 : at + 2 + several[at + 1]])
            for table in (self._old_of, self._young_of):
                if value in table:
                    table[value] = keys
            at += 2 + several[at + 1]

    def _turn(self) -> None:
        """The old generation goes, the young one is the old one."""
        self.evicted += len(self._old)
        self._old, self._old_of = self._young, self._young_of
        self._young, self._young_of = {}, {}


def _add(table: dict[int, Keys], key: int, value: int) -> None:
    known = table.get(value)
    if known is None:
        table[value] = key
    else:
        table[value] = (*((known,) if isinstance(known, int) else known), key)


def _integers(data: bytes) -> array[int]:
    numbers = array("Q")
    numbers.frombytes(data)
    return numbers
