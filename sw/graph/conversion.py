"""A graph out of whatever describes one."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .graph import Graph
from .readers import read_graph

__all__ = ["as_graph", "is_networkx", "listed"]


def is_networkx(X: Any) -> bool:
    """Whether it is a graph of networkx, which is not imported for that."""
    networkx = sys.modules.get("networkx")
    return networkx is not None and isinstance(X, networkx.Graph)


def as_graph(X: Any) -> Graph:
    """A Graph of whatever describes one: itself, a networkx graph, a SciPy sparse matrix, a path, or pairs of ids.

    Raises InputError for anything else.
    """
    if isinstance(X, Graph):
        return X
    if is_networkx(X):
        return Graph.from_networkx(X)
    # Whoever has such a matrix has imported SciPy; the same with networkx.
    if "scipy.sparse" in sys.modules and sys.modules["scipy.sparse"].issparse(X):
        return Graph.from_scipy(X)
    if isinstance(X, str | Path):
        return read_graph(X)
    return Graph.from_edges(listed(X, "a graph", "pairs of node ids, a graph of networkx or a path"))


def listed(X: Any, what: str, wanted: str) -> Any:
    """An array as it is, of anything else a list. Raises InputError for what has no items, and for a text, whose
    letters are hardly meant."""
    if isinstance(X, np.ndarray) and X.ndim:
        return X
    if isinstance(X, str | bytes | np.ndarray) or not isinstance(X, Iterable):
        raise InputError(f"{what} cannot be {X!r}; give {wanted}")
    return list(X)
