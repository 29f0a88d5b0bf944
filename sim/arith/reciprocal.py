"""Golden model of the reciprocal, bit for bit as ``skipwalk.hw.arith.reciprocal`` computes it."""

from functools import lru_cache

import numpy as np

from ...hw.arith.formats import SQ
from ...hw.arith.reciprocal_table import ReciprocalTable
from .fixed import requantize

__all__ = ["reciprocal"]


def reciprocal(x_raw: np.ndarray, *, int_bits: int, frac_bits: int, gain_bits: int, table_bits: int = 8) -> np.ndarray:
    """g = 1/x, raw.

    Parameters
    ----------
    x_raw : array of int
        Unsigned with ``int_bits`` integer and ``frac_bits`` fraction bits; any shape. What is below 1 counts as 1.
    int_bits, frac_bits, gain_bits, table_bits : int
        See :class:`skipwalk.hw.arith.reciprocal_table.ReciprocalTable`, also for the errors it raises.

    Returns
    -------
    array of int64
        ``gain_bits`` fraction bits, 0 < g < 2**gain_bits.

    Raises
    ------
    ValueError
        An x is negative or too large.
    """
    table, value, slope = _table(int_bits, frac_bits, gain_bits, table_bits)
    x = np.asarray(x_raw, np.int64)
    if x.size and (x.min() < 0 or x.max() >> (int_bits + frac_bits)):
        raise ValueError(f"x must be 0 to {(1 << (int_bits + frac_bits)) - 1}, not {x.min()} to {x.max()}")
    x = np.maximum(x, 1 << frac_bits)
    exponent = np.zeros_like(x)
    for e in range(1, int_bits):
        exponent[x >> (frac_bits + e) != 0] = e
    mantissa = (x << (int_bits - 1 - exponent)) - (1 << table.mantissa_bits)
    interval = mantissa >> table.offset_bits
    offset = (mantissa & ((1 << table.offset_bits) - 1)) - (1 << (table.offset_bits - 1))
    fall = requantize(slope[interval] * offset, table.product_shift, SQ(1, table.value_bits))
    line = value[interval] - fall
    top = int_bits - 1
    return requantize(line << (top - exponent), table.GUARD + top, SQ(1, gain_bits))


@lru_cache(maxsize=16)
def _table(*widths: int) -> tuple[ReciprocalTable, np.ndarray, np.ndarray]:
    table = ReciprocalTable(*widths)
    value, slope = np.array(table.lines, np.int64).T
    return table, value, slope
