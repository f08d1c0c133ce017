"""BLAKE2b's compression function, RFC 7693 3.2, in LLVM's language: what Python has no words for.

Its twelve rounds are written out one after the other, so that its sixteen words stay in registers
and no order of the block needs to be looked up.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from decoders.kernel.blake2b import BLOCK, IV, SIGMA

_ROUNDS: Final = 12
_MIXED: Final = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)
"""Which words each step of a round mixes: columns, then diagonals."""
_WORD: Final = ir.IntType(64)


def _constant(value: int) -> Any:
    return ir.Constant(_WORD, value)


def _turned(builder: Any, word: Any, bits: int) -> Any:
    right = builder.lshr(word, _constant(bits))
    return builder.or_(right, builder.shl(word, _constant(64 - bits)))


def _mix(builder: Any, v: list[Any], at: tuple[int, ...], first: Any, second: Any) -> None:
    """RFC 7693 3.1."""
    a, b, c, d = at
    for word, turn_d, turn_b in ((first, 32, 24), (second, 16, 63)):
        v[a] = builder.add(builder.add(v[a], v[b]), word)
        v[d] = _turned(builder, builder.xor(v[d], v[a]), turn_d)
        v[c] = builder.add(v[c], v[d])
        v[b] = _turned(builder, builder.xor(v[b], v[c]), turn_b)


def _compressing(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    state_kind, octets_kind = signature.args[:2]
    state = context.make_array(state_kind)(context, builder, given[0]).data
    octets = context.make_array(octets_kind)(context, builder, given[1])
    at, counted, last = given[2:]
    size = builder.extract_value(octets.shape, 0)
    early = builder.icmp_signed("<", at, ir.Constant(at.type, 0))
    late = builder.icmp_signed(">", at, builder.sub(size, ir.Constant(size.type, BLOCK)))
    with cgutils.if_unlikely(builder, builder.or_(early, late)):  # type: ignore[no-untyped-call]
        context.call_conv.return_user_exc(builder, IndexError, ("outside the buffer",))
    begin = builder.bitcast(builder.gep(octets.data, [at]), _WORD.as_pointer())
    block = [
        builder.load(builder.gep(begin, [ir.Constant(ir.IntType(32), place)]), align=1)
        for place in range(16)
    ]
    places = [builder.gep(state, [ir.Constant(ir.IntType(32), place)]) for place in range(8)]
    before = [builder.load(place) for place in places]
    v = before + [_constant(word) for word in IV]
    v[12] = builder.xor(v[12], counted)
    v[14] = builder.select(
        builder.icmp_signed("!=", last, _constant(0)),
        _constant(IV[6] ^ 0xFFFFFFFFFFFFFFFF),
        _constant(IV[6]),
    )
    for turn in range(_ROUNDS):
        order = SIGMA[turn % len(SIGMA)]
        for step, at_words in enumerate(_MIXED):
            first, second = block[order[2 * step]], block[order[2 * step + 1]]
            _mix(builder, v, at_words, first, second)
    for place, old, one, other in zip(places, before, v[:8], v[8:], strict=True):
        builder.store(builder.xor(old, builder.xor(one, other)), place)
    return context.get_dummy_value()


def _compress(_context: Any, state: Any, octets: Any, at: Any, counted: Any, last: Any) -> Any:
    del at, counted, last
    words = (types.int64, types.int64, types.int64)
    return types.void(state, octets, *words), _compressing


compress: Any = intrinsic(_compress)
"""(state, octets, at, counted, last) takes the 128 octets there into the state: how many octets
have been counted up to their end, and whether they are the last ones."""
