"""Random spanning forests: the edges that keep a graph's parts together."""

import numpy as np

from .graph import Graph

__all__ = ["spanning_forest"]


def spanning_forest(graph: Graph, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The edges of a random spanning forest, and all others: rows, (f, 2) and (m - f, 2) int32.

    Edges are drawn one after another; one that would close a circle is none of the forest. Both stand in the order in
    which they were drawn, so that the first of the others are from where the graph is dense.
    """
    edges = np.random.default_rng(seed).permutation(graph.edges()[0])
    parent = np.arange(graph.n_nodes)

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = int(parent[node])
        return node

    inside = np.zeros(len(edges), bool)
    for i, (u, v) in enumerate(edges.tolist()):
        a, b = root(u), root(v)
        if a != b:
            parent[a], inside[i] = b, True
    return edges[inside], edges[~inside]
