"""Counter-based random numbers: every draw is a pure function of (seed, where it is used).

One function does it all: Threefry-2x32 with 13 rounds (Salmon et al., SC11;
:mod:`skipwalk.hw.oselm.front_end.threefry_table`), which the gateware has as well. Key, counter and result are 64 bits,
the first 32-bit word of each in the upper half:

    draw(key, counter) = threefry2x32(counter, key)
    fold(key, word)    = draw(key, word)                a key for a numbered thing below ``key``

A key is either folded or drawn from, never both. A walk, a permutation of the starts, a row and the negatives of all
walks each have a key of their own, so results do not depend on block sizes, on the order in which things are computed,
or on where a run was interrupted.
"""

import operator

import numpy as np
from numba import njit

from ....hw.oselm.front_end.threefry_table import PARITY, ROTATIONS, ROUNDS, ROUNDS_PER_KEY

__all__ = [
    "STREAM_NEGATIVES",
    "STREAM_ROWS",
    "STREAM_STARTS",
    "STREAM_UPDATES",
    "STREAM_WALKS",
    "draw",
    "fold",
    "seed_key",
    "update_seed",
]

#: First word folded into a seed: which use the numbers are for.
STREAM_STARTS, STREAM_WALKS, STREAM_NEGATIVES, STREAM_UPDATES, STREAM_ROWS = 1, 2, 3, 4, 5

_S32 = np.uint64(32)
_U32 = np.uint32
_R0, _R1, _R2, _R3, _R4, _R5, _R6, _R7 = ROTATIONS
if (ROUNDS, ROUNDS_PER_KEY) != (13, 4):
    raise ImportError("draw() is written out for 13 rounds with a key after every 4")


@njit(cache=True, nogil=True, inline="always")
def _round(x0, x1, rotation):
    # Sums of uint32 would be uint64 here, hence the casts.
    x0 = _U32(x0 + x1)
    return x0, _U32(_U32(x1 << _U32(rotation)) | _U32(x1 >> _U32(32 - rotation))) ^ x0


@njit(cache=True, nogil=True)
def draw(key, counter):
    """64 random bits: those at ``counter`` below ``key``; all are uint64."""
    key, counter = np.uint64(key), np.uint64(counter)
    k0, k1 = _U32(key >> _S32), _U32(key)
    k2 = _U32(k0 ^ k1 ^ _U32(PARITY))
    # Written out: a loop takes three times as long.
    x0, x1 = _U32(_U32(counter >> _S32) + k0), _U32(_U32(counter) + k1)
    x0, x1 = _round(x0, x1, _R0)
    x0, x1 = _round(x0, x1, _R1)
    x0, x1 = _round(x0, x1, _R2)
    x0, x1 = _round(x0, x1, _R3)
    x0, x1 = _U32(x0 + k1), _U32(x1 + k2 + _U32(1))
    x0, x1 = _round(x0, x1, _R4)
    x0, x1 = _round(x0, x1, _R5)
    x0, x1 = _round(x0, x1, _R6)
    x0, x1 = _round(x0, x1, _R7)
    x0, x1 = _U32(x0 + k2), _U32(x1 + k0 + _U32(2))
    x0, x1 = _round(x0, x1, _R0)
    x0, x1 = _round(x0, x1, _R1)
    x0, x1 = _round(x0, x1, _R2)
    x0, x1 = _round(x0, x1, _R3)
    x0, x1 = _U32(x0 + k0), _U32(x1 + k1 + _U32(3))
    x0, x1 = _round(x0, x1, _R4)
    return np.uint64(x0) << _S32 | np.uint64(x1)


@njit(cache=True, nogil=True)
def fold(key, word):
    """The key of item ``word`` below ``key``; both and the result are uint64."""
    return draw(key, word)


def seed_key(seed: int, *words: int) -> np.uint64:
    """``seed`` with ``words`` folded into it, one after another.

    Raises TypeError for a seed that is no integer and ValueError for one outside 0 ... 2**64 - 1.
    """
    value = operator.index(seed)
    if not 0 <= value < 1 << 64:
        raise ValueError(f"seed must be 0 to 2**64 - 1, not {value}")
    key = np.uint64(value)
    for word in words:
        # numba hands a uint64 back as a plain int, which it would not take as a uint64 again.
        key = np.uint64(fold(key, np.uint64(word)))
    return key


def update_seed(seed: int, number: int) -> int:
    """The seed for the ``number``-th update of a model that was first trained with ``seed``.

    With one of its own, an update's walks and negatives owe nothing to those of the training or of another update.
    """
    return int(seed_key(seed, STREAM_UPDATES, number))
