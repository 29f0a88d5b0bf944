"""First values of a row of beta: uniform integers that depend on the key and the row alone.

A node that comes later starts as it would have started at first, and a larger graph changes nobody's first values.
"""

import numpy as np

from ...jit import jit
from ..front_end.threefry import drawn

__all__ = ["first_values"]

_S32 = np.uint64(32)


def first_values(key: int, first: int, n: int, dim: int, scale: int) -> np.ndarray:
    """Rows ``first`` ... ``first + n - 1``, (n, dim) int64, uniform in -scale ... scale.

    Element j of row r is ``((D >> 32) * (2 scale + 1) >> 32) - scale`` with ``D = draw(key, r << 32 | j)`` and ``key =
    fold(seed, STREAM_ROWS)`` of :mod:`skipwalk.sim.oselm.front_end.threefry`; ``scale`` is 0 ... 65535.
    """
    out = np.empty((n, dim), np.int64)
    _uniform(np.uint64(key), first, scale, out)
    return out


@jit()
def _uniform(key, first, scale, out):
    choices = np.uint64(2 * scale + 1)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            bits = drawn(key, np.uint64(first + i) << _S32 | np.uint64(j))
            out[i, j] = np.int64(((bits >> _S32) * choices) >> _S32) - scale
