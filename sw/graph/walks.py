"""Second-order random walks of node2vec (Grover and Leskovec, KDD 2016) over a graph, repeatable from a seed.

The walks that a core with a graph store makes, made here: :mod:`skipwalk.sim.oselm.graph.walks` and
:mod:`~skipwalk.sim.oselm.graph.starts` define them to the bit. There are rounds; each visits every node that has an
edge once, shuffled. Walk number i is a function of (graph, p, q, length, seed, i) alone.
"""

from collections.abc import Iterator

import numpy as np

from ...sim.oselm.front_end.threefry import STREAM_STARTS, STREAM_WALKS, seed_key
from ...sim.oselm.graph.starts import round_starts
from ...sim.oselm.graph.store import GraphStore
from ...sim.oselm.graph.walks import case_limits, make_walks
from .graph import Graph
from .live import LiveGraph

__all__ = ["n_walks", "store_of", "walks"]

#: Starts that are passed over at once.
_SKIP = 1 << 16


def n_walks(graph: Graph, per_node: int = 10) -> int:
    """How many walks :func:`walks` yields from ``first=0``."""
    return per_node * int(np.count_nonzero(graph.degree))


def store_of(graph: Graph) -> GraphStore:
    """A graph as a core keeps it; weights are rounded to 16 bits (:mod:`skipwalk.sw.graph.weights`)."""
    bits = 0 if graph.weights is None else 24
    return LiveGraph.of(graph, nodes=max(graph.n_nodes, 1), weight_bits=bits).store


def walks(
    graph: Graph,
    *,
    length: int = 80,
    per_node: int = 10,
    p: float = 0.5,
    q: float = 1.0,
    seed: int,
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
        Walks from each node that has an edge.
    p, q : float
        Return and in-out parameter; large p avoids going back, large q stays near.
    seed : int
        0 ... 2**64 - 1.
    first : int
        Number of the first walk: where a run that was interrupted goes on.
    block : int
        Walks in a block; changes no walk.

    Yields
    ------
    ndarray, (n, length) int32, n <= block
        Rows of the graph.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """
    limits = ("length", length, 1), ("per_node", per_node, 1), ("first", first, 0), ("block", block, 1)
    for name, value, least in limits:
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
    keys = seed_key(seed, STREAM_STARTS), seed_key(seed, STREAM_WALKS)
    # Validation happens here, at the call; the generator below starts only at the first block.
    return _blocks(graph, length, per_node, case_limits(p, q), keys, first, block)


def _blocks(graph, length, per_node, limits, keys, first, block) -> Iterator[np.ndarray]:
    end, graph = n_walks(graph, per_node), store_of(graph).arrays
    start_key, walk_key = map(int, keys)
    round_, place, at = 0, 0, 0
    while at < end:
        n = min(first - at, _SKIP) if at < first else min(block, end - at)
        starts = round_starts(graph, start_key, round_, place, n)
        round_, place = starts.round, starts.place
        if at >= first:
            yield make_walks(graph, starts.rows, length=length, limits=limits, key=walk_key, first=at)
        at += n
