"""Functions that Numba compiles, and keeps beside their sources or in the user's cache where it can."""

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["jit"]


def jit(**options: Any) -> Callable[[Callable], Any]:
    """``numba.njit`` with these options, without Python's lock (a device is served while it computes), and with a cache
    where one can be written: neither a read-only installation nor a home that is not there keeps a program from its
    work."""

    def compiled(function: Callable) -> Any:
        try:
            return njit(nogil=True, cache=True, no_cfunc_wrapper=True, **options)(function)
        except RuntimeError:  # no place for a cache
            return njit(nogil=True, **options)(function)

    return compiled
