"""A graph out of whatever describes one."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .graph import Graph, refuse_masked
from .readers import read_graph

__all__ = ["as_graph", "is_graph", "listed"]


def _is_networkx(X: Any) -> bool:
    """Whether it is a graph of networkx, which is not imported for that."""
    networkx = sys.modules.get("networkx")
    return networkx is not None and isinstance(X, networkx.Graph)


def _is_sparse(X: Any) -> bool:
    """Whether it is a sparse matrix: who has one has imported SciPy."""
    return "scipy.sparse" in sys.modules and sys.modules["scipy.sparse"].issparse(X)


def is_graph(X: Any) -> bool:
    """Whether it is a whole graph, nodes without edges included: a Graph, one of networkx, or a sparse matrix."""
    return isinstance(X, Graph) or _is_networkx(X) or _is_sparse(X)


def as_graph(X: Any) -> Graph:
    """A Graph of whatever describes one: itself, a networkx graph, a SciPy sparse matrix, a path, or pairs of ids.

    Raises InputError for anything else.
    """
    if isinstance(X, Graph):
        return X
    if _is_networkx(X):
        return Graph.from_networkx(X)
    if _is_sparse(X):
        return Graph.from_scipy(X)
    if isinstance(X, str | Path):
        return read_graph(X)
    return Graph.from_edges(listed(X, "a graph", "pairs of node ids, a graph of networkx or a path"))


def listed(X: Any, what: str, wanted: str) -> Any:
    """An array as it is, of anything else a list; of a table (pandas, polars) its values, of which its columns are no
    part.

    Raises InputError for what has no items, and for what has others than are meant: a text its letters, a dictionary of
    edges without their weights, a graph where edges belong its nodes; and for masked items.
    """
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        X = X.to_numpy()
    of_nodes = what == "nodes"
    if isinstance(X, np.ndarray) and X.ndim:
        refuse_masked(X, what, wanted)
        if of_nodes and X.ndim > 1:
            raise InputError(f"nodes cannot be an array of {X.shape}; give {wanted}, (n,)")
        return X
    if not of_nodes and isinstance(X, Mapping):
        raise InputError(f"{what} cannot be a dictionary, whose values would be lost; give {wanted}")
    if not isinstance(X, Iterable) or isinstance(X, str | bytes | np.ndarray) or (is_graph(X) and not of_nodes):
        raise InputError(f"{what} cannot be {X!r}; give {wanted}")
    return list(X)
