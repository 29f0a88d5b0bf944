"""Training contexts out of walks: a window of positives, and negatives drawn from (visits)^0.75.

Context t of a walk w has the centre ``w[t]`` and the positives ``w[t + 1] ... w[t + window - 1]``; a walk of 80 nodes
and a window of 8 give 73 contexts. A walk that ends before the window is full (2 ... window - 1 nodes) gives one
context: its first node and all that follow. A walk of one node gives none.

Negatives are drawn as they come: one that equals the centre, a positive or another negative is kept, so that every
context has the same number of samples (variants of word2vec differ in this). Negative j (from 0) of context t of walk i
is ``draw(fold(seed, STREAM_NEGATIVES), i << 32 | t << 16 | j)`` of :mod:`skipwalk.sw.rng`: it depends on nothing else.

With ``interleave=k`` the walks i with equal i // k are in flight together: context 0 of each of them in the order of i,
then context 1 of each, and so on; a walk without contexts left is passed over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from ..hw.protocol import THRESHOLD_BITS
from .graph import Graph
from .rng import STREAM_NEGATIVES, draw, seed_key

__all__ = [
    "AliasTable",
    "ContextBatch",
    "contexts",
    "expected_visits",
    "make_contexts",
    "negative_key",
    "negative_sampler",
    "visits",
]

_S32 = np.uint64(32)
_S16 = np.uint64(16)
_LOW = np.uint64(0xFFFFFFFF)
_SPARE = np.uint64(32 - THRESHOLD_BITS)
_FULL = 1 << THRESHOLD_BITS
#: Walks, contexts of a walk and negatives of a context that have draws of their own.
_MAX_WALKS, _MAX_CONTEXTS, _MAX_NEGATIVES = 1 << 32, 1 << 16, 1 << 16


@dataclass(frozen=True)
class ContextBatch:
    """Contexts in training order.

    Attributes
    ----------
    centres : (n,) int32
    indptr : (n + 1,) int64
        Context c has the samples ``indptr[c] : indptr[c + 1]``.
    samples : (total,) int32
        Positives first, in the order of the walk, then all negatives: the sooner the row of a coming centre is
        updated, the sooner that context can begin.
    labels : (total,) uint8
        1 for a positive, 0 for a negative.
    """

    centres: np.ndarray
    indptr: np.ndarray
    samples: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.centres)


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


def visits(walk_blocks: Iterable[np.ndarray], n_nodes: int) -> np.ndarray:
    """(n_nodes,) int64: how often each row occurs in the walks (-1 left out)."""
    counts = np.zeros(n_nodes, np.int64)
    for block in walk_blocks:
        counts += np.bincount(block[block >= 0], minlength=n_nodes)
    return counts


def expected_visits(graph: Graph) -> np.ndarray:
    """(n_nodes,) float64 proportional to the visits of long first-order walks: a node's sum of weights.

    Stands in for :func:`visits` where no walks have been counted. It is exact for p = q = 1 on a connected graph.
    """
    return graph.strength


def negative_sampler(visits: np.ndarray, power: float = 0.75) -> AliasTable:
    """The sampler over visits**power; nodes never visited are never drawn. Raises ValueError as AliasTable."""
    return AliasTable(np.asarray(visits, np.float64) ** power)


def negative_key(seed: int) -> np.uint64:
    """The key from which all negatives are drawn. Raises as :func:`skipwalk.sw.rng.seed_key`."""
    return seed_key(seed, STREAM_NEGATIVES)


def contexts(
    walk_block: np.ndarray,
    *,
    window: int = 8,
    negatives: int = 24,
    mode: Literal["shared", "per_positive"] = "shared",
    sampler: AliasTable | None,
    seed: int,
    first_walk: int,
    interleave: int = 1,
) -> ContextBatch:
    """All contexts of a block of walks.

    Parameters
    ----------
    walk_block : (n, length) int32
        As :func:`skipwalk.sw.walks.walks` yields it.
    window : int
        Nodes in a window, the centre included.
    negatives : int
        For the whole context (mode ``shared``) or for each positive (``per_positive``: 10 make 77 samples).
    sampler : AliasTable or None
        None only without negatives.
    seed : int
        0 ... 2**64 - 1.
    first_walk : int
        Number of the block's first walk; a multiple of ``interleave``.
    interleave : int
        Walks in flight. Blocks have to be multiples of it, but for the last.

    Raises
    ------
    ValueError
        A parameter is out of range; the message shows it.
    """
    for name, value, least in (
        ("window", window, 2),
        ("negatives", negatives, 0),
        ("interleave", interleave, 1),
        ("first_walk", first_walk, 0),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
    if mode not in ("shared", "per_positive"):
        raise ValueError(f"mode must be 'shared' or 'per_positive', not {mode!r}")
    if first_walk % interleave:
        raise ValueError(f"first_walk {first_walk} is not a multiple of interleave {interleave}; align the blocks")
    if walk_block.ndim != 2:
        raise ValueError(f"walk_block must be (n, length), not of shape {walk_block.shape}")
    drawn = negatives * (window - 1) if mode == "per_positive" else negatives
    for name, number, most in (
        ("walks", first_walk + len(walk_block), _MAX_WALKS),
        ("contexts of a walk", walk_block.shape[1], _MAX_CONTEXTS),
        ("negatives of a context", drawn, _MAX_NEGATIVES),
    ):
        if number > most:
            raise ValueError(f"{number} {name}: at most {most} have negatives of their own")
    if sampler is None:
        if negatives:
            raise ValueError(f"{negatives} negatives need a sampler; see negative_sampler")
        threshold, alias = np.empty(0, np.uint32), np.empty(0, np.int32)
    else:
        threshold, alias = sampler.threshold, sampler.alias
    key = negative_key(seed)
    args = np.ascontiguousarray(walk_block, np.int32), window, negatives, mode == "per_positive"
    return ContextBatch(*make_contexts(*args, threshold, alias, key, first_walk, interleave))


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def make_contexts(walk_block, window, negatives, per_positive, threshold, alias, key, first_walk, interleave):
    """:func:`contexts` without its checks: the arrays of a ContextBatch. Groups begin at the block's first walk,
    whatever its number."""
    n, length = walk_block.shape
    count, positives = np.zeros(n, np.int64), np.zeros(n, np.int64)
    n_contexts, total = 0, 0
    for i in range(n):
        nodes = 0
        while nodes < length and walk_block[i, nodes] >= 0:
            nodes += 1
        if nodes > 1:
            positives[i] = min(window, nodes) - 1
            count[i] = nodes - positives[i]
            n_contexts += count[i]
            total += count[i] * (positives[i] * (1 + negatives) if per_positive else positives[i] + negatives)
    centres = np.empty(n_contexts, np.int32)
    indptr = np.zeros(n_contexts + 1, np.int64)
    samples = np.empty(total, np.int32)
    labels = np.zeros(total, np.uint8)
    columns = np.uint64(len(alias))
    c, s = 0, 0
    for group in range(0, n, interleave):
        end = min(group + interleave, n)
        for t in range(count[group:end].max()):
            for i in range(group, end):
                if t >= count[i]:
                    continue
                own = np.uint64(first_walk + i) << _S32 | np.uint64(t) << _S16
                centres[c] = walk_block[i, t]
                for k in range(positives[i]):
                    samples[s] = walk_block[i, t + 1 + k]
                    labels[s] = 1
                    s += 1
                for j in range(negatives * positives[i] if per_positive else negatives):
                    bits = draw(key, own | np.uint64(j))
                    column = np.int64(((bits >> _S32) * columns) >> _S32)
                    samples[s] = column if (bits & _LOW) >> _SPARE < threshold[column] else alias[column]
                    s += 1
                c += 1
                indptr[c] = s
    return centres, indptr, samples, labels
