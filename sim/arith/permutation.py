"""A keyed permutation of numbers: everything once, in an order that a key and a round choose. Nothing is stored.

Over the b-bit numbers x it is three times

    y <- (y m + a) mod 2**b,  m odd;        y <- y ^ (y >> ceil(b / 2))

of y = x, where m and a of step k come from draw(key, round << 32 | k): the lower word gives m, the upper one a. Among
n things that are no power of two, numbers from n on are passed over.
"""

import numpy as np

from .threefry import draw

__all__ = ["STEPS", "bits_for", "permutation", "permuted", "step_draws"]

#: Steps of a permutation, and draws of a round.
STEPS = 3


def bits_for(n: int) -> int:
    """Bits of the numbers that are permuted so that n things (1 ... 2**32) are among them: at least 1."""
    return max(1, (int(n) - 1).bit_length())


def step_draws(key: int | np.uint64, number: int) -> list[int]:
    """The draws of round ``number``: :data:`STEPS` of 64 bits."""
    return [draw(key, int(number) << 32 | k) for k in range(STEPS)]


def permuted(x: np.ndarray, bits: int, draws: list[int]) -> np.ndarray:
    """Where each x, below 2**bits, goes: other numbers of as many bits, int64."""
    mask = (1 << bits) - 1
    y = np.asarray(x).astype(np.uint64)
    for bits_64 in draws:
        # Modulo 2**64 first; that changes nothing.
        y = (y * np.uint64(bits_64 & mask | 1) + np.uint64(bits_64 >> 32 & mask)) & np.uint64(mask)
        y ^= y >> np.uint64((bits + 1) // 2)
    return y.astype(np.int64)


def permutation(key: int | np.uint64, number: int, n: int) -> np.ndarray:
    """The n numbers below n in the order of round ``number``: (n,) int64."""
    bits = bits_for(n)
    order = permuted(np.arange(1 << bits), bits, step_draws(key, number))
    return order[order < n]
