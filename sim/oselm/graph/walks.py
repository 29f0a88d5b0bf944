"""Second-order random walks of node2vec (Grover and Leskovec, KDD 2016) over a store, in integers alone.

A step from node c, reached from node b, goes to a neighbour x of c with probability proportional to

    weight(c, x) * a(x),      a(x) = 1/p if x = b;  1 if x is a neighbour of b;  1/q otherwise.

A draw gives a candidate by its upper 32 bits (by weight alone) and takes it if its lower 32 bits are at most the limit
of its case (:func:`case_limits`). Whether it is a neighbour of b is looked up only where the limits do not decide
anyway. After :data:`TRIALS` refusals in a row one more draw makes the step by a running sum of weight * factor over
the whole row, with factors of at most 16 bits. The first step takes its candidate at once; a node with one neighbour
costs no draw. In an undirected graph no walk ends early.

Draw j (from 1) of walk number i is ``draw(key, i << 32 | j)`` with ``key = fold(seed, STREAM_WALKS)`` of
:mod:`skipwalk.sim.oselm.front_end.threefry`: a walk is a function of the graph, of p and q, the key, its number, its
start and its length, and not of the order in which edges came.
"""

import numpy as np

from ...jit import jit, part, prefetch
from ..front_end.threefry import drawn
from .edits import Arrays, find, total, weight_of

__all__ = ["TRIALS", "case_limits", "exact_step", "make_walks"]

#: Candidates refused in a row before a step is made by the running sum.
TRIALS = 32
#: A walk's previous node before its first step.
_NONE = -1

_S16, _S24, _S32, _S40 = (np.uint64(n) for n in (16, 24, 32, 40))
_LOW = np.uint64(0xFFFFFFFF)
#: Walks that are made side by side.
_BESIDE = 16


def case_limits(p: float, q: float) -> tuple[int, int, int]:
    """The 32-bit limits (back, near, far) of the parameters LIMIT_BACK, LIMIT_NEAR and LIMIT_FAR.

    Raises ValueError for a p or q outside 1e-100 ... 1e100.
    """
    for name, bias in (("p", p), ("q", q)):
        if not 1e-100 < bias < 1e100:
            raise ValueError(f"{name} must be between 1e-100 and 1e100, not {bias}")
    a = 1 / p, 1.0, 1 / q
    back, near, far = (max(int(x / max(a) * 2.0**32), 1) - 1 for x in a)
    return back, near, far


def make_walks(
    graph: Arrays, starts: np.ndarray, *, length: int, limits: tuple[int, int, int], key: int, first: int
) -> np.ndarray:
    """Walks number ``first``, ``first + 1``, ... (modulo 2**32) from each of ``starts``.

    Parameters
    ----------
    graph : Arrays
        Of a :class:`~skipwalk.sim.oselm.graph.store.GraphStore`.
    starts : (n,) integers
        Rows that have an edge.
    length : int
        Nodes in a walk, the start included.

    Returns
    -------
    ndarray, (n, length) int32
    """
    out = np.empty((len(starts), length), np.int32)
    rows, three = np.ascontiguousarray(starts, np.int64), np.array(limits, np.uint64)
    places, draws = np.empty((3, _BESIDE), np.int64), np.empty((2, _BESIDE), np.uint64)
    _walk(graph, graph.sums_or_none, rows, np.uint64(key), np.uint64(first), three, places, draws, out)
    return out


@part
def _case(g, previous, x):
    """0: x is the previous node, 1: a neighbour of it, 2: neither."""
    if x == previous:
        return 0
    begin = 4 * np.int64(g.place[previous])
    end = begin + g.degree[previous]
    at = find(g.neighbours, begin, end, x - 1)
    return 1 if at < end and g.neighbours[at] == x else 2


@part
def _taken(g, previous, x, low, limits):
    """Whether a candidate is taken."""
    if x == previous:
        return low <= limits[0]
    if low <= min(limits[1], limits[2]):
        return True
    if low > max(limits[1], limits[2]):
        return False
    return low <= limits[_case(g, previous, x)]


@part
def _exact(g, sums, current, previous, limits, bits):
    """The neighbour at which the running sum of weight * factor over the row exceeds a random share of all."""
    begin = 4 * np.int64(g.place[current])
    share = np.uint64(0)
    for last in range(2):
        running = np.uint64(0)
        for e in range(begin, begin + g.degree[current]):
            weight = np.int64(1)
            if sums is not None:
                weight = weight_of(sums, begin, e)
            factor = max((limits[_case(g, previous, np.int64(g.neighbours[e]))] + np.uint64(1)) >> _S16, np.uint64(1))
            running += np.uint64(weight) * factor
            if last and running > share:
                return np.int64(g.neighbours[e])
        share = ((bits >> _S40) * running) >> _S24
    return np.int64(_NONE)


@jit()
def _exact_alone(g, sums, current, previous, limits, bits):
    return _exact(g, sums, current, previous, limits, bits)


def exact_step(graph: Arrays, current: int, previous: int, limits: tuple[int, int, int], bits: int) -> int:
    """The node to which a draw of 64 ``bits`` leads after :data:`TRIALS` refusals, from ``current``, reached from
    ``previous``."""
    three = np.array(limits, np.uint64)
    return int(_exact_alone(graph, graph.sums_or_none, np.int64(current), np.int64(previous), three, np.uint64(bits)))


@part
def _entry(g, sums, row, begin, degree, bits):
    """Of a neighbour, in proportion to the weights, by the upper half of ``bits``."""
    if sums is not None:
        share = np.int64(((bits >> _S32) * np.uint64(total(g, sums, row))) >> _S32)
        return find(sums, begin, begin + degree, share)
    return begin + np.int64(((bits >> _S32) * np.uint64(degree)) >> _S32)


@part
def _further(g, sums, previous, current, key, number, limits):
    """(number of the last draw, next node), once the first candidate has been refused."""
    begin, degree = 4 * np.int64(g.place[current]), np.int64(g.degree[current])
    for _ in range(TRIALS - 1):
        number += np.uint64(1)
        bits = drawn(key, number)
        x = np.int64(g.neighbours[_entry(g, sums, current, begin, degree, bits)])
        if _taken(g, previous, x, bits & _LOW, limits):
            return number, x
    number += np.uint64(1)
    return number, _exact(g, sums, current, previous, limits, drawn(key, number))


@jit()
def _walk(g, sums, starts, key, first, limits, places, draws, out):
    """Several walks side by side, a step in parts, each of which asks memory for what the next one reads. What is known
    of them is in ``places`` (3, _BESIDE) and ``draws`` (2, _BESIDE)."""
    previous, current, at = places[0], places[1], places[2]
    number, bits = draws[0], draws[1]
    for group in range(0, len(starts), _BESIDE):
        n = min(_BESIDE, len(starts) - group)
        for i in range(n):
            previous[i], current[i] = _NONE, starts[group + i]
            number[i] = ((first + np.uint64(group + i)) & _LOW) << _S32
            out[group + i, 0] = current[i]
        for t in range(1, out.shape[1]):
            for i in range(n):
                at[i], degree = 4 * np.int64(g.place[current[i]]), np.int64(g.degree[current[i]])
                bits[i] = 0  # taken: there is no other
                if degree > 1:
                    number[i] += np.uint64(1)
                    bits[i] = drawn(key, number[i])
                    at[i] = _entry(g, sums, current[i], at[i], degree, bits[i])
                prefetch(g.neighbours, at[i])
            for i in range(n):
                prefetch(g.degree, np.int64(g.neighbours[at[i]]))
            for i in range(n):
                x = np.int64(g.neighbours[at[i]])
                if previous[i] >= 0 and not _taken(g, previous[i], x, bits[i] & _LOW, limits):
                    number[i], x = _further(g, sums, previous[i], current[i], key, number[i], limits)
                    prefetch(g.degree, x)
                previous[i], current[i] = current[i], x
                out[group + i, t] = x
