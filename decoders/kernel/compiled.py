"""The one place that knows numba: what compiles, or does nothing without it.

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

    COMPILED = True
except ImportError:
    COMPILED = False
"""Whether functions here are compiled; without, the kernel hands every frame to the decoder."""

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
        made = njit(cache=bool(getattr(config, "CACHE_DIR", "")), **_OPTIONS)(function)
    except RuntimeError:  # the folder cannot be written to
        made = njit(**_OPTIONS)(function)
    return cast("Function", made)


def compiled(function: Function) -> Function:
    """As `entry`, for compiled functions to call: it becomes part of them and is not kept apart."""
    return _inner(function, forceinline=False)


def inlined(function: Function) -> Function:
    """As `compiled`, its code put where it is called: for what is tiny, or has one caller."""
    return _inner(function, forceinline=True)


def _inner(function: Function, *, forceinline: bool) -> Function:
    if not COMPILED:
        return function
    made = njit(inline="always" if forceinline else "never", **_WITHIN)(function)
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
if COMPILED:
    octet, short, word, long = (_load(octets) for octets in (1, 2, 4, 8))
    little_word = _load(4, little=True)
    copy_row = intrinsic(_copy)
