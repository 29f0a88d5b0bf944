"""In which order samples are learned: every one once an epoch, by a permutation that the unit makes by itself."""

import numpy as np

from ...sim.arith.permutation import permutation
from ...sim.arith.threefry import seed_key

__all__ = ["epoch_order", "order_key"]

#: Folded into a seed.
_STREAM = 1


def order_key(seed: int) -> int:
    """Key of the orders of all epochs. Raises ValueError for a seed outside 0 ... 2**64 - 1."""
    return int(seed_key(seed, _STREAM))


def epoch_order(n: int, epochs: int, seed: int, first: int = 0) -> np.ndarray:
    """The orders of n samples in the epochs from number ``first`` on, one after another: (epochs * n,)."""
    key = np.uint64(order_key(seed))
    orders = (permutation(key, (first + k) & 0xFFFFFFFF, n) for k in range(epochs))
    return np.concatenate([np.empty(0, np.int64), *orders])
