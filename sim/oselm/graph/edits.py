"""The compiled part of :mod:`skipwalk.sim.oselm.graph.store`: its arrays and what changes them."""

from typing import NamedTuple

import numpy as np

from ....hw.oselm.config import CoreConfig
from ...jit import jit

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
    "add_edge",
    "add_edges",
    "find",
    "free_node",
    "judge",
    "remove_edge",
    "total",
]

#: Values of ``skipwalk.sim.oselm.graph.store.Outcome``.
DONE, REFUSED, REJECTED = 0, 1, 2
#: Free lists, by class; the largest room has 2**26 entries.
CLASSES = 26
#: Places in ``Arrays.numbers``.
TOP, ROWS, OPEN, LIMIT = range(4)
_MAX_WEIGHT = (1 << CoreConfig.WEIGHT_BITS) - 1


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


@jit()
def find(values, lo, hi, x):
    """First place in ``values[lo:hi]`` (ascending) that is above x, or hi."""
    while lo < hi:
        mid = (lo + hi) >> 1
        if values[mid] <= x:
            lo = mid + 1
        else:
            hi = mid
    return lo


@jit()
def total(g, row):
    """Sum of a row's weights, where edges have weights."""
    degree = np.int64(g.degree[row])
    return np.int64(g.sums[4 * np.int64(g.place[row]) + degree - 1]) if degree else np.int64(0)


# ---- rooms
@jit()
def _size(room):
    """Entries of a room of that class."""
    return np.int64(4) << (room - 1) if room > 0 else np.int64(0)


@jit()
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


@jit()
def _release(g, room, place):
    g.neighbours[4 * place] = g.free[room]
    g.free[room] = place


@jit()
def _full(g, row):
    return g.degree[row] == _size(np.int64(g.room[row]))


# ---- one list
@jit()
def _find_edge(g, u, v):
    """The entry of v among u's neighbours, or ~the entry before which it would have to come."""
    begin = 4 * np.int64(g.place[u])
    end = begin + g.degree[u]
    at = find(g.neighbours, begin, end, v - 1)
    return at if at < end and g.neighbours[at] == v else ~at


@jit()
def _insert(g, u, v, weight, place):
    """Copy u's list with v inserted to ``place``; its old one is free then, if that is another."""
    old, degree = np.int64(g.place[u]), np.int64(g.degree[u])
    at = ~_find_edge(g, u, v) - 4 * old
    for e in range(degree, -1, -1):
        to, source = 4 * place + e, 4 * old + e
        g.neighbours[to] = v if e == at else g.neighbours[source - (e > at)]
        if len(g.sums):
            below = 0 if e == 0 else g.sums[source - 1]
            g.sums[to] = g.sums[source] if e < at else below + weight
    if place != old or g.room[u] == 0:
        if g.room[u] > 0:
            _release(g, np.int64(g.room[u]), old)
        g.room[u] += 1
        g.place[u] = place
    g.degree[u] = degree + 1


@jit()
def _remove(g, u, v):
    """u's list loses v."""
    begin, degree = 4 * np.int64(g.place[u]), np.int64(g.degree[u])
    at = _find_edge(g, u, v)
    weight = np.int64(0)
    if len(g.sums):
        weight = np.int64(g.sums[at]) - (np.int64(g.sums[at - 1]) if at > begin else 0)
    for e in range(at, begin + degree - 1):
        g.neighbours[e] = g.neighbours[e + 1]
        if len(g.sums):
            g.sums[e] = g.sums[e + 1] - weight
    g.degree[u] = degree - 1
    if degree == 1:
        _release(g, np.int64(g.room[u]), begin >> 2)
        g.room[u], g.place[u] = 0, 0


@jit()
def _add_to_sums(g, u, v, change):
    for e in range(_find_edge(g, u, v), 4 * np.int64(g.place[u]) + g.degree[u]):
        g.sums[e] += change


# ---- edges
@jit()
def _unsound(g, u, v):
    nodes = len(g.place)
    return not g.numbers[OPEN] or u == v or u < 0 or v < 0 or u >= nodes or v >= nodes


@jit()
def _too_heavy(g, u, v, change):
    return total(g, u) + change >= g.numbers[LIMIT] or total(g, v) + change >= g.numbers[LIMIT]


@jit()
def _weight_change(g, u, v, weight):
    """(whether the edge is there, by how much the sums of both rows would change)."""
    at = _find_edge(g, u, v)
    if at < 0 or not len(g.sums):
        return at >= 0, np.int64(weight)
    return True, weight - (np.int64(g.sums[at]) - (g.sums[at - 1] if at > 4 * np.int64(g.place[u]) else 0))


@jit()
def add_edge(g, u, v, weight):
    """The edge u v has this weight from now on."""
    weighted = len(g.sums) > 0
    if _unsound(g, u, v) or (weighted and not 1 <= weight <= _MAX_WEIGHT):
        return REJECTED
    there, change = _weight_change(g, u, v, weight)
    if weighted and _too_heavy(g, u, v, change):
        return REFUSED
    if there:
        if weighted and change != 0:
            _add_to_sums(g, u, v, change)
            _add_to_sums(g, v, u, change)
        return DONE
    u_place, v_place = np.int64(g.place[u]), np.int64(g.place[v])
    if _full(g, u):
        u_place = _allocate(g, np.int64(g.room[u]) + 1)
        if u_place < 0:
            return REFUSED
    if _full(g, v):
        v_place = _allocate(g, np.int64(g.room[v]) + 1)
        if v_place < 0:
            if _full(g, u):
                _release(g, np.int64(g.room[u]) + 1, u_place)
            return REFUSED
    g.known[u] = g.known[v] = True
    g.numbers[ROWS] = max(g.numbers[ROWS], max(u, v) + 1)
    _insert(g, u, v, weight, u_place)
    _insert(g, v, u, weight, v_place)
    return DONE


@jit()
def add_edges(g, u, v, weights):
    """:func:`add_edge` one after another; the outcomes, uint8."""
    out = np.empty(len(u), np.uint8)
    for i in range(len(u)):
        out[i] = add_edge(g, u[i], v[i], weights[i])
    return out


@jit()
def judge(g, u, v, weight):
    """What :func:`add_edge` would return; changes nothing."""
    weighted = len(g.sums) > 0
    if _unsound(g, u, v) or (weighted and not 1 <= weight <= _MAX_WEIGHT):
        return REJECTED
    there, change = _weight_change(g, u, v, weight)
    if weighted and _too_heavy(g, u, v, change):
        return REFUSED
    if there:
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


@jit()
def remove_edge(g, u, v):
    """The edge u v is gone."""
    if _unsound(g, u, v) or _find_edge(g, u, v) < 0:
        return REJECTED
    _remove(g, u, v)
    _remove(g, v, u)
    return DONE


@jit()
def free_node(g, u):
    """A node's edges go, the last neighbour first, then the node."""
    if not g.numbers[OPEN] or u < 0 or u >= len(g.place) or not g.known[u]:
        return REJECTED
    while g.degree[u] > 0:
        remove_edge(g, u, np.int64(g.neighbours[4 * np.int64(g.place[u]) + g.degree[u] - 1]))
    g.known[u] = False
    return DONE
