"""Functions that Numba compiles, and keeps beside their sources or in the user's cache where it can."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["jit", "prefetch"]


def jit(**options: Any) -> Callable[[Callable], Any]:
    """``numba.njit`` with these options, without Python's lock (a device is served while it computes), and with a cache
    where one can be written: neither a read-only installation nor a home that is not there keeps a program from its
    work."""

    # A wrapper for C would be compiled, too, and nobody calls it.
    options = {"nogil": True, "no_cfunc_wrapper": True, **options}

    def compiled(function: Callable) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # no place for a cache
            return njit(**options)(function)

    return compiled


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
