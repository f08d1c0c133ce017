"""What knows numba: what compiles, or does nothing without it (`linking`, `rounds` belong to it).

And a few operations that Python has no words for: numbers of some octets, read in one step after
one comparison with the buffer's end, and one record made like another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

try:
    from llvmlite import ir  # type: ignore[import-untyped]
    from numba import njit, types
    from numba.core import cgutils, config
    from numba.extending import intrinsic

    from decoders.kernel import rounds

    COMPILED = True
except ImportError:
    COMPILED = False
"""Whether functions here are compiled; without, the kernel hands every frame to the decoder."""

try:
    from decoders.kernel.linking import PartCompiler, WholeCompiler

    _PART: dict[str, Any] = {"pipeline_class": PartCompiler}
    _WHOLE: dict[str, Any] = {"pipeline_class": WholeCompiler}
except ImportError:  # another numba, which makes the same of it, slowly
    _PART, _WHOLE = {}, {}

Function = TypeVar("Function", bound=Callable[..., Any])


_OPTIONS: Final[dict[str, Any]] = {"boundscheck": True, "nogil": True, "_nrt": False}
_WITHIN: Final[dict[str, Any]] = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def entry(function: Function) -> Function:
    """Machine code of ``function``, for Python to call; made at its first call.

    Kept on disk where a folder was named for it (``NUMBA_CACHE_DIR``, see `stream.kernel_cache`):
    numba alone watches only the file of the function called, and would run what is out of date.

    Indexes are checked against their arrays (``boundscheck``): lengths are tested before they are
    used, so that this never fires, but it costs less than what it guards against. The interpreter's
    lock is released, so that several kernels run on several cores.
    Nothing here makes an array, so that no references need be counted (``_nrt``): faster
    by a factor of seven.
    """
    if not COMPILED:
        return function
    try:
        made = _whole(function, cache=bool(getattr(config, "CACHE_DIR", "")))
    except RuntimeError:  # the folder cannot be written to
        made = _whole(function, cache=False)
    return cast("Function", made)


def _whole(function: Function, *, cache: bool) -> Any:
    return njit(cache=cache, **_WHOLE, **_OPTIONS)(function)


def compiled(function: Function) -> Function:
    """As `entry`, for compiled functions to call: it becomes part of them and is not kept apart."""
    return _inner(function, forceinline=False)


def inlined(function: Function) -> Function:
    """As `compiled`, its code put where it is called: for what is tiny, or has one caller."""
    return _inner(function, forceinline=True)


def _inner(function: Function, *, forceinline: bool) -> Function:
    if not COMPILED:
        return function
    made = njit(forceinline=forceinline, **_PART, **_WITHIN)(function)
    return cast("Function", made)


def _load(octets: int, *, little: bool = False) -> Any:
    """A function (data, at) -> so many octets as a number, in bounds."""

    def load(_context: Any, data: Any, _at: Any) -> Any:
        return types.int64(data, types.int64), _loading(octets, swapped=octets > 1 and not little)

    return intrinsic(load)


def _loading(octets: int, *, swapped: bool) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, given[0])
        at = given[1]
        size = builder.extract_value(array.shape, 0)
        last = builder.sub(size, ir.Constant(size.type, octets))
        early = builder.icmp_signed("<", at, ir.Constant(at.type, 0))
        with cgutils.if_unlikely(  # type: ignore[no-untyped-call]
            builder, builder.or_(early, builder.icmp_signed(">", at, last))
        ):
            context.call_conv.return_user_exc(builder, IndexError, ("outside the buffer",))
        kind = ir.IntType(8 * octets)
        place = builder.bitcast(builder.gep(array.data, [at]), kind.as_pointer())
        value = builder.load(place, align=1)
        if swapped:  # the machine has the least significant octet first
            value = builder.bswap(value)
        return value if octets == 8 else builder.zext(value, ir.IntType(64))

    return codegen


def _store_long(_context: Any, data: Any, _at: Any, _value: Any) -> Any:
    return types.void(data, types.int64, types.int64), _storing


def _storing(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, given[0])
    _, at, value = given
    size = builder.extract_value(array.shape, 0)
    early = builder.icmp_signed("<", at, ir.Constant(at.type, 0))
    late = builder.icmp_signed(">", at, builder.sub(size, ir.Constant(size.type, 8)))
    with cgutils.if_unlikely(builder, builder.or_(early, late)):  # type: ignore[no-untyped-call]
        context.call_conv.return_user_exc(builder, IndexError, ("outside the buffer",))
    place = builder.bitcast(builder.gep(array.data, [at]), ir.IntType(64).as_pointer())
    builder.store(builder.bswap(value), place, align=1)
    return context.get_dummy_value()


_MIX: Final = -7046029254386353131
_MIX_2: Final = -4417276706812531889


def _mixed(_context: Any, _value: Any, _other: Any) -> Any:
    return types.int64(types.int64, types.int64), _mixing


def _mixing(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
    """In LLVM's language, because numba promises it that its own products do not overflow."""

    def times(value: Any, factor: int) -> Any:
        return builder.mul(value, ir.Constant(value.type, factor))

    def folded(value: Any, bits: int) -> Any:
        return builder.xor(value, builder.lshr(value, ir.Constant(value.type, bits)))

    made = builder.xor(times(given[0], _MIX), times(given[1], _MIX_2))
    return folded(times(folded(made, 29), _MIX), 32)


def _memory(_context: Any, array: Any) -> Any:
    return types.CPointer(array.dtype)(array), _pointing  # type: ignore[no-untyped-call]


def _pointing(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    return context.make_array(signature.args[0])(context, builder, given[0]).data


def _soon(_context: Any, data: Any, _at: Any) -> Any:
    return types.void(data, types.int64), _fetching


def _fetching(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    of, begin = signature.args[0], given[0]
    if isinstance(of, types.Array):
        begin = context.make_array(of)(context, builder, begin).data
    octets = ir.IntType(8).as_pointer()
    place = builder.bitcast(builder.gep(begin, [given[1]]), octets)
    number = ir.IntType(32)
    how = [ir.Constant(number, told) for told in (0, 3, 1)]  # to read, often, data
    kind = ir.FunctionType(ir.VoidType(), [octets, number, number, number])
    called = builder.module.declare_intrinsic("llvm.prefetch", [octets], kind)
    builder.call(called, [place, *how])
    return context.get_dummy_value()


def _copying(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    size = ir.Constant(ir.IntType(64), signature.args[0].size)
    row, other = given
    cgutils.raw_memcpy(builder, row, other, size, 1)  # type: ignore[no-untyped-call]
    return context.get_dummy_value()


def _copy(_context: Any, row: Any, other: Any) -> Any:
    if row != other:
        raise TypeError(f"{row} is not {other}")
    return types.void(row, other), _copying


octet: Any = None
"""(data, at) -> the number there."""
short: Any = None
"""(data, at) -> two octets, most significant first."""
word: Any = None
"""(data, at) -> four octets."""
long: Any = None
"""(data, at) -> eight octets."""
little_word: Any = None
"""(data, at) -> four octets, least significant first."""
copy_row: Any = None
"""(record, other) makes the first one like the other."""
compress: Any = None
"""See `rounds.compress`."""
mixed: Any = None
"""(value, other) -> a hash of two numbers."""
soon: Any = None
"""(data, at): what stands there is going to be read; nothing happens where nothing stands."""
store_long: Any = None
"""(data, at, value) writes eight octets, most significant first."""
memory: Any = None
"""(array) -> what compiled code works on in its place: the array where accesses are `CHECKED`,
else a pointer to what it holds. For memory in which every place is made from numbers that compiled
code gave out itself, after there was room for them (decision 36)."""
CHECKED: Final = COMPILED and bool(getattr(config, "BOUNDSCHECK", 0))
"""Whether each access to memory is held against its ends: ``NUMBA_BOUNDSCHECK=1``, as in tests."""
if COMPILED:
    octet, short, word, long = (_load(octets) for octets in (1, 2, 4, 8))
    little_word = _load(4, little=True)
    copy_row = intrinsic(_copy)
    compress = rounds.compress
    mixed = intrinsic(_mixed)
    soon = intrinsic(_soon)
    store_long = intrinsic(_store_long)
    memory = inlined(lambda array: array) if CHECKED else intrinsic(_memory)
