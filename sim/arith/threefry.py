"""Counter-based random numbers: every draw is a pure function of a key and of where it is used.

Threefry-2x32 with 13 rounds (Salmon et al., SC11; :mod:`skipwalk.hw.arith.threefry_table`), which the gateware has as
well. Key, counter and result are 64 bits, the first 32-bit word of each in the upper half:

    draw(key, counter) = threefry2x32(counter, key)
    fold(key, word)    = draw(key, word)                a key for a numbered thing below ``key``

A key is either folded or drawn from, never both.
"""

import operator

import numpy as np

from ...hw.arith.threefry_table import PARITY, ROTATIONS, ROUNDS, ROUNDS_PER_KEY
from ..jit import part

__all__ = ["draw", "drawn", "fold", "seed_key"]

_S32 = np.uint64(32)
_U32 = np.uint32
# Of a type, so that there is one function for all, not one for each number.
_R0, _R1, _R2, _R3, _R4, _R5, _R6, _R7 = (_U32(rotation) for rotation in ROTATIONS)
if (ROUNDS, ROUNDS_PER_KEY) != (13, 4):
    raise ImportError("drawn() is written out for 13 rounds with a key after every 4")


@part
def _round(x0, x1, rotation):
    # Sums of uint32 would be uint64 here, hence the casts.
    x0 = _U32(x0 + x1)
    return x0, _U32(_U32(x1 << rotation) | _U32(x1 >> _U32(_U32(32) - rotation))) ^ x0


@part
def drawn(key, counter):
    """:func:`draw` in compiled functions; all are uint64."""
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


def draw(key: int | np.uint64, counter: int | np.uint64) -> int:
    """64 random bits: those at ``counter`` below ``key``, both 0 ... 2**64 - 1."""
    key, counter = int(key), int(counter)
    low = 0xFFFFFFFF
    keys = key >> 32, key & low, key >> 32 ^ key & low ^ PARITY
    x0, x1 = (counter >> 32) + keys[0] & low, counter + keys[1] & low
    for i in range(ROUNDS):
        rotation = ROTATIONS[i % len(ROTATIONS)]
        x0 = x0 + x1 & low
        x1 = (x1 << rotation & low | x1 >> 32 - rotation) ^ x0
        number, rest = divmod(i + 1, ROUNDS_PER_KEY)
        if not rest:
            x0, x1 = x0 + keys[number % 3] & low, x1 + keys[(number + 1) % 3] + number & low
    return x0 << 32 | x1


def fold(key: int | np.uint64, word: int | np.uint64) -> int:
    """The key of item ``word`` below ``key``."""
    return draw(key, word)


def seed_key(seed: int, *words: int) -> np.uint64:
    """``seed`` with ``words`` folded into it, one after another.

    Raises TypeError for a seed that is no integer and ValueError for one outside 0 ... 2**64 - 1.
    """
    value = operator.index(seed)
    if not 0 <= value < 1 << 64:
        raise ValueError(f"seed must be 0 to 2**64 - 1, not {value}")
    for word in words:
        value = fold(value, word)
    return np.uint64(value)
