"""Negatives from visits: the walks of a run are made once more, on the host, to count them.

Only for ``negatives_from="visits"``, the published distribution. It costs what the walks cost, and for an update a copy
of the graph and an alias table of all nodes.
"""

import numpy as np

from ...hw.oselm.protocol import WALKS_SHIFT, Edit, Opcode
from ...sim.oselm.front_end.contexts import AliasTable
from ...sim.oselm.front_end.threefry import STREAM_STARTS, STREAM_WALKS, seed_key
from ...sim.oselm.graph.starts import round_starts
from ...sim.oselm.graph.walks import make_walks
from ..graph.contexts import negative_sampler
from ..graph.live import LiveGraph
from .changes import made
from .model import Model, Run, limits_of

__all__ = ["of_changes", "of_rounds", "starts_of", "table_of"]

#: Walks that are counted at once.
_BLOCK = 4096
_ROW = (1 << 20) - 1


def table_of(visits: np.ndarray) -> AliasTable:
    """The sampler over visits**0.75."""
    return negative_sampler(visits)


def of_rounds(model: Model, run: Run) -> np.ndarray:
    """(rows,) int64: how often each row occurs in the walks that are left of a run of rounds."""
    counts = np.zeros(len(model.live.ids), np.int64)
    graph, left = model.live.store.arrays, run.total - run.next
    limits = limits_of(model.params, around_change=False)
    key = int(seed_key(model.params["random_state"], STREAM_STARTS))
    round_, place, walks = model.round, model.place, model.walks
    while left > 0:
        starts = round_starts(graph, key, round_, place, min(left, _BLOCK))
        round_, place = starts.round, starts.place
        counts += _counted(model, model.live, starts.rows, walks, len(counts), limits)
        walks += len(starts.rows)
        left -= len(starts.rows)
    return counts


def of_changes(model: Model, run: Run) -> np.ndarray:
    """As :func:`of_rounds`, of the changes of an update, after which there are as many rows."""
    old = model.live
    live = LiveGraph(list(old.ids), old.store.copy(), old.unit, old.vacant)
    counts = np.zeros(live.store.nodes, np.int64)
    walks, limits = model.walks, limits_of(model.params, around_change=True)
    for change in run.changes:
        words, n = made(live, change, run.per_end)
        rows = np.array(starts_of(words, live), np.int64)
        counts += _counted(model, live, rows, walks, len(counts), limits)
        walks += n
    counts[live.vacant] = 0
    return counts[: len(live.ids)]


def starts_of(words: list[int], live: LiveGraph) -> list[int]:
    """The starts of the walks that the words of one change ask for, in order; ``live`` as it is after it."""
    starts: list[int] = []
    at = 0
    while at < len(words):
        word = words[at]
        n, row = word >> WALKS_SHIFT, word & _ROW
        at += 1
        if word >> 28 == Opcode.START:
            starts += [row] * (n & 0xFF)
        else:
            edit = Edit(word >> 24 & 0xF)
            if edit in (Edit.ADD_EDGE, Edit.REMOVE_EDGE):
                ends = [end for end in (row, words[at]) if live.store.degree(end)]
                starts += ends * (n & 0xF)
            if edit is not Edit.FREE_NODE:
                at += 2 if edit is Edit.ADD_EDGE and live.unit is not None else 1
    return starts


def _counted(
    model: Model, live: LiveGraph, starts: np.ndarray, first: int, n_rows: int, limits: tuple[int, int, int]
) -> np.ndarray:
    params = model.params
    walks = make_walks(
        live.store.arrays,
        starts,
        length=params["walk_length"],
        limits=limits,
        key=int(seed_key(params["random_state"], STREAM_WALKS)),
        first=first,
    )
    return np.bincount(walks.ravel(), minlength=n_rows)
