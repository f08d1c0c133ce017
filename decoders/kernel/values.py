"""Values of information elements, read into a row by compiled code: `elements` and `bssmap` again.

Each function takes the buffer, a row and the value's place ``[at, end)``; it gives `OK`, or
`ASK` wherever its counterpart there would raise. The first element that fills a column stands.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.bssmap import MAX_CELLS
from decoders.elements import MOST_DIGITS
from decoders.kernel.columns import DIGITS
from decoders.kernel.compiled import compiled, octet, short, word
from decoders.kernel.machine import ASK, OK, Int

_IMSI: Final = 1
_IMEI: Final = 2
_IMEISV: Final = 3
_TMSI: Final = 4
_MOST_IMSI: Final = MOST_DIGITS[_IMSI]
_MOST_IMEI: Final = MOST_DIGITS[_IMEI]
_MOST_IMEISV: Final = MOST_DIGITS[_IMEISV]
_END_MARK: Final = 15
_ALPHANUMERIC: Final = 5


@compiled
def identity(data: Any, row: Any, at: Int, end: Int) -> Int:  # noqa: C901  a function called costs
    """24.008 10.5.1.4."""
    if at >= end:
        return ASK
    first = octet(data, at)
    kind = first & 7
    if kind == _TMSI:
        row.identity_type = kind
        return tmsi(data, row, at + 1, end)
    if kind < _IMSI or kind > _IMEISV:
        row.identity_type = kind
        return OK
    odd = first & 8 != 0
    most = _MOST_IMSI
    if kind == _IMEI:
        most = _MOST_IMEI
    elif kind == _IMEISV:
        most = _MOST_IMEISV
    halves = 2 * (end - at) - 1
    count = halves if odd else halves - 1
    if count > most:
        return ASK
    last = first >> 4 if end - at == 1 else octet(data, end - 1) >> 4
    if not odd and last != _END_MARK:
        return ASK
    value = np.int64(0)
    for place in range(count):
        both = octet(data, at + (place + 1) // 2)
        digit = both >> 4 if place % 2 == 0 else both & 15
        if digit > 9:
            return ASK
        value = value * 10 + digit
    row.identity_type = kind
    if kind == _IMSI and row.imsi_digits == 0:
        row.imsi = value
        row.imsi_digits = count
    elif kind == _IMEI and row.imei_digits == 0:
        row.imei = value
        row.imei_digits = count
    elif kind == _IMEISV and row.imeisv_digits == 0:
        row.imeisv = value
        row.imeisv_digits = count
    return OK


@compiled
def tmsi(data: Any, row: Any, at: Int, end: Int) -> Int:
    """48.008 3.2.2.7: four octets."""
    if end - at != 4:
        return ASK
    if row.tmsi < 0:
        row.tmsi = word(data, at)
    return OK


@compiled
def area(data: Any, row: Any, at: Int, end: Int) -> Int:
    """24.008 10.5.1.3."""
    if end - at < 5:
        return ASK
    if row.lai_plmn < 0:
        row.lai_plmn = (short(data, at) << 8) | octet(data, at + 2)
        row.lai_lac = short(data, at + 3)
    return OK


@compiled
def cell_octets(discriminator: Int) -> Int:
    """Octets of a cell identification, 48.008 3.2.2.17; -1 of an unknown kind."""
    if discriminator in (0, 8, 11):
        return 7
    if discriminator in (1, 10):
        return 4
    if discriminator in (2, 5, 9):
        return 2
    return 5 if discriminator == 4 else -1


@compiled
def cell(data: Any, row: Any, at: Int, end: Int) -> Int:
    """48.008 3.2.2.17; a second one is the target."""
    if at >= end:
        return ASK
    kind = octet(data, at) & 15
    if kind == 3:
        return OK
    octets = cell_octets(kind)
    if octets < 0 or end - at - 1 < octets:
        return ASK
    plmn = lac = ci = np.int64(-1)
    at += 1
    if kind in (0, 4, 8, 11):
        plmn = (short(data, at) << 8) | octet(data, at + 2)
        at += 3
    if kind in (0, 1, 4, 5, 8, 10, 11):
        lac = short(data, at)
        at += 2
    if kind in (0, 1, 2):
        ci = short(data, at)
    if row.cell == 0:
        row.cell = 1
        row.cell_plmn, row.cell_lac, row.cell_ci = plmn, lac, ci
    elif row.target == 0:
        row.target = 1
        row.target_plmn, row.target_lac, row.target_ci = plmn, lac, ci
    return OK


@compiled
def cells(data: Any, row: Any, at: Int, end: Int) -> Int:
    """48.008 3.2.2.27: the place of a list that names cells."""
    if at >= end:
        return ASK
    kind = octet(data, at) & 15
    if kind in (3, 6) or end - at == 1:
        return OK
    octets = cell_octets(kind)
    if octets < 0 or (end - at - 1) % octets or (end - at - 1) // octets > MAX_CELLS:
        return ASK
    if row.cells_size < 0:
        row.cells_at = at
        row.cells_size = end - at
    return OK


@compiled
def cause(data: Any, row: Any, at: Int, end: Int) -> Int:
    """48.008 3.2.2.5."""
    if at >= end:
        return ASK
    code = octet(data, at)
    if code & 0x80:
        if end - at < 2:
            return ASK
        code = ((code & 0x7F) << 8) | octet(data, at + 1)
    return set_cause(row, code)


@compiled
def call_cause(data: Any, row: Any, at: Int, end: Int) -> Int:
    """24.008 10.5.4.11."""
    if at >= end:
        return ASK
    if not octet(data, at) & 0x80:
        at += 1
    if at + 1 >= end:
        return ASK
    return set_cause(row, octet(data, at + 1) & 0x7F)


@compiled
def set_cause(row: Any, code: Int) -> Int:
    """The first cause stands."""
    if row.cause < 0:
        row.cause = code
    return OK


@compiled
def digits(data: Any, at: Int, end: Int, most: Int) -> tuple[Int, Int, Int]:
    """How many digits a BCD number has, and its first 16 and next 16; -1 where they are more."""
    high = low = np.int64(0)
    count = np.int64(0)
    for place in range(2 * (end - at)):
        both = octet(data, at + place // 2)
        half = both & 15 if place % 2 == 0 else both >> 4
        if half == _END_MARK or count == most:
            break
        if count >= DIGITS:
            return np.int64(-1), high, low
        if count < 16:
            high |= half << (60 - 4 * count)
        else:
            low |= half << (60 - 4 * (count - 16))
        count += 1
    return count, high, low


@compiled
def called(data: Any, row: Any, at: Int, end: Int) -> Int:
    """24.008 10.5.4.7."""
    if at >= end:
        return OK
    kind = octet(data, at)
    return set_called(data, row, kind, at + 1, end, np.int64(-1))


@compiled
def calling(data: Any, row: Any, at: Int, end: Int) -> Int:
    """24.008 10.5.4.9."""
    if at >= end:
        return OK
    kind = octet(data, at)
    at += 1
    if not kind & 0x80 and at < end:
        at += 1
    return set_calling(data, row, kind, at, end, np.int64(-1))


@compiled
def set_called(data: Any, row: Any, kind: Int, at: Int, end: Int, most: Int) -> Int:  # noqa: PLR0913, PLR0917  compiled code has no objects
    """The party's number, of at most ``most`` digits."""
    count, high, low = digits(data, at, end, most)
    if count < 0:
        return ASK
    if row.called_digits < 0:
        row.called_0, row.called_1, row.called_digits = high, low, count
        row.called_ton, row.called_npi = kind >> 4 & 7, kind & 15
    return OK


@compiled
def set_calling(data: Any, row: Any, kind: Int, at: Int, end: Int, most: Int) -> Int:  # noqa: PLR0913, PLR0917  as set_called
    """As `set_called`."""
    count, high, low = digits(data, at, end, most)
    if count < 0:
        return ASK
    if row.calling_digits < 0:
        row.calling_0, row.calling_1, row.calling_digits = high, low, count
        row.calling_ton, row.calling_npi = kind >> 4 & 7, kind & 15
    return OK


@compiled
def service_centre(data: Any, row: Any, at: Int, end: Int) -> Int:
    """24.011 8.2.5.1: an RP address, in the form of a calling number."""
    if at >= end:
        return OK
    kind = octet(data, at)
    at += 1
    if not kind & 0x80 and at < end:
        at += 1
    count, high, low = digits(data, at, end, np.int64(-1))
    if count < 0:
        return ASK
    if row.centre_digits < 0:
        row.centre_0, row.centre_1, row.centre_digits = high, low, count
        row.centre_ton, row.centre_npi = kind >> 4 & 7, kind & 15
    return OK


@compiled
def tp_address(data: Any, row: Any, at: Int, end: Int, is_called: bool) -> Int:  # noqa: FBT001  compiled code has no keywords
    """23.040 9.1.2.5; a name instead of a number is left to the plain decoder."""
    if end - at < 2:
        return ASK
    halves = octet(data, at)
    kind = octet(data, at + 1)
    if halves == 0:
        return OK
    if kind >> 4 & 7 == _ALPHANUMERIC:
        return ASK
    if is_called:
        return set_called(data, row, kind, at + 2, end, halves)
    return set_calling(data, row, kind, at + 2, end, halves)


@compiled
def update(row: Any, value: Int) -> Int:
    """24.008 10.5.3.5."""
    row.follow_on = 1 if value & 8 else -1
    if row.update < 0:
        row.update = value & 3
    return OK


@compiled
def service(row: Any, value: Int) -> Int:
    """24.008 10.5.3.3."""
    if row.service < 0:
        row.service = value
    return OK


@compiled
def ber(data: Any, at: Int, end: Int) -> tuple[Int, Int, Int]:
    """X.690 8.1: tag, and the contents' place; a tag of -1 where it is not whole."""
    bad = (np.int64(-1), at, at)
    if end - at < 2:
        return bad
    tag = octet(data, at)
    length = octet(data, at + 1)
    at += 2
    if length == 0x80:
        return tag, at, end
    if length & 0x80:
        octets = length & 0x7F
        if octets > 4 or end - at < octets:
            return bad
        length = np.int64(0)
        for _ in range(octets):
            length = (length << 8) | octet(data, at)
            at += 1
    if length > end - at:
        return bad
    return tag, at, at + length
