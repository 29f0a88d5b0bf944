"""Second-order random walks of node2vec (Grover and Leskovec, KDD 2016) by rejection, repeatable from a seed.

A step from node c, reached from node b, goes to a neighbour x of c with probability proportional to

    weight(c, x) * a(x),      a(x) = 1/p if x = b;  1 if x is a neighbour of b;  1/q otherwise.

Draw j of a walk gives a candidate by its upper 32 bits (by weight alone) and accepts it if its lower 32 bits are below
2**32 a(x) / max a. No table of second order is needed: memory stays that of the graph. After ``TRIALS`` refusals in a
row the step is drawn by one cumulative sum over the row instead, which leaves the probabilities as they are (trials are
independent) and bounds the time for extreme p and q. The first step takes its candidate at once; a node with one
neighbour costs no draw.

Walk number i is a function of (graph, p, q, length, starts, seed, i) alone: its draws come from the key
``fold(fold(seed, STREAM_WALKS), i)`` of :mod:`skipwalk.sim.oselm.front_end.threefry`. It belongs to round i // s
of the s starts, and round r visits them in the order of a Fisher-Yates shuffle with the key
``fold(fold(seed, STREAM_STARTS), r)``. A walk's draws are numbered from 1; the place of element j in a shuffle comes
from draw j.
"""

from collections.abc import Iterator

import numpy as np
from numba import njit

from ...sim.oselm.front_end.threefry import STREAM_STARTS, STREAM_WALKS, draw, fold, seed_key
from ..errors import InputError
from .graph import Graph

__all__ = ["TRIALS", "n_walks", "walks"]

#: Candidates refused in a row before a step falls back on the cumulative sum.
TRIALS = 32

_S32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_S11 = np.uint64(11)
_UNIT32 = 2.0**-32
_UNIT53 = 2.0**-53


def n_walks(graph: Graph, per_node: int = 10, starts: np.ndarray | None = None) -> int:
    """How many walks :func:`walks` yields from ``first=0``."""
    return per_node * len(_check_starts(graph, starts))


def walks(
    graph: Graph,
    *,
    length: int = 80,
    per_node: int = 10,
    p: float = 0.5,
    q: float = 1.0,
    seed: int,
    starts: np.ndarray | None = None,
    first: int = 0,
    block: int = 1024,
) -> Iterator[np.ndarray]:
    """Walks ``first``, ``first + 1``, ... in blocks.

    Parameters
    ----------
    graph : Graph
    length : int
        Nodes in a walk, the start included.
    per_node : int
        Walks from each start.
    p, q : float
        Return and in-out parameter; large p avoids going back, large q stays near.
    seed : int
        0 ... 2**64 - 1.
    starts : (s,) integer rows, optional
        Where to start, repetitions allowed (after an update: both ends of each new edge). Every node that has an edge,
        if not given.
    first : int
        Number of the first walk: where a run that was interrupted goes on.
    block : int
        Walks in a block; changes no walk.

    Yields
    ------
    ndarray, (n, length) int32, n <= block
        Rows of the graph. A walk that cannot go on is padded with -1; in an undirected graph none is.

    Raises
    ------
    InputError
        A start is no row of the graph or has no edge.
    ValueError
        Any other parameter is out of range.
    """
    limits = ("length", length, 1), ("per_node", per_node, 1), ("first", first, 0), ("block", block, 1)
    for name, value, least in limits:
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
    for name, bias in (("p", p), ("q", q)):
        if not (1e-100 < bias < 1e100):
            raise ValueError(f"{name} must be between 1e-100 and 1e100, not {bias}")
    seed_key(seed)
    # Validation happens here, at the call; the generator below starts only at the first block.
    return _blocks(graph, length, per_node, p, q, seed, _check_starts(graph, starts), first, block)


def _blocks(graph, length, per_node, p, q, seed, starts, first, block) -> Iterator[np.ndarray]:
    a = np.array([1 / p, 1.0, 1 / q])
    thresholds = np.array([int(x / a.max() * 2.0**32) for x in a], np.uint64)
    cumulative = np.empty(0) if graph.weights is None else _row_sums(graph.indptr, graph.weights)
    key = seed_key(seed, STREAM_WALKS)
    end, shuffled = per_node * len(starts), (-1, starts)
    while first < end:
        n = min(block, end - first)
        begin = np.empty(n, np.int32)
        filled = 0
        while filled < n:
            turn, at = divmod(first + filled, len(starts))
            if shuffled[0] != turn:
                shuffled = turn, _shuffle(starts, seed_key(seed, STREAM_STARTS, turn))
            part = shuffled[1][at : at + n - filled]
            begin[filled : filled + len(part)] = part
            filled += len(part)
        out = np.full((n, length), -1, np.int32)
        _walk(graph.indptr, graph.indices, cumulative, begin, key, first, a, thresholds, out)
        yield out
        first += n


def _check_starts(graph: Graph, starts: np.ndarray | None) -> np.ndarray:
    degree = graph.degree
    if starts is None:
        return np.flatnonzero(degree).astype(np.int32)
    rows = np.asarray(starts)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise InputError(f"starts: shape {rows.shape} of {rows.dtype}; it has to be (s,) integer row numbers")
    outside = rows[(rows < 0) | (rows >= graph.n_nodes)]
    if len(outside):
        raise InputError(f"starts: {outside[0]} is no row; rows are 0 to {graph.n_nodes - 1}")
    alone = rows[degree[rows.astype(np.int64)] == 0]
    if len(alone):
        raise InputError(f"starts: node {graph.ids[alone[0]]!r} has no edge, so no walk can start there; leave it out")
    return rows.astype(np.int32)


@njit(cache=True, nogil=True)
def _row_sums(indptr, weights):
    """Running sum of the weights, begun anew in every row."""
    out = np.empty_like(weights)
    for r in range(len(indptr) - 1):
        total = 0.0
        for e in range(indptr[r], indptr[r + 1]):
            total += weights[e]
            out[e] = total
    return out


@njit(cache=True, nogil=True)
def _shuffle(starts, key):
    """Fisher-Yates from the end."""
    out = starts.copy()
    for j in range(len(out) - 1, 0, -1):
        k = np.int64(((draw(key, j) >> _S32) * np.uint64(j + 1)) >> _S32)
        out[j], out[k] = out[k], out[j]
    return out


@njit(cache=True, nogil=True)
def _find_above(values, lo, hi, x):
    """First place in ``values[lo:hi]`` (ascending) that is above x, or hi."""
    while lo < hi:
        mid = (lo + hi) >> 1
        if values[mid] <= x:
            lo = mid + 1
        else:
            hi = mid
    return lo


@njit(cache=True, nogil=True)
def _case(indptr, indices, previous, x):
    """Which a(x) applies: 0 back, 1 a neighbour of the previous node, 2 further away."""
    if x == previous:
        return 0
    end = indptr[previous + 1]
    at = _find_above(indices, indptr[previous], end, x - 1)
    return 1 if at < end and indices[at] == x else 2


@njit(cache=True, nogil=True)
def _exact(indptr, indices, cumulative, lo, hi, previous, a, bits):
    """The step by one cumulative sum of weight * a over the row: the neighbour where it exceeds a random share."""
    weighted = len(cumulative) > 0
    total = 0.0
    for share in (-1.0, (bits >> _S11) * _UNIT53):
        limit, total = share * total, 0.0
        for e in range(lo, hi):
            w = 1.0 if not weighted else cumulative[e] - (cumulative[e - 1] if e > lo else 0.0)
            total += w * a[_case(indptr, indices, previous, indices[e])]
            if share >= 0 and total > limit:
                return e
    return hi - 1


@njit(cache=True, nogil=True)
def _walk(indptr, indices, cumulative, starts, key, first, a, thresholds, out):
    weighted = len(cumulative) > 0
    for i in range(len(starts)):
        own = fold(key, first + i)
        j = 0
        previous = np.int64(-1)
        current = np.int64(starts[i])
        out[i, 0] = current
        for t in range(1, out.shape[1]):
            lo, hi = indptr[current], indptr[current + 1]
            if lo == hi:
                break
            e = lo
            if hi - lo > 1:
                trials = 0
                while True:
                    j += 1
                    bits = draw(own, j)
                    if trials == TRIALS:
                        e = _exact(indptr, indices, cumulative, lo, hi, previous, a, bits)
                        break
                    if weighted:
                        # The share is below 1, but its product with the sum may round up to the sum itself.
                        limit = (bits >> _S32) * _UNIT32 * cumulative[hi - 1]
                        e = min(_find_above(cumulative, lo, hi, limit), hi - 1)
                    else:
                        e = lo + np.int64(((bits >> _S32) * np.uint64(hi - lo)) >> _S32)
                    if previous < 0 or (bits & _LOW) < thresholds[_case(indptr, indices, previous, indices[e])]:
                        break
                    trials += 1
            previous, current = current, np.int64(indices[e])
            out[i, t] = current
