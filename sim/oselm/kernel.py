"""The training loop in C (``kernel.c``), compiled once for the arithmetic of a configuration.

Whatever changes neither a bit nor a counter (numbers of rows, edges and walks, the front end) is no part of it, so that
all graphs share a library.
"""

import ctypes
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...hw.arith.reciprocal_table import ReciprocalTable
from ...hw.oselm.config import CoreConfig, Schedule
from ..native.library import load_library

__all__ = ["Kernel", "arithmetic", "kernel"]

#: ``kernel(beta, p, q, p0, centres, indptr, samples, labels, counters)``; changes beta
#: (int32), p and counters (int64) in place; the others are int32, int64, int32, uint8.
#: With a constant gain, p stays as it is, and p0 has to be in its format.
Kernel = Callable[..., None]
_HEADERS = ("kernel_plain.h", "kernel_vectors.h", "kernel_any.h")


def arithmetic(cfg: CoreConfig) -> dict[str, int]:
    """All numbers of a configuration that training depends on, by the names that the loops have for them."""
    table = ReciprocalTable(cfg.HU_INTEGER, cfg.HU_FRACTION, cfg.gain_bits)
    return {
        "DIM": cfg.dim,
        "LANES": cfg.lanes,
        "CONSTANT": int(not cfg.has_p),
        "AHEAD": cfg.lookahead if cfg.schedule is Schedule.STREAMING else -1,
        "BETA_BITS": cfg.beta.bits,
        "P_BITS": cfg.p.bits,
        "K_BITS": cfg.k.bits,
        "E_BITS": cfg.e.bits,
        "U_BITS": cfg.u.bits,
        "E_FRACTION": cfg.e.fraction,
        "BETA_VIEW_BITS": cfg.beta_view.bits,
        "P_VIEW_BITS": cfg.p_view.bits,
        "BETA_DROP": cfg.beta.fraction - cfg.beta_view.fraction,
        "P_DROP": cfg.p.fraction - cfg.p_view.fraction,
        "BETA_SHIFT": cfg.beta_shift,
        "P_SHIFT": cfg.p_shift,
        "K_SHIFT": cfg.k_shift,
        "E_SHIFT": cfg.e_shift,
        "U_SHIFT": cfg.u_shift,
        "HU_SHIFT": cfg.hu_shift,
        "HH_SHIFT": max(0, cfg.hh_shift),  # it is 0 or more where it counts
        "P_FRACTION": cfg.p_view.fraction,
        "HU_INTEGER": cfg.HU_INTEGER,
        "HU_FRACTION": cfg.HU_FRACTION,
        "GAIN_BITS": cfg.gain_bits,
        "GUARD": table.GUARD,
        "MANTISSA_BITS": table.mantissa_bits,
        "OFFSET_BITS": table.offset_bits,
        "PRODUCT_SHIFT": table.product_shift,
        "VALUE_BITS": table.value_bits,
    }


def lines(gain_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes of the reciprocal's table, int64."""
    table = ReciprocalTable(CoreConfig.HU_INTEGER, CoreConfig.HU_FRACTION, gain_bits)
    value, slope = np.array(table.lines, np.int64).T.copy()
    return value, slope


def kernel(cfg: CoreConfig, **more: int) -> Kernel:
    """The loop for the arithmetic of ``cfg``; ``more`` are further macros. Raises NoCompilerError."""
    return _kernel(tuple({**arithmetic(cfg), **more}.items()))


@lru_cache(maxsize=64)
def _kernel(defines: tuple[tuple[str, int], ...]) -> Kernel:
    library = load_library(Path(__file__).parent, "kernel.c", _HEADERS, defines=dict(defines), below="kernels")
    value, slope = lines(dict(defines)["GAIN_BITS"])
    dim = dict(defines)["DIM"]

    def run(beta, p, q, p0, centres, indptr, samples, labels, counters):
        _check(beta, np.int32, (len(beta), dim))
        _check(p, np.int64, (dim, dim))
        arrays = beta, p, centres, indptr, samples, labels, value, slope, counters
        at = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        scalars = ctypes.c_int64(q), ctypes.c_int64(p0)
        if library.train(*at[:2], *scalars, *at[2:6], ctypes.c_int64(len(centres)), *at[6:]):
            raise MemoryError("no memory for the state of training")

    return run


def _check(array: np.ndarray, dtype: type, shape: tuple[int, int]) -> None:
    """Raises TypeError for an array that the loop cannot change in place."""
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise TypeError(
            f"an array of {array.dtype} and shape {array.shape}; training changes {dtype.__name__} of shape {shape}, "
            "one row after another"
        )
