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
from .edits import ROWS, Arrays

__all__ = ["PLACE_BITS", "Starts", "bits_for", "permuted", "round_starts"]

#: A place in a round is a number of so many bits.
PLACE_BITS = 20


class Starts(NamedTuple):
    """What :func:`round_starts` found: rows (n,) int64, the round and place at which the next one goes on, and whether
    fewer than wanted were found because a whole round had none."""

    rows: np.ndarray
    round: int
    place: int
    gave_up: bool


def round_starts(graph: Arrays, key: int, round_: int, place: int, n: int) -> Starts:
    """The next ``n`` starts from ``place`` (0 ... 2**20 - 1) of round ``round_`` on; rounds count modulo 2**32."""
    rows = int(graph.numbers[ROWS])
    bits = bits_for(rows)
    found = [np.empty(0, np.int64)]
    left, whole, fruitless = n, False, True
    while left:
        # About as many places as are needed: at least half of those of a round are rows.
        places = np.arange(place, max(place + 1, min(1 << bits, place + 2 * left + 16)))
        candidates = _permuted(places, bits, step_draws(key, round_))
        taken = np.flatnonzero(candidates < rows)
        taken = taken[graph.degree[candidates[taken]] > 0][:left]
        found.append(candidates[taken])
        left -= len(taken)
        whole |= place == 0
        fruitless &= not len(taken)
        place = int(places[-1] if left else places[taken[-1]]) + 1
        if place >= 1 << bits:
            place, round_ = 0, (round_ + 1) & 0xFFFFFFFF
            if whole and fruitless:
                break
            whole, fruitless = False, True
    return Starts(np.concatenate(found), int(round_), place, left > 0)


def permuted(key: int, round_: int, bits: int) -> np.ndarray:
    """What a round visits: all (2**bits,) int64 numbers of ``bits`` bits, place by place."""
    return _permuted(np.arange(1 << bits), bits, step_draws(key, round_))
