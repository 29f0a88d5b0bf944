"""An undirected graph as compressed sparse rows, with the caller's own node ids beside the row numbers."""

import hashlib
import logging
import reprlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, UnknownNodeError

__all__ = ["Addition", "Graph", "pair_of_ids", "refuse_masked", "with_lonely"]

log = logging.getLogger(__name__)


class Addition(NamedTuple):
    """What :meth:`Graph.add_edges` did; row numbers are those of ``graph``.

    Attributes
    ----------
    graph : Graph
        Old and new edges together; rows of the old graph keep their numbers.
    new_nodes : ndarray, (k,) int32
        Rows that the old graph did not have.
    new_edges : ndarray, (m, 2) int32
        Edges that the old graph did not have, each once, in the order given; first and second end as given.
    reweighted : ndarray, (j, 2) int32
        Edges that were there and now have another weight, smaller row first.
    """

    graph: "Graph"
    new_nodes: np.ndarray
    new_edges: np.ndarray
    reweighted: np.ndarray


class Graph:
    """An undirected graph. Immutable: its arrays are read-only.

    Every edge is stored in both of its rows. Self-loops are dropped, edges that are given more than once (either way
    round) are one edge with the weight given last, nodes without edges keep a row; ``docs/graphs.md`` says why.

    Attributes
    ----------
    ids : ndarray, (n_nodes,) object
        The caller's id of each row.
    indptr : ndarray, (n_nodes + 1,) int64
        Row r has the entries ``indptr[r] : indptr[r + 1]``.
    indices : ndarray, (2 n_edges,) int32
        Neighbours, ascending within a row.
    weights : ndarray, (2 n_edges,) float64, or None
        Beside ``indices``; None when every weight is 1.
    self_loops, duplicates : int
        How many of the given edges were dropped as self-loops, or merged into another.
    """

    __slots__ = ("_index", "duplicates", "ids", "indices", "indptr", "self_loops", "weights")

    def __init__(self, ids, indptr, indices, weights=None, *, self_loops: int = 0, duplicates: int = 0):
        """Takes arrays that already satisfy the above; use a ``from_*`` constructor for anything else."""
        self.ids: np.ndarray = ids
        self.indptr: np.ndarray = indptr
        self.indices: np.ndarray = indices
        self.weights: np.ndarray | None = weights
        self.self_loops, self.duplicates = self_loops, duplicates
        self._index: dict[Hashable, int] | None = None
        for array in (ids, indptr, indices, weights):
            if array is not None:
                array.flags.writeable = False

    # ---- constructors
    @classmethod
    def from_edges(
        cls,
        edges: "Iterable[tuple[Hashable, Hashable]] | np.ndarray",
        weights: "Sequence[float] | np.ndarray | None" = None,
        ids: Sequence[Hashable] | None = None,
        nodes: Iterable[Hashable] = (),
    ) -> "Graph":
        """A graph from pairs of node ids.

        Parameters
        ----------
        edges : iterable of pairs, or integer ndarray (m, 2)
            With ``ids``, pairs of row numbers; otherwise pairs of node ids. Row numbers that could all be ids as well
            are refused: :meth:`from_rows` takes them as rows, ``nodes`` in place of ``ids`` as ids.
        weights : (m,), optional
            Positive and finite; without it every weight is 1.
        ids : sequence, optional
            The id of each row.
        nodes : iterable of ids, optional
            Nodes that get the first rows, in this order, whether they have edges or not. All others follow in the
            order of their first appearance in ``edges``. Not together with ``ids``.

        Raises
        ------
        InputError
            Something is not a pair, not hashable, NaN, given twice in ``ids`` or no row number; a weight is zero,
            negative or not finite, or there are more or fewer weights than edges. The message names the edge.
        """
        index: dict[Hashable, int] = {}
        if ids is not None:
            if list(nodes):
                raise InputError("give either ids or nodes, not both")
            pairs = edges if isinstance(edges, np.ndarray) else list(edges)
            _refuse_ids_as_rows(pairs, ids)
            return cls.from_rows(pairs, weights, ids)
        _number(nodes, index, "nodes")
        u, v = _pairs_of_ids(edges, index)
        values = check_weights(weights, len(u))
        graph = cls._from_rows(_object_array(index), u, v, values, index=index)
        _tell_of_lost(graph, u, v, values)
        return graph

    @classmethod
    def from_rows(cls, edges: Any, weights: Any, ids: Sequence[Hashable]) -> "Graph":
        """A graph from pairs of row numbers (m, 2) and the id of each row. Raises InputError as :meth:`from_edges`."""
        index: dict[Hashable, int] = {}
        _number(ids, index, "ids")
        if len(index) != len(ids):
            raise InputError(f"ids: {_first_repeated(ids)!r} is given twice; every row needs an id of its own")
        u, v = _pairs_of_rows(edges, len(index))
        values = check_weights(weights, len(u))
        graph = cls._from_rows(_object_array(index), u, v, values, index=index)
        _tell_of_lost(graph, u, v, values)
        return graph

    @classmethod
    def from_networkx(cls, g: Any, weight: str = "weight") -> "Graph":
        """A graph from a networkx graph; rows in its order of nodes, weights from the edge attribute ``weight`` (1
        where absent). Directed edges count in both directions (logged). Raises InputError as :meth:`from_edges`."""
        if g.is_directed():
            log.warning("directed graph: its %d edges are taken in both directions", g.number_of_edges())
        edges = list(g.edges(data=weight, default=1))
        values = []
        for u, v, w in edges:
            try:
                values.append(float(w))
            except (TypeError, ValueError, OverflowError):
                shown = reprlib.repr(w)
                raise InputError(f"edge {u!r} - {v!r} has the {weight} {shown}; it has to be a number") from None
            if not 0 < values[-1] < float("inf"):
                raise InputError(f"edge {u!r} - {v!r} has the {weight} {w!r}; it has to be positive and finite")
        return cls.from_edges([(u, v) for u, v, _ in edges], values, nodes=g.nodes)

    @classmethod
    def from_scipy(cls, matrix: Any, ids: Sequence[Hashable] | None = None) -> "Graph":
        """A graph from a square SciPy sparse matrix of weights (n, n); ``ids`` are 0 ... n - 1 if not given.

        One triangle is enough. Of an unsymmetric matrix both triangles count, entry (j, i) with i < j over (i, j)
        where they differ (logged). Raises InputError as :meth:`from_edges`, and for a matrix that is not square;
        entries that are stored but 0 need ``matrix.eliminate_zeros()`` first.
        """
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"the adjacency matrix has to be square, not {matrix.shape}")
        n = matrix.shape[0]
        ids = range(n) if ids is None else ids
        if len(ids) != n:
            raise InputError(f"{len(ids)} ids for a matrix of {n} rows; give one for each row")
        try:
            # Before SciPy's compiled code goes by its indices, in whatever format it is.
            if hasattr(matrix, "check_format"):
                matrix.check_format(full_check=True)
            # SciPy does not look at it if it ends in 0.
            if hasattr(matrix, "indptr") and (np.diff(matrix.indptr) < 0).any():
                raise ValueError("indptr does not ascend")
            csr = matrix.tocsr()
            csr.check_format(full_check=True)
        except ValueError as error:
            raise InputError(f"the adjacency matrix is damaged: {error}") from None
        coo = csr.tocoo()  # duplicate entries are summed, as everywhere in SciPy
        below = coo.row > coo.col
        if not (csr != csr.T).nnz:
            order = np.flatnonzero(~below)
        else:
            if below.any() and (coo.row < coo.col).any():
                log.warning("the adjacency matrix is not symmetric: its entries are taken in both directions")
            # Upper triangle first, so that the weight given last is that of the lower one.
            order = np.argsort(below, kind="stable")
        return cls.from_rows(np.stack([coo.row, coo.col], 1)[order], coo.data[order], ids)

    @classmethod
    def _from_rows(cls, ids, u, v, weights, index=None) -> "Graph":
        """CSR from row numbers; ``u``, ``v`` int64 (m,), ``weights`` float64 (m,) or None."""
        n, given = len(ids), len(u)
        keep = u != v
        if not keep.all():
            u, v = u[keep], v[keep]
            weights = None if weights is None else weights[keep]
        key = np.minimum(u, v) * n + np.maximum(u, v)
        # Reversed, because np.unique reports the first of equal keys and the last given is to win.
        key, last = np.unique(key[::-1], return_index=True)
        a, b = np.divmod(key, max(n, 1))
        both = np.concatenate([key, b * n + a])
        order = np.argsort(both, kind="stable")
        row, col = np.concatenate([a, b])[order], np.concatenate([b, a])[order]
        if weights is not None:
            w = weights[::-1][last]
            weights = None if (w == 1).all() else np.concatenate([w, w])[order]
        indptr = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(row, minlength=n), out=indptr[1:])
        loops = given - len(u)
        graph = cls(ids, indptr, col.astype(np.int32), weights, self_loops=loops, duplicates=len(u) - len(key))
        graph._index = index
        if loops:
            log.info("%d self-loops dropped", loops)
        return graph

    # ---- questions
    @property
    def n_nodes(self) -> int:
        return len(self.ids)

    @property
    def n_edges(self) -> int:
        """Undirected edges, each counted once."""
        return len(self.indices) // 2

    @property
    def degree(self) -> np.ndarray:
        """(n_nodes,) int64: number of neighbours."""
        return np.diff(self.indptr)

    @property
    def strength(self) -> np.ndarray:
        """(n_nodes,) float64: sum of the weights of a node's edges; the degree where there are no weights."""
        if self.weights is None:
            return self.degree.astype(np.float64)
        rows = np.repeat(np.arange(self.n_nodes), self.degree)
        return np.bincount(rows, self.weights, minlength=self.n_nodes)

    @property
    def digest(self) -> str:
        """16 hex digits over rows, neighbours and weights (not the ids): equal graphs give equal walks."""
        h = hashlib.blake2b(digest_size=8)
        for array in (self.indptr, self.indices, self.weights):
            h.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return h.hexdigest()

    def neighbours(self, row: int) -> np.ndarray:
        """Rows next to ``row``, ascending, int32."""
        return self.indices[self.indptr[row] : self.indptr[row + 1]]

    def index(self, node: Hashable) -> int:
        """The row of a node id. Raises UnknownNodeError (an InputError and a KeyError) that names it."""
        lookup = self._lookup()
        try:
            return lookup[node]
        except (KeyError, TypeError):
            raise UnknownNodeError(f"no node {node!r} in this graph of {self.n_nodes} nodes") from None

    def __contains__(self, node: Hashable) -> bool:
        return node in self._lookup()

    def __repr__(self) -> str:
        return f"Graph({self.n_nodes} nodes, {self.n_edges} edges, {'un' if self.weights is None else ''}weighted)"

    def _lookup(self) -> dict[Hashable, int]:
        if self._index is None:
            self._index = {node: row for row, node in enumerate(self.ids)}
        return self._index

    def edges(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Every edge once: rows (n_edges, 2) int32, smaller row first, ascending; weights (n_edges,) or None."""
        row = np.repeat(np.arange(self.n_nodes, dtype=np.int32), self.degree)
        upper = row < self.indices
        pairs = np.stack([row[upper], self.indices[upper]], 1)
        return pairs, None if self.weights is None else self.weights[upper]

    # ---- growth
    def add_edges(
        self,
        pairs: "Iterable[tuple[Hashable, Hashable]] | np.ndarray",
        weights: "Sequence[float] | np.ndarray | None" = None,
    ) -> Addition:
        """A new graph with these edges (pairs of ids) added; this one stays as it is.

        Nodes that are new get the rows after the last, in the order of their first appearance. An edge that is there
        already takes the new weight, or keeps its own if ``weights`` is None. Raises InputError as
        :meth:`from_edges`.
        """
        index = dict(self._lookup())
        u, v = _pairs_of_ids(pairs, index)
        given = check_weights(weights, len(u))
        old, old_weights = self.edges()
        n = len(index)
        key = np.minimum(u, v) * n + np.maximum(u, v)
        known_keys = old[:, 0].astype(np.int64) * n + old[:, 1]
        known = np.isin(key, known_keys)
        _, first = np.unique(key, return_index=True)
        fresh = np.zeros(len(key), bool)
        fresh[first] = True
        fresh &= ~known & (u != v)

        keep = np.ones(len(u), bool) if given is not None else ~known
        if given is not None or old_weights is not None:
            all_weights = np.concatenate(
                [
                    np.ones(len(old)) if old_weights is None else old_weights,
                    np.ones(keep.sum()) if given is None else given,
                ]
            )
        else:
            all_weights = None
        graph = Graph._from_rows(
            _object_array(index),
            np.concatenate([old[:, 0].astype(np.int64), u[keep]]),
            np.concatenate([old[:, 1].astype(np.int64), v[keep]]),
            all_weights,
            index=index,
        )
        graph.self_loops += self.self_loops
        graph.duplicates = self.duplicates + int(np.count_nonzero(u != v)) - int(fresh.sum())
        return Addition(
            graph,
            np.arange(self.n_nodes, n, dtype=np.int32),
            np.stack([u, v], 1)[fresh].astype(np.int32),
            _reweighted(old, old_weights, graph),
        )


def with_lonely(graph: Graph) -> tuple[np.ndarray, np.ndarray | None]:
    """As :meth:`Graph.edges`, and behind them each node without edges as a pair with itself, of weight 1."""
    pairs, weights = graph.edges()
    lonely = np.flatnonzero(graph.degree == 0).astype(np.int32)
    both = np.concatenate([pairs, np.stack([lonely, lonely], 1)])
    return both, None if weights is None else np.concatenate([weights, np.ones(len(lonely))])


def _reweighted(old: np.ndarray, old_weights: np.ndarray | None, graph: Graph) -> np.ndarray:
    """Edges of ``old`` (m, 2) whose weight in ``graph`` is another."""
    if old_weights is None and graph.weights is None:
        return np.empty((0, 2), np.int32)
    n = graph.n_nodes
    pairs, weights = graph.edges()
    now = np.ones(len(pairs)) if weights is None else weights
    at = np.searchsorted(pairs[:, 0].astype(np.int64) * n + pairs[:, 1], old[:, 0].astype(np.int64) * n + old[:, 1])
    return old[now[at] != (1.0 if old_weights is None else old_weights)]


def _tell_of_lost(graph: Graph, u: np.ndarray, v: np.ndarray, weights: np.ndarray | None) -> None:
    """Say how many of the given edges had another weight than the one that was given last."""
    if weights is None or not graph.duplicates:
        return
    n = graph.n_nodes
    pairs, kept = graph.edges()
    at = np.searchsorted(pairs[:, 0].astype(np.int64) * n + pairs[:, 1], np.minimum(u, v) * n + np.maximum(u, v))
    taken = np.ones(len(pairs)) if kept is None else kept
    lost = int(np.count_nonzero((u != v) & (taken[np.minimum(at, len(pairs) - 1)] != weights)))
    if lost:
        log.warning("%d edges come again with another weight; of each, the last one counts", lost)


def check_weights(weights: Any, n_edges: int) -> np.ndarray | None:
    """``weights`` as (n_edges,) float64, all positive and finite; None stays None. Raises InputError."""
    if weights is None:
        return None
    try:
        given = np.asarray(weights)
        if given.dtype.kind in "cmM":
            raise TypeError
        values = given.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError("weights: not all of them are numbers that fit 64 bits") from None
    if np.ma.is_masked(weights):
        raise InputError("weights: some are masked; fill them, or leave their edges out")
    if values.shape != (n_edges,):
        raise InputError(f"weights: shape {values.shape} for {n_edges} edges; give one number for each edge")
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(bad):
        raise InputError(f"edge {bad[0]} has the weight {values[bad[0]]:g}; weights have to be positive and finite")
    return values


def _object_array(items: Iterable[Hashable]) -> np.ndarray:
    # fromiter and not np.array: ids may be tuples, which np.array would unpack into a second axis.
    return np.fromiter(items, object)


def _number(nodes: Iterable[Hashable], index: dict[Hashable, int], what: str) -> None:
    """Give every node that ``index`` lacks the next row number."""
    for node in nodes:
        try:
            index.setdefault(_plain_id(node), len(index))
        except TypeError:
            raise InputError(f"{what}: {node!r} cannot be a node id; ids have to be hashable") from None
        if node != node:
            raise InputError(f"{what}: NaN cannot be a node id")


def _first_repeated(ids: Iterable[Hashable]) -> Hashable:
    seen: set[Hashable] = set()
    for node in ids:
        if node in seen:
            return node
        seen.add(node)
    raise ValueError("nothing is repeated")


def pair_of_ids(number: int, edge: Any) -> tuple[Hashable, Hashable]:
    """The ends of edge ``number``. Raises InputError that names it for what is no pair of ids, as a text of two
    letters."""
    try:
        if isinstance(edge, str):
            raise TypeError
        u, v = edge
    except (TypeError, ValueError):
        raise InputError(f"edge {number} is {edge!r}; it has to be a pair of node ids") from None
    try:
        hash((u, v))
    except TypeError:
        raise InputError(f"edge {number} is {edge!r}; node ids have to be hashable") from None
    if u != u or v != v:
        raise InputError(f"edge {number} is {edge!r}; NaN cannot be a node id")
    return _plain_id(u), _plain_id(v)


def _plain_id(node: Hashable) -> Hashable:
    """Python's own type for NumPy's, which files do not keep."""
    return node.item() if isinstance(node, np.generic) else node


def refuse_masked(given: Any, what: str = "edges", wanted: str = "pairs") -> None:
    """NumPy would take what is beneath a mask, or what fills it. Raises InputError."""
    if np.ma.is_masked(given):
        raise InputError(f"{what}: some are masked; give {wanted}, without those")


def _pairs_of_ids(edges: Any, index: dict[Hashable, int]) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers (m,) int64 of both ends; ``index`` grows by the nodes it lacks, first appearance first."""
    refuse_masked(edges)
    if isinstance(edges, np.ndarray) and edges.dtype.kind in "iu":
        if edges.ndim != 2 or edges.shape[1] != 2:
            raise InputError(f"edges: shape {edges.shape}; it has to be (m, 2)")
        values, first, inverse = np.unique(edges.ravel(), return_index=True, return_inverse=True)
        rows = np.empty(len(values), np.int64)
        for at in np.argsort(first):
            rows[at] = index.setdefault(values[at].item(), len(index))
        pairs = rows[inverse.reshape(-1, 2)]
        return pairs[:, 0], pairs[:, 1]
    flat: list[int] = []
    if isinstance(edges, Mapping):
        raise InputError("edges cannot be a dictionary, whose values would be lost; give pairs, and weights beside")
    if isinstance(edges, np.ndarray):
        edges = edges.tolist()  # Python's own types as ids, not NumPy's
    for number, edge in enumerate(edges):
        u, v = pair_of_ids(number, edge)
        flat.append(index.setdefault(u, len(index)))
        flat.append(index.setdefault(v, len(index)))
    pairs = np.array(flat, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _refuse_ids_as_rows(pairs: Any, ids: Sequence[Hashable]) -> None:
    """Refuse pairs of numbers that are ids of other rows than they number."""
    if list(ids) == list(range(len(ids))) or not len(pairs):
        return
    try:
        ends = {end for pair in (pairs.tolist() if isinstance(pairs, np.ndarray) else pairs) for end in pair}
        mistaken = ends <= set(ids) and all(isinstance(end, int) for end in ends)
    except TypeError:
        return
    if mistaken:
        raise InputError(
            "edges: every end is an id, but with ids= they would be row numbers; give nodes=ids for pairs of ids, or "
            "call Graph.from_rows for row numbers"
        )


def _pairs_of_rows(edges: Any, n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    refuse_masked(edges)
    pairs = np.asarray(edges if isinstance(edges, np.ndarray) else list(edges))
    if pairs.size == 0:
        pairs = np.empty((0, 2), np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise InputError(
            f"edges: shape {pairs.shape} of {pairs.dtype}; with ids it has to be (m, 2) integer row numbers"
        )
    bad = np.flatnonzero(((pairs < 0) | (pairs >= n_nodes)).any(1))
    if len(bad):
        raise InputError(f"edge {bad[0]} is {tuple(pairs[bad[0]].tolist())}; rows are 0 to {n_nodes - 1}")
    return pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
