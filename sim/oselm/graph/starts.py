"""Where walks start: every node once, shuffled, round after round; each place in constant time, without a list.

Round r visits place x = 0, 1, ... of the 2**b numbers that hold all rows. A keyed permutation of b bits turns a place
into a number, which is a start if it is a row that has an edge:

    y = x;  for k in 0, 1, 2:  D = draw(key, r << 32 | k)
                               y = y * (D | 1) + (D >> 32)  modulo 2**b
                               y = y ^ (y >> ceil(b / 2))

with ``key = fold(seed, STREAM_STARTS)`` of :mod:`skipwalk.sim.oselm.front_end.threefry`. Each of the three is
invertible, so a round visits all rows.
"""

from typing import NamedTuple

import numpy as np

from ...arith.permutation import bits_for, step_draws
from ...arith.permutation import permuted as _permuted
from ...jit import jit
from .edits import ROWS, Arrays

__all__ = ["PLACE_BITS", "Starts", "bits_for", "permuted", "round_starts"]

#: A place in a round is a number of so many bits.
PLACE_BITS = 20

_ONE = np.uint64(1)


class Starts(NamedTuple):
    """What :func:`round_starts` found: rows (n,) int64, the round and place at which the next one goes on, and whether
    fewer than wanted were found because a whole round had none."""

    rows: np.ndarray
    round: int
    place: int
    gave_up: bool


def round_starts(graph: Arrays, key: int, round_: int, place: int, n: int) -> Starts:
    """The next ``n`` starts from ``place`` (0 ... 2**20 - 1) of round ``round_`` on; rounds count modulo 2**32."""
    rows = np.empty(n, np.int64)
    found, round_, place = _round_starts(graph, np.uint64(key), np.uint64(round_), place, rows)
    return Starts(rows[:found], int(round_), int(place), found < n)


@jit()
def permuted(key, round_, bits):
    """What a round visits: all (2**bits,) int64 numbers of ``bits`` bits, place by place."""
    constants = step_draws(np.uint64(key), np.uint64(round_))
    out = np.empty(1 << bits, np.int64)
    for x in range(1 << bits):
        out[x] = _permuted(x, bits, constants)
    return out


@jit()
def _round_starts(g, key, round_, x, out):
    rows = g.numbers[ROWS]
    bits = bits_for(rows)
    constants = step_draws(key, round_)
    found = 0
    whole, fruitless = False, True
    while found < len(out):
        whole |= x == 0
        y = _permuted(x, bits, constants)
        if y < rows and g.degree[y] > 0:
            out[found] = y
            found += 1
            fruitless = False
        x += 1
        if x >= 1 << bits:
            x, round_ = 0, (round_ + _ONE) & np.uint64(0xFFFFFFFF)
            constants = step_draws(key, round_)
            if whole and fruitless:
                break
            whole, fruitless = False, True
    return found, round_, x
