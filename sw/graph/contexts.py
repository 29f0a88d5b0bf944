"""Training contexts out of walks: a window of positives, and negatives from a graph store or from (visits)^0.75.

Context t of a walk w has the centre ``w[t]`` and the positives ``w[t + 1] ... w[t + window - 1]``; a walk of 80 nodes
and a window of 8 give 73 contexts. A walk that ends before the window is full (2 ... window - 1 nodes) gives one
context: its first node and all that follow. A walk of one node gives none.

Negatives are drawn as they come: one that equals the centre, a positive or another negative is kept, so that every
context has the same number of samples (variants of word2vec differ in this). Negative j (from 0) of context t of walk i
is ``draw(fold(seed, STREAM_NEGATIVES), i << 32 | t << 16 | j)`` of
:mod:`skipwalk.sim.oselm.front_end.threefry`: it depends on nothing else.

They may come through a *pool* of M slots instead: the same draw then chooses slot ``(draw >> 32) * M >> 32`` of it.
Walk i replaces the r slots ``(i r + k) % M``, k = 0 ... r - 1, by what table or graph give for the draw of the counter
``i << 32 | 0xffff << 16 | k``. So slot s was drawn by the last walk up to i that replaces it; walks are numbered modulo
2**32, and walk 0 finds what walks before it would have drawn. Walks that are in flight together share the pool as the
last of them leaves it. It is drawn from the graph as that is at the moment: what the pool holds is a function of seed,
i, M, r and the graph, and of nothing that happened before.

With ``interleave=k`` the walks i with equal i // k are in flight together: context 0 of each of them in the order of i,
then context 1 of each, and so on; a walk without contexts left is passed over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...sim.oselm.front_end.contexts import AliasTable, graph_contexts, make_contexts
from ...sim.oselm.front_end.threefry import STREAM_NEGATIVES, seed_key
from ...sim.oselm.graph.store import GraphStore
from .graph import Graph

__all__ = [
    "ContextBatch",
    "contexts",
    "expected_visits",
    "negative_key",
    "negative_sampler",
    "visits",
]

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
    """The key from which all negatives are drawn. Raises as :func:`skipwalk.sim.oselm.front_end.threefry.seed_key`."""
    return seed_key(seed, STREAM_NEGATIVES)


def contexts(
    walk_block: np.ndarray,
    *,
    window: int = 8,
    negatives: int = 24,
    mode: Literal["shared", "per_positive"] = "shared",
    sampler: AliasTable | GraphStore | None,
    seed: int,
    first_walk: int,
    interleave: int = 1,
    pool: int = 0,
    replaced: int = 8,
) -> ContextBatch:
    """All contexts of a block of walks.

    Parameters
    ----------
    walk_block : (n, length) int32
        As :func:`skipwalk.sw.graph.walks.walks` yields it.
    window : int
        Nodes in a window, the centre included.
    negatives : int
        For the whole context (mode ``shared``) or for each positive (``per_positive``: 10 make 77 samples).
    sampler : AliasTable, GraphStore or None
        Where negatives come from; None only without negatives.
    seed : int
        0 ... 2**64 - 1.
    first_walk : int
        Number of the block's first walk; a multiple of ``interleave``.
    interleave : int
        Walks in flight. Blocks have to be multiples of it, but for the last.
    pool, replaced : int
        M and r, powers of two, r at most M; with M = 0 each negative is drawn anew.

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
    if pool < 0 or pool & (pool - 1):
        raise ValueError(f"pool must be a power of two, or 0 for none, not {pool}")
    if pool and (replaced & (replaced - 1) or not 1 <= replaced <= pool):
        raise ValueError(f"replaced must be a power of two from 1 to pool ({pool}), not {replaced}")
    drawn = negatives * (window - 1) if mode == "per_positive" else negatives
    for name, number, most in (
        ("walks", first_walk + len(walk_block), _MAX_WALKS),
        ("contexts of a walk", walk_block.shape[1], _MAX_CONTEXTS - bool(pool)),
        ("negatives of a context", drawn, _MAX_NEGATIVES),
    ):
        if number > most:
            raise ValueError(f"{number} {name}: at most {most} have negatives of their own")
    if sampler is None and negatives:
        raise ValueError(f"{negatives} negatives need a sampler; see negative_sampler")
    key = negative_key(seed)
    args = np.ascontiguousarray(walk_block, np.int32), window, negatives, mode == "per_positive"
    where = key, first_walk, interleave, pool, replaced
    if isinstance(sampler, GraphStore):
        return ContextBatch(*graph_contexts(*args, sampler.arrays, *where))
    if sampler is None:
        threshold, alias = np.empty(0, np.uint32), np.empty(0, np.int32)
    else:
        threshold, alias = sampler.threshold, sampler.alias
    return ContextBatch(*make_contexts(*args, threshold, alias, *where))
