"""Contexts out of walks to the bit: where negatives come from, and the order of contexts and samples.

:mod:`skipwalk.sw.graph.contexts` says in words what :func:`make_contexts` does, and checks what goes in.
"""

import numpy as np

from ....hw.oselm.front_end.sampling import POOL_CONTEXT
from ....hw.oselm.protocol import THRESHOLD_BITS
from ...jit import jit, part, prefetch
from ..graph.edits import ROWS, Arrays
from .threefry import drawn

__all__ = ["AliasTable", "graph_contexts", "make_contexts"]

_S32 = np.uint64(32)
_S16 = np.uint64(16)
_LOW = np.uint64(0xFFFFFFFF)
_SPARE = np.uint64(32 - THRESHOLD_BITS)
_ONE = np.uint64(1)
_NO_ENTRY = np.uint64(0xFFFFFFFFFFFFFFFF)
_FULL = 1 << THRESHOLD_BITS
_POOL_CONTEXT = np.uint64(POOL_CONTEXT)


class AliasTable:
    """Draws from a discrete distribution in constant time (Vose 1991), with integer thresholds.

    64 random bits b give column ``c = (b >> 32) * n >> 32`` and the node ``c`` if bits 31 ... 8 of b are below
    ``threshold[c]``, else ``alias[c]``. A weight of 0 is never drawn, nor need be one below 2**-24 of the mean.

    Attributes
    ----------
    threshold : (n,) uint32, 0 ... 2**24 - 1
        A column that belongs to its own node alone has that as its alias too.
    alias : (n,) int32

    Raises
    ------
    ValueError
        Weights are not (n,), negative, not finite, or all zero.
    """

    def __init__(self, weights: np.ndarray):
        w = np.asarray(weights, np.float64)
        if w.ndim != 1 or not 0 < len(w) < 1 << 31:
            raise ValueError(f"weights must be one-dimensional with 1 to 2**31 - 1 entries, not of shape {w.shape}")
        bad = np.flatnonzero(~(np.isfinite(w) & (w >= 0)))
        if len(bad):
            raise ValueError(f"weight {bad[0]} is {w[bad[0]]:g}; it must be finite and not negative")
        if not w.any():
            raise ValueError("all weights are 0, so there is nothing to draw; count visits first")
        # Divided by the largest first, so that the sum cannot overflow.
        w = w / w.max()
        self.threshold, self.alias = _vose(w * (len(w) / w.sum()))

    def __len__(self) -> int:
        return len(self.alias)


@jit()
def _vose(scaled):
    """Alias table of weights with mean 1."""
    n = len(scaled)
    rest = scaled.copy()
    threshold, alias = np.full(n, np.uint32(_FULL - 1)), np.arange(n).astype(np.int32)
    small, large = np.empty(n, np.int64), np.empty(n, np.int64)
    n_small, n_large = 0, 0
    for c in range(n):
        if rest[c] < 1.0:
            small[n_small] = c
            n_small += 1
        else:
            large[n_large] = c
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        s, g = small[n_small], large[n_large - 1]
        threshold[s], alias[s] = np.uint32(rest[s] * _FULL), g
        rest[g] -= 1.0 - rest[s]
        if rest[g] < 1.0:
            n_large -= 1
            small[n_small] = g
            n_small += 1
    # What is left over has rest 1 but for rounding, so it keeps its whole column; a weight of 0 cannot be among it.
    return threshold, alias


def make_contexts(
    walk_block, window, negatives, per_positive, threshold, alias, key, first_walk, interleave, pool=0, replaced=1
):
    """:func:`contexts` without its checks: the arrays of a ContextBatch. Groups begin at the block's first walk,
    whatever its number."""
    # An empty table is what nobody draws from.
    how = window, negatives if len(alias) else 0, per_positive, threshold, alias, None
    return _contexts(walk_block, *how, key, first_walk, interleave, pool, replaced)


def graph_contexts(
    walk_block, window, negatives, per_positive, graph: Arrays, key, first_walk, interleave, pool=0, replaced=1
):
    """:func:`make_contexts` with negatives from a graph store: half of them any row, half a neighbour of any row.

    64 random bits b give row ``r = (b >> 32) * rows >> 32``. If b is even or r has no edge it is r, else its neighbour
    number ``(b & 0xffffffff) * degree >> 32``; weights do not count. The store has at least one row.
    """
    how = window, negatives, per_positive, None, None, graph
    return _contexts(walk_block, *how, key, first_walk, interleave, pool, replaced)


def _contexts(
    walk_block, window, negatives, per_positive, threshold, alias, g, key, first_walk, interleave, pool, replaced
):
    """Memory for all that comes out, and :func:`_make`."""
    n, length = walk_block.shape
    # What follows a -1 is none either.
    nodes = length - np.logical_or.accumulate(walk_block < 0, axis=1).sum(1)
    positives = np.where(nodes > 1, np.minimum(window, nodes) - 1, 0)
    count = np.where(nodes > 1, nodes - positives, 0)
    more = negatives * positives if per_positive else np.full(n, negatives)
    n_contexts, total = int(count.sum()), int((count * (positives + more)).sum())
    made = np.empty(n_contexts, np.int32), np.zeros(n_contexts + 1, np.int64), np.empty(total, np.int32)
    labels = np.zeros(total, np.uint8)
    together = min(interleave, n)
    most = max(together * negatives * (window if per_positive else 1), replaced)
    runs, left = np.empty((3, max(1, together)), np.int64), np.zeros(2, np.int64)
    waiting = runs, np.empty((2, most), np.int64), np.empty((2, most), np.uint64), left
    pooled = (np.zeros(pool, np.int64), np.empty(replaced, np.int32)) if pool and negatives else (None, None)
    key, first_walk, interleave = np.uint64(key), int(first_walk), int(interleave)
    of_walks = walk_block, count, positives, more
    _make(*of_walks, threshold, alias, g, key, first_walk, interleave, *pooled, *waiting, *made, labels)
    return *made, labels


# ---- compiled; what is only done if an argument is not None is not compiled where that is None: g or alias, and slots
@part
def _from_table(threshold, alias, bits):
    column = np.int64(((bits >> _S32) * np.uint64(len(alias))) >> _S32)
    return np.int64(column) if (bits & _LOW) >> _SPARE < threshold[column] else np.int64(alias[column])


@part
def _fill_from_table(threshold, alias, key, n, runs, samples):
    """Negatives of ``n`` contexts; ``runs`` as for :func:`_fill`."""
    for c in range(n):
        own, begin = np.uint64(runs[0, c]), runs[1, c]
        for j in range(runs[2, c]):
            samples[begin + j] = _from_table(threshold, alias, drawn(key, own | np.uint64(j)))


@part
def _fill_from_graph(rows, place, degree, neighbours, key, n, runs, samples, entry, bits, left):
    """Negatives of ``n`` contexts, in steps, each of which asks memory for what the next one reads. The last step, of
    those that are neighbours, is left to the next call or to :func:`_settle`: ``left`` says in which row of
    ``entry`` and ``bits`` they are and how many."""
    half, odd = 1 - left[0], np.int64(0)
    for c in range(n):
        own, begin = np.uint64(runs[0, c]), runs[1, c]
        for j in range(runs[2, c]):
            random = drawn(key, own | np.uint64(j))
            row = np.int64(((random >> _S32) * np.uint64(rows)) >> _S32)
            samples[begin + j] = row
            # Without a branch that would be taken at random.
            entry[half, odd], bits[half, odd] = begin + j, random
            odd += np.int64(random & _ONE)
            prefetch(degree, row * np.int64(random & _ONE))
    _settle(neighbours, samples, entry, bits, left)
    for i in range(odd):
        row = samples[entry[half, i]]
        size = degree[row]
        at = 4 * np.int64(place[row]) + np.int64(((bits[half, i] & _LOW) * np.uint64(size)) >> _S32)
        bits[half, i] = np.uint64(at) if size else _NO_ENTRY
        prefetch(neighbours, at if size else 0)
    left[0], left[1] = half, odd


@part
def _settle(neighbours, samples, entry, bits, left):
    """The last step of :func:`_fill_from_graph`."""
    half = left[0]
    for i in range(left[1]):
        if bits[half, i] != _NO_ENTRY:
            samples[entry[half, i]] = neighbours[np.int64(bits[half, i])]
    left[1] = 0


@part
def _fill(threshold, alias, g, key, n, runs, samples, entry, bits, left):
    """Rows out of the table or the graph (once :func:`_settle` has been called), in ``n`` runs: column c of ``runs``
    (3, n), int64, has the counter of run c's first draw, its place in ``samples`` and its length."""
    if alias is not None:
        _fill_from_table(threshold, alias, key, n, runs, samples)
    if g is not None:
        rows = g.numbers[ROWS]
        _fill_from_graph(rows, g.place, g.degree, g.neighbours, key, n, runs, samples, entry, bits, left)


@part
def _replace(slots, drawn, threshold, alias, g, key, first, n, runs, entry, bits, left):
    """Draw what the walks ``first`` ... ``first + n - 1`` put into the pool, in their order."""
    replaced = len(drawn)
    for walk in range(first, first + n):
        # Element by element, and no plain 1: what Numba makes of a column or of a constant takes seconds to compile.
        runs[0, 0] = np.int64(np.uint64(walk) << _S32 | _POOL_CONTEXT << _S16)
        runs[1, 0], runs[2, 0] = 0, replaced
        _fill(threshold, alias, g, key, np.int64(1), runs, drawn, entry, bits, left)
        if g is not None:
            _settle(g.neighbours, drawn, entry, bits, left)
        for k in range(replaced):
            slots[(walk * replaced + k) & (len(slots) - 1)] = drawn[k]


@part
def _from_pool(slots, key, own, n, samples, begin):
    for j in range(n):
        samples[begin + j] = slots[((drawn(key, own | np.uint64(j)) >> _S32) * np.uint64(len(slots))) >> _S32]


@jit()
def _make(
    walk_block, count, positives, negatives, threshold, alias, g, key, first_walk, interleave, slots, replacing,
    runs, entry, bits, left, centres, indptr, samples, labels,
):  # fmt: skip
    """Of each walk ``count`` contexts, each with so many ``positives`` and ``negatives``."""
    n = len(walk_block)
    if slots is not None:
        before = len(slots) // len(replacing)
        _replace(slots, replacing, threshold, alias, g, key, first_walk - before, before, runs, entry, bits, left)
    c, s = 0, 0
    for group in range(0, n, interleave):
        end = min(group + interleave, n)
        if slots is not None:
            first = first_walk + group
            _replace(slots, replacing, threshold, alias, g, key, first, end - group, runs, entry, bits, left)
        # By hand, and no plain 0, for the same reason as in _replace.
        longest = count[group]
        for i in range(group + 1, end):
            longest = max(longest, count[i])
        for t in range(longest):
            waiting = np.int64(0)
            for i in range(group, end):
                if t >= count[i]:
                    continue
                own = np.uint64(first_walk + i) << _S32 | np.uint64(t) << _S16
                centres[c] = walk_block[i, t]
                for k in range(positives[i]):
                    samples[s] = walk_block[i, t + 1 + k]
                    labels[s] = 1
                    s += 1
                if slots is not None:
                    _from_pool(slots, key, own, negatives[i], samples, s)
                else:
                    runs[0, waiting], runs[1, waiting], runs[2, waiting] = np.int64(own), s, negatives[i]
                    waiting += 1
                s += negatives[i]
                c += 1
                indptr[c] = s
            if slots is None:
                _fill(threshold, alias, g, key, waiting, runs, samples, entry, bits, left)
    if g is not None:
        _settle(g.neighbours, samples, entry, bits, left)
