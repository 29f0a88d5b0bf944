"""Changes of a graph that is being learned: checked as a whole, then made one after another, here and on the device.

A change is followed by walks from the nodes around it, on the graph as it is by then. So a list of changes gives the
same bits however it is cut into calls.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ...hw.oselm.config import CoreConfig
from ...hw.oselm.protocol import WALKS_SHIFT, Edit, Opcode, edit_header, header
from ...sim.oselm.graph.store import Outcome
from ..errors import CapacityError, InputError
from ..estimators.conventions import plain
from ..graph.conversion import listed
from ..graph.graph import pair_of_ids
from ..graph.live import LiveGraph, room_for
from ..graph.weights import raw_weight

__all__ = ["Addition", "Change", "CutEdge", "DropNode", "additions", "check_room", "cuts", "drops", "is_edit", "made"]

#: Walks from each end that an EDIT can ask for, and walks that a START can.
_OF_EDIT, _OF_START = 15, 255


class Addition(NamedTuple):
    """An edge that comes, or that has another weight (None: its own, or 1) from now on. With ``u == v``, a node."""

    u: Hashable
    v: Hashable
    weight: float | None


class CutEdge(NamedTuple):
    """An edge that goes."""

    u: Hashable
    v: Hashable


class DropNode(NamedTuple):
    """A node that goes, with its edges."""

    u: Hashable


Change = Addition | CutEdge | DropNode


# ---- what a caller gives
def additions(live: LiveGraph, pairs: Iterable[Any], weights: Any = None) -> list[Addition]:
    """Additions out of pairs of ids and weights (m,) or None. Raises InputError for anything that is no edge, and
    CapacityError for a weight that the model cannot hold; the message names the edge."""
    out: list[Addition] = []
    for number, pair in enumerate(_items(pairs, "edges", "a list of pairs of node ids, or a graph")):
        u, v = pair_of_ids(number, pair)
        out.append(Addition(u, v, None))
    if weights is not None:
        out = [a._replace(weight=w) for a, w in zip(out, _weights(weights, len(out)), strict=True)]
    if live.unit is not None:
        for a in out:
            if a.u != a.v and (a.weight is not None or not _known(live, a.u, a.v)):
                _raw(live, a)
    return out


def cuts(live: LiveGraph, pairs: Iterable[Any]) -> list[CutEdge]:
    """Edges to remove. Raises InputError for one that is not there or is given twice."""
    seen: set[frozenset] = set()
    out = []
    for number, pair in enumerate(_items(pairs, "edges", "a list of pairs of node ids")):
        u, v = pair_of_ids(number, pair)
        if not _known(live, u, v):
            raise InputError(f"there is no edge {u!r} - {v!r} to remove")
        key = frozenset((u, v))
        if key in seen:
            raise InputError(f"edge {u!r} - {v!r} is given twice; remove it once")
        seen.add(key)
        out.append(CutEdge(u, v))
    return out


def drops(live: LiveGraph, nodes: Iterable[Hashable]) -> list[DropNode]:
    """Nodes to remove. Raises UnknownNodeError for one that is not there, InputError for one given twice."""
    out: dict[Hashable, None] = {}
    for node in map(plain, _items(nodes, "nodes", "a list of node ids")):
        live.index(node)
        if node in out:
            raise InputError(f"node {node!r} is given twice; remove it once")
        out[node] = None
    return [DropNode(node) for node in out]


def _items(given: Any, what: str, wanted: str) -> list[Any]:
    """As :func:`listed`; of an array Python's own types, not NumPy's, for they become ids."""
    found = listed(given, what, wanted)
    return found.tolist() if isinstance(found, np.ndarray) else found


def _weights(weights: Any, n: int) -> list[float]:
    from ..graph.graph import check_weights

    values = check_weights(weights, n)
    return [] if values is None else values.tolist()


def _known(live: LiveGraph, u: Hashable, v: Hashable) -> bool:
    a, b = live.rows.get(u), live.rows.get(v)
    return a is not None and b is not None and a != b and live.has_edge(a, b)


def _raw(live: LiveGraph, change: Addition) -> int:
    assert live.unit is not None
    try:
        return raw_weight(1.0 if change.weight is None else change.weight, live.unit)
    except CapacityError as error:
        raise CapacityError(f"edge {change.u!r} - {change.v!r} has {error}") from None


# ---- whether they fit
def check_room(live: LiveGraph, changes: list[Addition]) -> tuple[int, int]:
    """Rows and entries that these changes take at most beyond what the store has; (0, 0) if all of them fit.

    Raises CapacityError for a sum of weights that is too large. Costs what the changes cost, unless the store is
    almost full.
    """
    store = live.store
    new = {node for a in changes for node in (a.u, a.v) if node not in live.rows}
    rows = len(live.ids) + max(0, len(new) - len(live.vacant)) - store.nodes
    more: Counter[Hashable] = Counter()
    heavier: Counter[Hashable] = Counter()
    for a in changes:
        if a.u != a.v:
            more.update((a.u, a.v))
            if live.unit is not None:
                raw = _raw(live, a) if a.weight is not None or not _known(live, a.u, a.v) else 0
                heavier[a.u] += raw
                heavier[a.v] += raw
    degree = {node: store.degree(live.rows[node]) if node in live.rows else 0 for node in more}
    taken = room_for(np.array([degree[node] + n for node, n in more.items()], np.int64))
    limit = 1 << store.weight_bits
    light = all((store.total(live.rows[n]) if n in live.rows else 0) + w < limit for n, w in heavier.items())
    if rows <= 0 and store.top + taken <= store.edge_ends and light:
        return 0, 0
    return max(rows, 0), _missing(live, changes, len(new), taken)


def _missing(live: LiveGraph, changes: list[Addition], n_new: int, taken: int) -> int:
    """Entries that are missing for sure, found by trying; raises CapacityError as :func:`check_room`."""
    nodes = max(live.store.nodes, len(live.ids) + n_new)
    trial = LiveGraph(list(live.ids), live.store.resized(nodes=nodes), live.unit, live.vacant)
    for a in changes:
        rows = [trial.rows[node] if node in trial.rows else trial.take_row(node) for node in (a.u, a.v)]
        if a.u == a.v or (a.weight is None and _known(trial, a.u, a.v)):
            continue
        raw = 1 if trial.unit is None else _raw(trial, a)
        if trial.store.add_edge(rows[0], rows[1], raw) is Outcome.REFUSED:
            heaviest = max(trial.store.total(row) for row in rows) + raw
            if trial.unit is not None and heaviest >= 1 << trial.store.weight_bits:
                raise CapacityError(
                    f"edge {a.u!r} - {a.v!r}: the weights of a node would sum up to {heaviest * trial.unit:g}, and "
                    f"this model adds up to {((1 << trial.store.weight_bits) - 1) * trial.unit:g}; fit the graph anew"
                )
            return taken
    return 0


# ---- one after another
def made(live: LiveGraph, change: Change, per_end: int) -> tuple[list[int], int]:
    """Make a change that fits in ``live``: the words that make it on the device, and how many walks these ask for."""
    match change:
        case Addition(u, v, weight):
            return _add(live, u, v, weight, per_end)
        case CutEdge(u, v):
            a, b = live.rows[u], live.rows[v]
            _done(live.store.remove_edge(a, b), change)
            live.n_edges -= 1
            return _edit(live, Edit.REMOVE_EDGE, a, [b], b, per_end)
        case DropNode(u):
            row = live.rows[u]
            near = live.store.neighbours(row).tolist()
            _done(live.store.free_node(row), change)
            live.n_edges -= len(near)
            live.vacate(row)
            words, walks = [edit_header(Edit.FREE_NODE, row)], 0
            for other in near:
                if live.store.degree(other):
                    words += _start(other, per_end)
                    walks += per_end
            return words, walks
    raise TypeError(f"no change: {change!r}")


def is_edit(words: list[int], cfg: CoreConfig) -> bool:
    """Whether these words are a single EDIT."""
    return words[0] >> 28 == Opcode.EDIT and len(words) == 1 + Edit(words[0] >> 24 & 0x7).operands(cfg)


def _add(live: LiveGraph, u: Hashable, v: Hashable, weight: float | None, per_end: int) -> tuple[list[int], int]:
    rows = []
    words: list[int] = []
    for node in (u, v):
        row = live.rows.get(node)
        rows.append(live.take_row(node) if row is None else row)
    a, b = rows
    store = live.store
    if a == b:
        if store.known(a):
            return words, 0
        _done(store.make_known(a), Addition(u, v, weight))
        return [edit_header(Edit.NODES, a), 1], 0
    before = live.raw(a, b)
    raw = 1
    if live.unit is not None:
        raw = before if before and weight is None else _raw(live, Addition(u, v, weight))
    if before == raw:
        return words, 0
    _done(store.add_edge(a, b, raw), Addition(u, v, weight))
    live.n_edges += not before
    return _edit(live, Edit.ADD_EDGE, a, [b] if live.unit is None else [b, raw], b, per_end)


def _edit(live: LiveGraph, edit: Edit, a: int, operands: list[int], b: int, per_end: int) -> tuple[list[int], int]:
    words = [edit_header(edit, a, min(per_end, _OF_EDIT)), *operands]
    ends = [row for row in (a, b) if live.store.degree(row)]
    for row in ends:
        words += _start(row, per_end - _OF_EDIT)
    return words, per_end * len(ends)


def _start(row: int, n: int) -> list[int]:
    """START commands for ``n`` walks from a row; none for 0 or fewer."""
    words = []
    while n > 0:
        words.append(header(Opcode.START, min(n, _OF_START) << WALKS_SHIFT | row))
        n -= _OF_START
    return words


def _done(outcome: Outcome, change: Change) -> None:
    if outcome is not Outcome.DONE:
        raise CapacityError(f"{change}: {outcome.name.lower()} by the graph store")
