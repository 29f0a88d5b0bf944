"""A graph out of whatever describes one."""

from pathlib import Path
from typing import Any

import networkx as nx
from scipy import sparse

from .graph import Graph
from .readers import read_graph

__all__ = ["as_graph"]


def as_graph(X: Any) -> Graph:
    """A Graph of whatever describes one: itself, a networkx graph, a SciPy sparse matrix, a path, or pairs of ids."""
    if isinstance(X, Graph):
        return X
    if isinstance(X, nx.Graph):
        return Graph.from_networkx(X)
    if sparse.issparse(X):
        return Graph.from_scipy(X)
    if isinstance(X, str | Path):
        return read_graph(X)
    return Graph.from_edges(X)
