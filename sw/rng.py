"""Counter-based random numbers: every draw is a pure function of (seed, where it is used).

``mix64`` is the output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), ``GAMMA`` its increment; all
arithmetic is modulo 2**64:

    fold(key, word) = mix64((key ^ word) + GAMMA)       a key for a numbered thing below ``key``
    draw(key, j)    = mix64(key + j * GAMMA)            the j-th draw (from 1) of that key

A walk, a permutation of the starts and the negatives of a context each have a key of their own, so results do not
depend on block sizes, on the order in which things are computed, or on where a run was interrupted.
"""

import operator

import numpy as np
from numba import njit

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

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MUL_A = np.uint64(0xBF58476D1CE4E5B9)
_MUL_B = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@njit(cache=True, nogil=True, inline="always")
def _mix64(z):
    z = (z ^ (z >> _S30)) * _MUL_A
    z = (z ^ (z >> _S27)) * _MUL_B
    return z ^ (z >> _S31)


@njit(cache=True, nogil=True)
def fold(key, word):
    """The key of item ``word`` below ``key``; both and the result are uint64."""
    return _mix64((np.uint64(key) ^ np.uint64(word)) + _GAMMA)


@njit(cache=True, nogil=True)
def draw(key, j):
    """64 random bits: draw ``j`` (from 1) of ``key``."""
    return _mix64(np.uint64(key) + np.uint64(j) * _GAMMA)


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
