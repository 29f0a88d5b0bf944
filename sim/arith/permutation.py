"""A keyed permutation of numbers: everything once, in an order that a key and a round choose. Nothing is stored.

Over the b-bit numbers x it is three times

    y <- (y m + a) mod 2**b,  m odd;        y <- y ^ (y >> ceil(b / 2))

of y = x, where m and a of step k come from draw(key, round << 32 | k): the lower word gives m, the upper one a. Among
n things that are no power of two, numbers from n on are passed over.
"""

import numpy as np

from ..jit import jit
from .threefry import draw

__all__ = ["STEPS", "bits_for", "permutation", "permuted", "step_draws"]

#: Steps of a permutation, and draws of a round.
STEPS = 3

_S32 = np.uint64(32)
_ONE = np.uint64(1)


@jit()
def bits_for(n):
    """Bits of the numbers that are permuted so that n things (1 ... 2**32) are among them: at least 1."""
    bits = 1
    while n > 1 << bits:
        bits += 1
    return bits


@jit()
def step_draws(key, number):
    """The draws of round ``number``: (STEPS,) uint64."""
    draws = np.empty(STEPS, np.uint64)
    for k in range(STEPS):
        draws[k] = draw(np.uint64(key), np.uint64(number) << _S32 | np.uint64(k))
    return draws


@jit()
def permuted(x, bits, draws):
    """Where x, below 2**bits, goes: another number of as many bits."""
    mask = (_ONE << np.uint64(bits)) - _ONE
    fold_by = np.uint64((bits + 1) // 2)
    y = np.uint64(x)
    for k in range(STEPS):
        y = (y * ((draws[k] & mask) | _ONE) + ((draws[k] >> _S32) & mask)) & mask
        y ^= y >> fold_by
    return np.int64(y)


@jit()
def permutation(key, number, n):
    """The n numbers below n in the order of round ``number``: (n,) int64."""
    bits = bits_for(n)
    draws = step_draws(key, number)
    order = np.empty(n, np.int64)
    found = 0
    for x in range(1 << bits):
        y = permuted(x, bits, draws)
        if y < n:
            order[found] = y
            found += 1
    return order
