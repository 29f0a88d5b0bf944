"""The compiled part of :mod:`skipwalk.sim.oselm.graph.store`: its arrays and what changes them."""

from typing import NamedTuple

import numpy as np

from ....hw.oselm.config import CoreConfig
from ...jit import jit, part

__all__ = [
    "CLASSES",
    "DONE",
    "LIMIT",
    "OPEN",
    "REFUSED",
    "REJECTED",
    "ROWS",
    "TOP",
    "Arrays",
    "add_edges",
    "find",
    "free_node",
    "judge",
    "remove_edge",
    "total",
    "weight_of",
]

#: Values of ``skipwalk.sim.oselm.graph.store.Outcome``.
DONE, REFUSED, REJECTED = 0, 1, 2
#: Free lists, by class; the largest room has 2**26 entries.
CLASSES = 26
#: Places in ``Arrays.numbers``.
TOP, ROWS, OPEN, LIMIT = range(4)
_MAX_WEIGHT = (1 << CoreConfig.WEIGHT_BITS) - 1
#: More than any sum of weights.
_TOO_MUCH = np.int64(1 << 62)


class Arrays(NamedTuple):
    """All that a store holds.

    ``neighbours``, ``sums`` (edge_ends,) int32: the list memory; ``sums`` is empty where edges have no weights. The
    first entry of a free room holds the next one's place, or -1. ``place``, ``degree`` (nodes,) int32, ``room``
    (nodes,) uint8, ``known`` (nodes,) bool: the header of a row; its list begins at entry ``4 * place``, its room is a
    class. ``free`` (26,) int32: by class, the place of the room that was freed last, or -1. ``numbers`` (4,) int64:
    entries below which all rooms are (TOP); 1 + highest row known since CLEAR (ROWS); whether CLEAR has been done
    (OPEN); what sums of weights stay below (LIMIT).
    """

    neighbours: np.ndarray
    sums: np.ndarray
    place: np.ndarray
    degree: np.ndarray
    room: np.ndarray
    known: np.ndarray
    free: np.ndarray
    numbers: np.ndarray

    @property
    def sums_or_none(self) -> np.ndarray | None:
        """``sums``, or None where edges have no weights: as compiled functions take them."""
        return self.sums if len(self.sums) else None


# Functions that read or change sums of weights take them by themselves, None where edges have none: what is only done
# with them is not compiled then.
@part
def find(values, lo, hi, x):
    """First place in ``values[lo:hi]`` (ascending) that is above x, or hi."""
    while lo < hi:
        mid = (lo + hi) >> 1
        if values[mid] <= x:
            lo = mid + 1
        else:
            hi = mid
    return lo


@part
def total(g, sums, row):
    """Sum of a row's weights, where edges have weights."""
    degree = np.int64(g.degree[row])
    return np.int64(sums[4 * np.int64(g.place[row]) + degree - 1]) if degree else np.int64(0)


# ---- rooms
@part
def _size(room):
    """Entries of a room of that class."""
    return np.int64(4) << (room - 1) if room > 0 else np.int64(0)


@part
def _allocate(g, room):
    """The place of a room, or -1."""
    if room < CLASSES:
        place = np.int64(g.free[room])
        if place >= 0:
            g.free[room] = g.neighbours[4 * place]
            return place
        if g.numbers[TOP] + _size(room) <= len(g.neighbours):
            place = g.numbers[TOP] >> 2
            g.numbers[TOP] += _size(room)
            return place
    return np.int64(-1)


@part
def _release(g, room, place):
    g.neighbours[4 * place] = g.free[room]
    g.free[room] = place


@part
def _full(g, row):
    return g.degree[row] == _size(np.int64(g.room[row]))


@part
def _place_for_more(g, row):
    """Where a row's list is to be once it has another entry, or -1."""
    return _allocate(g, np.int64(g.room[row]) + 1) if _full(g, row) else np.int64(g.place[row])


# ---- one list
@part
def _find_edge(g, u, v):
    """The entry of v among u's neighbours, or ~the entry before which it would have to come."""
    begin = 4 * np.int64(g.place[u])
    end = begin + g.degree[u]
    at = find(g.neighbours, begin, end, v - 1)
    return at if at < end and g.neighbours[at] == v else ~at


@part
def weight_of(sums, begin, at):
    """Of the entry ``at`` of a list from ``begin`` on."""
    return np.int64(sums[at]) - (np.int64(sums[at - 1]) if at > begin else np.int64(0))


@part
def _insert(g, sums, u, v, weight, place):
    """Copy u's list with v inserted to ``place``; its old one is free then, if that is another."""
    old, degree = np.int64(g.place[u]), np.int64(g.degree[u])
    at = ~_find_edge(g, u, v) - 4 * old
    for e in range(degree, -1, -1):
        to, source = 4 * place + e, 4 * old + e
        g.neighbours[to] = v if e == at else g.neighbours[source - (e > at)]
        if sums is not None:
            below = 0 if e == 0 else sums[source - 1]
            sums[to] = sums[source] if e < at else below + weight
    if place != old or g.room[u] == 0:
        if g.room[u] > 0:
            _release(g, np.int64(g.room[u]), old)
        g.room[u] += 1
        g.place[u] = place
    g.degree[u] = degree + 1


@part
def _remove(g, sums, u, v):
    """u's list loses v."""
    begin, degree = 4 * np.int64(g.place[u]), np.int64(g.degree[u])
    at = _find_edge(g, u, v)
    if sums is not None:
        weight = weight_of(sums, begin, at)
        for e in range(at, begin + degree - 1):
            sums[e] = sums[e + 1] - weight
    for e in range(at, begin + degree - 1):
        g.neighbours[e] = g.neighbours[e + 1]
    g.degree[u] = degree - 1
    if degree == 1:
        _release(g, np.int64(g.room[u]), begin >> 2)
        g.room[u], g.place[u] = 0, 0


@part
def _add_to_sums(g, sums, u, v, change):
    for e in range(_find_edge(g, u, v), 4 * np.int64(g.place[u]) + g.degree[u]):
        sums[e] += change


# ---- edges
@part
def _unsound(g, u, v):
    nodes = len(g.place)
    return not g.numbers[OPEN] or u == v or u < 0 or v < 0 or u >= nodes or v >= nodes


@part
def _change(g, sums, u, v, weight, at):
    """By how much the sums of both rows of an edge of the entry ``at`` (below 0: of none) would change, or
    :data:`_TOO_MUCH`."""
    change = weight
    if at >= 0:
        change -= weight_of(sums, 4 * np.int64(g.place[u]), at)
    most = max(total(g, sums, u), total(g, sums, v))
    return _TOO_MUCH if most + change >= g.numbers[LIMIT] else change


@part
def _add_edge(g, sums, u, v, weight):
    if _unsound(g, u, v):
        return REJECTED
    if sums is not None:
        if not 1 <= weight <= _MAX_WEIGHT:
            return REJECTED
    at = _find_edge(g, u, v)
    if sums is not None:
        change = _change(g, sums, u, v, weight, at)
        if change == _TOO_MUCH:
            return REFUSED
        if at >= 0 and change != 0:
            _add_to_sums(g, sums, u, v, change)
            _add_to_sums(g, sums, v, u, change)
    if at >= 0:
        return DONE
    u_place = _place_for_more(g, u)
    if u_place < 0:
        return REFUSED
    v_place = _place_for_more(g, v)
    if v_place < 0:
        if _full(g, u):
            _release(g, np.int64(g.room[u]) + 1, u_place)
        return REFUSED
    g.known[u] = g.known[v] = True
    g.numbers[ROWS] = max(g.numbers[ROWS], max(u, v) + 1)
    _insert(g, sums, u, v, weight, u_place)
    _insert(g, sums, v, u, weight, v_place)
    return DONE


@jit()
def add_edges(g, sums, u, v, weights, outcomes):
    """Edge after edge, u v has this weight from now on; ``outcomes`` (n,), uint8, is what became of each."""
    for i in range(len(u)):
        outcomes[i] = _add_edge(g, sums, u[i], v[i], weights[i])


@jit()
def remove_edge(g, sums, u, v):
    """The edge u v is gone."""
    return _remove_edge(g, sums, u, v)


@jit()
def judge(g, sums, u, v, weight):
    """What would become of an edge of :func:`add_edges`; changes nothing."""
    if _unsound(g, u, v):
        return REJECTED
    if sums is not None:
        if not 1 <= weight <= _MAX_WEIGHT:
            return REJECTED
    at = _find_edge(g, u, v)
    if sums is not None:
        if _change(g, sums, u, v, weight, at) == _TOO_MUCH:
            return REFUSED
    if at >= 0:
        return DONE
    top, popped = g.numbers[TOP], np.int64(0)
    for row in (u, v):
        if _full(g, row):
            room = np.int64(g.room[row]) + 1
            head = np.int64(g.free[room]) if room < CLASSES else np.int64(-1)
            if popped == room and head >= 0:
                head = np.int64(g.neighbours[4 * head])
            if head >= 0:
                popped = room
            elif room < CLASSES and top + _size(room) <= len(g.neighbours):
                top += _size(room)
            else:
                return REFUSED
    return DONE


@part
def _remove_edge(g, sums, u, v):
    if _unsound(g, u, v) or _find_edge(g, u, v) < 0:
        return REJECTED
    _remove(g, sums, u, v)
    _remove(g, sums, v, u)
    return DONE


@jit()
def free_node(g, sums, u):
    """A node's edges go, the last neighbour first, then the node."""
    if not g.numbers[OPEN] or u < 0 or u >= len(g.place) or not g.known[u]:
        return REJECTED
    while g.degree[u] > 0:
        _remove_edge(g, sums, u, np.int64(g.neighbours[4 * np.int64(g.place[u]) + g.degree[u] - 1]))
    g.known[u] = False
    return DONE
