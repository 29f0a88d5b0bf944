"""A graph that changes in place: node ids, their rows, and a mirror of the store that a device keeps.

A change costs what the degrees of its nodes cost, whatever the size of the graph. Since the mirror is the golden model
of the store, what will not fit the device is known before anything is sent.
"""

from collections.abc import Hashable, Iterable

import numpy as np

from ...hw.oselm.config import CoreConfig
from ...sim.oselm.graph.store import GraphStore
from ..errors import InputError, UnknownNodeError
from .graph import Graph
from .weights import choose_unit, raw_weights

__all__ = ["LiveGraph"]


class LiveGraph:
    """Nodes by id, and the store that holds their edges.

    Attributes
    ----------
    ids : list
        The node of each row; None where the row is vacant.
    rows : dict
        The row of each node.
    vacant : list of int
        Rows whose nodes were removed; the last one is taken first.
    store : GraphStore
        Every row below ``len(ids)`` but the vacant ones is known to it.
    unit : float or None
        Weight of an edge whose raw weight is 1; None where the store has no weights.
    n_edges : int
    """

    def __init__(self, ids: list[Hashable], store: GraphStore, unit: float | None, vacant: Iterable[int] = ()):
        self.ids, self.store, self.unit = ids, store, unit
        self.vacant = list(vacant)
        empty = set(self.vacant)
        self.rows = {node: row for row, node in enumerate(ids) if row not in empty}
        self.n_edges = int(store.arrays.degree.sum()) // 2

    @classmethod
    def of(cls, graph: Graph, *, nodes: int, weight_bits: int) -> "LiveGraph":
        """A graph, in a store of ``nodes`` rows with more than enough room for its lists. Raises InputError as
        :func:`~skipwalk.sw.graph.weights.choose_unit`, and if a graph with weights needs a store that has them."""
        unit, weights = None, None
        if weight_bits:
            heaviest = float(graph.strength.max(initial=0))
            unit = choose_unit(graph.weights, heaviest, weight_bits=weight_bits, nodes=nodes)
            weights = np.ones(len(graph.indices)) if graph.weights is None else graph.weights
            weights = raw_weights(weights, unit)
        elif graph.weights is not None:
            raise InputError("the edges have weights, and the store has none; use weight_bits=24")
        store = _filled(graph.indptr, graph.indices, weights, nodes, weight_bits)
        return cls(list(graph.ids), store, unit)

    @classmethod
    def from_csr(
        cls,
        indptr: np.ndarray,
        indices: np.ndarray,
        weights: np.ndarray | None,
        nodes: Iterable[Hashable],
        vacant: Iterable[int],
        n_rows: int,
        weight_bits: int,
        unit: float | None,
    ) -> "LiveGraph":
        """What :meth:`csr` gave, with the nodes of the occupied rows, in a store of ``n_rows`` rows."""
        vacant, given = list(vacant), iter(nodes)
        empty = set(vacant)
        ids = [None if row in empty else next(given) for row in range(len(indptr) - 1)]
        store = _filled(indptr, indices, weights, n_rows, weight_bits)
        for row in vacant:
            store.free_node(row)
        return cls(ids, store, unit, vacant)

    # ---- questions
    @property
    def n_nodes(self) -> int:
        return len(self.rows)

    @property
    def n_starts(self) -> int:
        """Nodes that have an edge, from which walks can start."""
        return int(np.count_nonzero(self.store.arrays.degree))

    def index(self, node: Hashable) -> int:
        """The row of a node. Raises UnknownNodeError that names it."""
        try:
            return self.rows[node]
        except (KeyError, TypeError):
            raise UnknownNodeError(f"no node {node!r} in this graph of {self.n_nodes} nodes") from None

    def occupied(self) -> np.ndarray:
        """Rows that have a node, ascending, int64."""
        taken = np.ones(len(self.ids), bool)
        taken[self.vacant] = False
        return np.flatnonzero(taken)

    def has_edge(self, u: int, v: int) -> bool:
        """Whether two rows are neighbours; looked up in the shorter list."""
        degree = self.store.degree
        if degree(v) < degree(u):
            u, v = v, u
        near = self.store.neighbours(u)
        at = int(near.searchsorted(v))
        return at < len(near) and int(near[at]) == v

    def raw(self, u: int, v: int) -> int:
        """The raw weight of an edge, or 0 if there is none."""
        degree = self.store.degree
        if degree(v) < degree(u):
            u, v = v, u
        near = self.store.neighbours(u)
        at = int(near.searchsorted(v))
        if at == len(near) or int(near[at]) != v:
            return 0
        return int(self.store.weights(u)[at])

    def csr(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """``indptr`` (rows + 1,) int64, ``indices`` int32, raw weights int32 or None; vacant rows are empty."""
        arrays, n = self.store.arrays, len(self.ids)
        degree = arrays.degree[:n].astype(np.int64)
        indptr = np.concatenate([[0], np.cumsum(degree)])
        at = np.arange(indptr[-1]) + np.repeat(4 * arrays.place[:n].astype(np.int64) - indptr[:-1], degree)
        indices = arrays.neighbours[at]
        if self.unit is None:
            return indptr, indices, None
        weights = arrays.sums[at].copy()
        weights[1:] -= arrays.sums[at[:-1]]
        first = indptr[:-1][degree > 0]
        weights[first] = arrays.sums[at[first]]
        return indptr, indices, weights

    def graph(self) -> Graph:
        """The graph as it is now; its rows are the occupied ones, in their order."""
        indptr, indices, raw = self.csr()
        taken = self.occupied()
        place = np.full(len(self.ids), -1, np.int32)
        place[taken] = np.arange(len(taken), dtype=np.int32)
        weights = None if raw is None else raw * self.unit
        ids = np.fromiter((self.ids[row] for row in taken.tolist()), object, len(taken))
        starts = np.concatenate([indptr[:-1][taken], indptr[-1:]])
        return Graph(ids, starts, place[indices], None if weights is None or (weights == 1).all() else weights)

    def same_as(self, graph: Graph) -> bool:
        """Whether these are the nodes, edges and weights of ``graph``, as far as the unit tells them apart."""
        mine, weights = self.graph(), graph.weights
        if self.unit is not None and weights is not None:
            weights = raw_weights(weights, self.unit) * self.unit
            weights = None if (weights == 1).all() else weights
        same = Graph(graph.ids, graph.indptr, graph.indices, weights)
        return mine.digest == same.digest and mine.ids.tolist() == graph.ids.tolist()

    # ---- nodes
    def take_row(self, node: Hashable) -> int:
        """A row for a new node: the one vacated last, else one more."""
        if self.vacant:
            row = self.vacant.pop()
            self.ids[row] = node
        else:
            row = len(self.ids)
            self.ids.append(node)
        self.rows[node] = row
        return row

    def vacate(self, row: int) -> None:
        """The row's node is gone."""
        del self.rows[self.ids[row]]
        self.ids[row] = None
        self.vacant.append(row)

    # ---- room
    def resized(self, *, nodes: int, edge_ends: int) -> "LiveGraph":
        """This graph in a store of another size, everything at its place; what is in use has to fit."""
        old = self.store
        if old.nodes != nodes or old.edge_ends != edge_ends:
            size = {"nodes": nodes, "edge_ends": edge_ends, "weight_bits": old.weight_bits}
            self.store = GraphStore.from_arrays(old.to_arrays(), **size)
        return self

    def rebuilt(self, *, nodes: int, weight_bits: int | None = None) -> "LiveGraph":
        """The same graph in another store with more than enough room for its lists, filled as a device is that is given
        it anew."""
        bits = self.store.weight_bits if weight_bits is None else weight_bits
        indptr, indices, weights = self.csr()
        unit = self.unit
        if bits and unit is None:
            unit = choose_unit(None, 0.0, weight_bits=bits, nodes=nodes)
            weights = np.full(len(indices), round(1 / unit))
        taken = [self.ids[row] for row in self.occupied().tolist()]
        return LiveGraph.from_csr(indptr, indices, weights, taken, self.vacant, nodes, bits, unit)


def room_for(degree: np.ndarray) -> int:
    """Entries that lists of these degrees, grown one by one, take at most."""
    sizes = 4 << np.maximum(np.ceil(np.log2(np.maximum(degree, 1) / 4)), 0).astype(np.int64)
    return int((2 * sizes[degree > 0]).sum())


def _filled(indptr, indices, weights, nodes: int, weight_bits: int) -> GraphStore:
    """A store into which all rows came, then all edges in ascending order."""
    edge_ends = min(max(1024, room_for(np.diff(indptr))), CoreConfig.MAX_EDGE_ENDS)
    size = {"nodes": nodes, "edge_ends": edge_ends, "weight_bits": weight_bits}
    store = GraphStore.from_csr(indptr, indices, weights, **size)
    store.make_known(0, len(indptr) - 1)
    return store
