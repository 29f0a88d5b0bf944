"""What an update brings: the changes that new edges are, room for them, and whether anything is new at all."""

import logging
from collections.abc import Hashable
from typing import Any

from ..errors import InputError
from ..graph.conversion import as_graph, is_graph, listed
from ..graph.graph import Graph, with_lonely
from ..graph.weights import raw_weight
from .changes import Addition, Change, additions, check_room
from .model import Model
from .session import Session

__all__ = ["WEIGHTS_OF_A_GRAPH", "is_news", "with_room"]

WEIGHTS_OF_A_GRAPH = "weights are those of pairs, and a graph has its own; give pairs, or leave them out"

log = logging.getLogger(__name__)


def with_room(session: Session, new_edges: Any, weights: Any) -> list[Addition]:
    """The changes that bring these edges in, as for ``Node2Vec.partial_fit``, after room has been made for them."""
    if is_graph(new_edges):
        if weights is not None:
            raise InputError(WEIGHTS_OF_A_GRAPH)
        extra = as_graph(new_edges)
        pairs, weights = with_lonely(extra)
        new_edges = extra.ids[pairs]
        _tell_of_missing(extra, session.model)
    given = listed(new_edges, "edges", "a list of pairs of node ids, or a graph")
    changes = additions(session.model.live, given, weights)
    if session.model.live.unit is None and any(c.weight not in (None, 1.0) for c in changes):
        session.make_room(0, 0, weighted=True)
        changes = additions(session.model.live, given, weights)
    rows, entries = check_room(session.model.live, changes)
    if rows or entries:
        session.make_room(rows, entries)
    return changes


def is_news(change: Change, model: Model) -> bool:
    """Whether a change changes anything, as the graph is now."""
    if not isinstance(change, Addition):
        return True
    live = model.live
    u, v = live.rows.get(change.u), live.rows.get(change.v)
    if u is None or v is None:
        return True
    if u == v:
        return False
    if change.weight is None or live.unit is None:
        return not live.has_edge(u, v)
    return live.raw(u, v) != raw_weight(change.weight, live.unit)


def _tell_of_missing(extra: Graph, model: Model) -> None:
    """A smaller graph is more likely a mistake than an addition."""
    live = model.live
    known = [live.rows[node] for node in extra.ids if node in live.rows]
    inside = set(known)
    of_model = sum(
        int(row < other) for row in known for other in live.store.neighbours(row).tolist() if other in inside
    )
    pairs, _ = extra.edges()
    ids = extra.ids
    shared = sum(_known(live, ids[u], ids[v]) for u, v in pairs.tolist())
    if of_model > shared:
        log.warning(
            "%d edges between these nodes are in the model and not in the graph given: partial_fit removes none; "
            "see remove_edges",
            of_model - shared,
        )


def _known(live: Any, u: Hashable, v: Hashable) -> bool:
    return u in live.rows and v in live.rows and live.has_edge(live.rows[u], live.rows[v])
