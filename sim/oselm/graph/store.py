"""The graph store: neighbour lists in one memory, changed edge by edge; to the bit what ``hw.oselm.graph.store`` does.

The neighbours of a row lie together in ascending order, in a *room* of 4, 8, 16, ... entries (class 1, 2, 3, ...;
class 0: none). A list that outgrows its room is copied to one of the next class; the old room goes onto the free list
of its class, which is used last in, first out, before any entry beyond ``top`` is. Where edges have weights, an entry
also holds the sum of the row's weights up to and including its own. A change costs what the degrees of its two rows
cost.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np

from ....hw.oselm.config import CoreConfig
from . import edits
from .edits import LIMIT, OPEN, ROWS, TOP, Arrays

__all__ = ["GraphStore", "Outcome"]


class Outcome(IntEnum):
    """What became of a change."""

    DONE = edits.DONE
    REFUSED = edits.REFUSED  # no room for a list, or a sum of weights too large
    REJECTED = edits.REJECTED  # unsound: a row out of range, no such edge, a store that has not been cleared, ...


class GraphStore:
    """An undirected graph that changes in place.

    As after a reset of the device it takes nothing but :meth:`clear`.

    Parameters
    ----------
    nodes, edge_ends, weight_bits : int
        As in :class:`~skipwalk.hw.oselm.config.CoreConfig`, without its limits on rows.

    Attributes
    ----------
    arrays : Arrays
    """

    def __init__(self, nodes: int, edge_ends: int, weight_bits: int = 0):
        if nodes < 1:
            raise ValueError(f"nodes must be at least 1, not {nodes}")
        if not 4 <= edge_ends <= CoreConfig.MAX_EDGE_ENDS or edge_ends % 4:
            raise ValueError(f"edge_ends must be a multiple of 4 from 4 to {CoreConfig.MAX_EDGE_ENDS}, not {edge_ends}")
        if weight_bits and not CoreConfig.WEIGHT_BITS < weight_bits <= 24:
            raise ValueError(f"weight_bits must be {CoreConfig.WEIGHT_BITS + 1} to 24, or 0, not {weight_bits}")
        self.nodes, self.edge_ends, self.weight_bits = nodes, edge_ends, weight_bits
        headers = np.zeros((nodes, 2), np.int32)  # who asks for the one of a row asks for the other
        self.arrays = Arrays(
            np.zeros(edge_ends, np.int32),
            np.zeros(edge_ends if weight_bits else 0, np.int32),
            headers[:, 0],
            headers[:, 1],
            np.zeros(nodes, np.uint8),
            np.zeros(nodes, np.bool_),
            np.full(edits.CLASSES, -1, np.int32),
            np.array([0, 0, 0, 1 << weight_bits], np.int64),
        )

    @classmethod
    def of(cls, cfg: CoreConfig) -> "GraphStore":
        """The store of a core."""
        return cls(cfg.nodes, cfg.edge_ends, cfg.weight_bits)

    @classmethod
    def from_csr(
        cls,
        indptr: np.ndarray,
        indices: np.ndarray,
        weights: np.ndarray | None = None,
        *,
        nodes: int,
        edge_ends: int,
        weight_bits: int = 0,
    ) -> "GraphStore":
        """A store into which the edges u < v of a symmetric graph came row by row, v ascending.

        ``indptr`` (n + 1,), ``indices`` ascending in a row; ``weights`` integers beside ``indices``. Rows without an
        edge stay unknown. Raises ValueError for an edge that does not fit or is unsound.
        """
        store = cls(nodes, edge_ends, weight_bits)
        store.clear()
        rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        upper = rows < indices
        u, v = rows[upper], np.asarray(indices)[upper]
        outcomes = store.add_edges(u, v, None if weights is None else np.asarray(weights)[upper])
        bad = np.flatnonzero(outcomes)
        if len(bad):
            at = bad[0]
            raise ValueError(
                f"edge {u[at]} {v[at]}: {Outcome(outcomes[at]).name.lower()} by a store of {edge_ends} ends"
            )
        return store

    # ---- what there is
    @property
    def rows(self) -> int:
        """1 + the highest row that has been known since CLEAR."""
        return int(self.arrays.numbers[ROWS])

    @property
    def open(self) -> bool:
        """Whether CLEAR has been done."""
        return bool(self.arrays.numbers[OPEN])

    @property
    def top(self) -> int:
        """Entries of the list memory that have ever been in use since CLEAR."""
        return int(self.arrays.numbers[TOP])

    def known(self, row: int) -> bool:
        return bool(self.arrays.known[row])

    def degree(self, row: int) -> int:
        return int(self.arrays.degree[row])

    def neighbours(self, row: int) -> np.ndarray:
        """Ascending, int32."""
        begin = 4 * int(self.arrays.place[row])
        return self.arrays.neighbours[begin : begin + self.degree(row)].copy()

    def weights(self, row: int) -> np.ndarray:
        """Of the edges to :meth:`neighbours`; all 1 where edges have no weights."""
        degree, begin = self.degree(row), 4 * int(self.arrays.place[row])
        if not self.weight_bits:
            return np.ones(degree, np.int32)
        return np.diff(self.arrays.sums[begin : begin + degree], prepend=np.int32(0))

    def total(self, row: int) -> int:
        """Sum of :meth:`weights`."""
        degree = self.degree(row)
        return (
            int(self.arrays.sums[4 * int(self.arrays.place[row]) + degree - 1])
            if degree and self.weight_bits
            else degree
        )

    def edges(self) -> Iterator[tuple[int, int, int]]:
        """(u, v, weight) of all edges, u < v, ascending."""
        for u in range(self.rows):
            for v, weight in zip(self.neighbours(u), self.weights(u), strict=True):
                if u < v:
                    yield u, int(v), int(weight)

    # ---- changes
    def clear(self) -> Outcome:
        """Forget all nodes and edges."""
        a = self.arrays
        for header in (a.place, a.degree, a.room, a.known):
            header[:] = 0
        a.free[:] = -1
        a.numbers[[TOP, ROWS, OPEN]] = 0, 0, 1
        return Outcome.DONE

    def make_known(self, row: int, count: int = 1) -> Outcome:
        """Rows ``row`` ... ``row + count - 1`` are nodes from now on; none is if one of them is out of range."""
        if not self.open or not 0 <= row < self.nodes or count < 0 or row + count > self.nodes:
            return Outcome.REJECTED
        if count:
            self.arrays.known[row : row + count] = True
            self.arrays.numbers[ROWS] = max(self.rows, row + count)
        return Outcome.DONE

    def add_edge(self, u: int, v: int, weight: int = 1) -> Outcome:
        """The edge u v has this weight from now on; without weights it is just there."""
        return Outcome(self.add_edges(np.array([u]), np.array([v]), np.array([weight]))[0])

    def add_edges(self, u: np.ndarray, v: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """:meth:`add_edge` one after another; returns the outcomes, uint8."""
        u, v = np.ascontiguousarray(u, np.int64), np.ascontiguousarray(v, np.int64)
        w = np.ones_like(u) if weights is None else np.ascontiguousarray(weights, np.int64)
        outcomes = np.empty(len(u), np.uint8)
        edits.add_edges(self.arrays, self.arrays.sums_or_none, u, v, w, outcomes)
        return outcomes

    def fits(self, u: int, v: int, weight: int = 1) -> Outcome:
        """What :meth:`add_edge` would return; changes nothing."""
        return Outcome(edits.judge(self.arrays, self.arrays.sums_or_none, u, v, weight))

    def remove_edge(self, u: int, v: int) -> Outcome:
        return Outcome(edits.remove_edge(self.arrays, self.arrays.sums_or_none, u, v))

    def free_node(self, row: int) -> Outcome:
        """Take a node's edges away, the last neighbour first, and forget it; :attr:`rows` stays."""
        return Outcome(edits.free_node(self.arrays, self.arrays.sums_or_none, row))

    # ---- copies
    def copy(self) -> "GraphStore":
        return self.resized()

    def resized(self, *, nodes: int | None = None, edge_ends: int | None = None) -> "GraphStore":
        """A copy with room for more; it goes on as if it had always had that. Raises ValueError for less."""
        nodes, edge_ends = nodes or self.nodes, edge_ends or self.edge_ends
        if nodes < self.nodes or edge_ends < self.edge_ends:
            raise ValueError(
                f"a store of {self.nodes} nodes and {self.edge_ends} ends cannot shrink to {nodes} and {edge_ends}"
            )
        new = GraphStore(nodes, edge_ends, self.weight_bits)
        for to, what in zip(new.arrays, self.arrays, strict=True):
            used = self.top if what is self.arrays.neighbours or what is self.arrays.sums else len(what)
            to[:used] = what[:used]
        return new

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Copies of all that :meth:`from_arrays` needs, by name; of the lists only what has ever been in use."""
        rows = {"neighbours": self.top, "sums": self.top}
        return {name: array[: rows.get(name)].copy() for name, array in self.arrays._asdict().items()}

    @classmethod
    def from_arrays(
        cls, data: dict[str, np.ndarray], *, nodes: int, edge_ends: int, weight_bits: int = 0
    ) -> "GraphStore":
        """Inverse of :meth:`to_arrays`, for arrays that are known to be sound."""
        store = cls(nodes, edge_ends, weight_bits)
        for name, to in store.arrays._asdict().items():
            to[: len(data[name])] = data[name]
        store.arrays.numbers[LIMIT] = 1 << weight_bits
        return store
