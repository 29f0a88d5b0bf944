"""What one more edge costs, on graphs of several sizes, and where the CPU's time goes in a whole ``fit``."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.readers import read_graph
from ...graph.walks import walks
from ...oselm.estimator import Node2Vec

__all__ = ["EDGES", "edge_runner", "fit_seconds", "power_law"]

#: Edges of a repeat.
EDGES = 20
#: Edges a node, and walks from each end of a new one.
_PER_NODE, _PER_END = 4, 5


def power_law(nodes: int, seed: int = 0) -> Graph:
    """A graph of so many nodes whose degrees follow a power law (exponent 3): the ends of an edge are drawn in
    proportion to 1 / sqrt(rank). Every node is also tied to another, so that none is alone."""
    rng = np.random.default_rng(seed)
    shares = np.cumsum((np.arange(nodes) + 10.0) ** -0.5)
    drawn = shares.searchsorted(rng.random((_PER_NODE * nodes, 2)) * shares[-1])
    ties = np.stack([np.arange(nodes), rng.permutation(nodes)], axis=1)
    names = rng.permutation(nodes)
    return Graph.from_rows(names[np.concatenate([ties, drawn])], None, range(nodes))


def edge_runner(graph: Graph) -> Callable[[], None]:
    """A function that inserts :data:`EDGES` new edges between random nodes, one call of ``partial_fit`` each.

    The model has learned next to nothing before, which changes no cost.
    """
    model = Node2Vec(walks_per_node=1, walk_length=2, window=2, negatives=1).fit(graph)
    usual = Node2Vec()
    model.set_params(walk_length=usual.walk_length, window=usual.window, negatives=usual.negatives)
    rng, ids = np.random.default_rng(1), graph.ids
    live = model.model_.live

    def insert() -> None:
        left = EDGES
        while left:
            u, v = (ids[row] for row in rng.integers(0, len(ids), 2))
            if u != v and not live.has_edge(live.rows[u], live.rows[v]):
                model.partial_fit([(u, v)], walks_per_end=_PER_END)
                left -= 1

    return insert


def fit_seconds(graph: Graph) -> dict[str, Any]:
    """CPU seconds of reading a graph's edge list, of all walks of a ``fit``, and of the rest of it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.edges"
        pairs, _ = graph.edges()
        file.write_text("".join(f"{u} {v}\n" for u, v in pairs.tolist()))
        reading, read = _cpu(lambda: read_graph(file))
    usual = Node2Vec()
    how: dict[str, Any] = {
        "length": usual.walk_length,
        "per_node": usual.walks_per_node,
        "p": usual.p,
        "q": usual.q,
        "seed": 0,
    }
    next(walks(read, **how))
    walking, _ = _cpu(lambda: sum(len(block) for block in walks(read, **how)))
    Node2Vec(walks_per_node=1).fit(Graph.from_edges([(0, 1)]))
    whole, model = _cpu(lambda: Node2Vec().fit(read))
    return {"reading": reading, "walks": walking, "training": whole - walking, "count": model.model_.walks}


def _cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of this process's CPUs, and the result."""
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result
