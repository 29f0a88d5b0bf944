"""Functions that Numba compiles, and keeps beside their sources or in the user's cache where it can.

Somebody waits while they are compiled: in the first run after an installation. What costs most there is code around a
function (what unpacks its arguments, memory for its arrays, a copy in the cache) rather than the function itself. So
whoever is called from Python is :func:`jit`, takes its arrays from outside, and is made of :func:`part`.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import config, njit, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic, typeof_impl

__all__ = ["Part", "jit", "part", "prefetch"]


def jit(**options: Any) -> Callable[[Callable], Any]:
    """``numba.njit`` with these options, without Python's lock (a device is served while it computes), and with a cache
    where one can be written: neither a read-only installation nor a home that is not there keeps a program from its
    work."""

    # A wrapper for C would be compiled, too, and nobody calls it.
    options = {"nogil": True, "no_cfunc_wrapper": True, **options}

    def compiled(function: Callable) -> Any:
        try:
            return _njit(function, cache=True, **options)
        except RuntimeError:  # no place for a cache
            return _njit(function, **options)

    return compiled


def _njit(function: Callable, **options: Any) -> Any:
    """``numba.njit``, where somebody has set NUMBA_DISABLE_JIT for functions of their own, too: parts call parts, and
    run in no other way."""
    before, config.DISABLE_JIT = config.DISABLE_JIT, 0
    try:
        return njit(**options)(function)
    finally:
        config.DISABLE_JIT = before


class Part:
    """What :func:`part` makes of a function; ``py_func`` is the function itself."""

    def __init__(self, function: Callable):
        self.py_func = function
        # Nothing that calls it from Python or C is made, and nothing kept: it is in what is kept of its callers.
        self.compiled = _njit(function, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

    def __call__(self, *_: Any) -> Any:
        raise TypeError(f"{self.py_func.__qualname__} is a part of compiled functions; call one of those")


def part(function: Callable) -> Any:
    """Compiled as a part of compiled functions that call it, and only that: from Python it raises TypeError."""
    return Part(function)


@typeof_impl.register(Part)
def _type_of_part(value: Part, _: Any) -> types.Type:
    return typeof(value.compiled)


@intrinsic
def prefetch(typing, array, index):
    """In compiled functions: ask memory for ``array[index]``, which is needed soon. The index is to be in range."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        values = context.make_array(kind)(context, builder, arguments[0])
        at = context.cast(builder, arguments[1], signature.args[1], types.intp)
        place = cgutils.get_item_pointer(context, builder, kind, values, [at], wraparound=False)
        address, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [address, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [address], shape)
        # To read it, near, data.
        builder.call(function, [builder.bitcast(place, address), number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate
