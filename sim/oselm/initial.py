"""What rows of beta hold before training: uniform numbers that depend on the seed and the row alone.

A node that comes later starts as it would have started at first, and a larger graph changes nobody's first values.
"""

import numpy as np
from numba import njit

from .front_end.threefry import STREAM_ROWS, draw, fold, seed_key

__all__ = ["initial_rows"]

_S11 = np.uint64(11)
_UNIT53 = 2.0**-53


def initial_rows(first: int, n: int, dim: int, *, scale: float, seed: int) -> np.ndarray:
    """Rows ``first`` ... ``first + n - 1``, (n, dim) float64, uniform in -scale ... scale.

    Element j of row r comes from ``draw(fold(fold(seed, STREAM_ROWS), r), j)`` of
    :mod:`skipwalk.sim.oselm.front_end.threefry`.
    """
    return _uniform(seed_key(seed, STREAM_ROWS), first, n, dim) * (2 * scale) - scale


@njit(cache=True, nogil=True)
def _uniform(key, first, n, dim):
    out = np.empty((n, dim))
    for i in range(n):
        own = fold(key, first + i)
        for j in range(dim):
            out[i, j] = (draw(own, j) >> _S11) * _UNIT53
    return out
