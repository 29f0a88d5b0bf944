"""Contexts of walks in plain Python, from the text of ``sw/graph/contexts.py``."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from skipwalk.sim.oselm.front_end.threefry import STREAM_NEGATIVES, draw, seed_key

__all__ = [
    "plain_contexts",
    "plain_graph_negatives",
    "plain_negatives",
    "plain_pool_negatives",
    "plain_walk_contexts",
]


def plain_negatives(threshold: Sequence[int], alias: Sequence[int], key: int, i: int, t: int, n: int) -> list[int]:
    """Of context t of walk i."""
    out = []
    for j in range(n):
        bits = int(draw(np.uint64(key), np.uint64((i & 0xFFFFFFFF) << 32 | t << 16 | j))) & (1 << 64) - 1
        column = (bits >> 32) * len(alias) >> 32
        out.append(column if (bits & 0xFFFFFFFF) >> 8 < int(threshold[column]) else int(alias[column]))
    return out


def plain_graph_negatives(store, key: int, i: int, t: int, n: int) -> list[int]:
    """The same out of a PlainStore."""
    out = []
    for j in range(n):
        bits = int(draw(np.uint64(key), np.uint64((i & 0xFFFFFFFF) << 32 | t << 16 | j))) & (1 << 64) - 1
        row = (bits >> 32) * store.rows >> 32
        around = sorted(store.edges[row])
        out.append(around[(bits & 0xFFFFFFFF) * len(around) >> 32] if bits & 1 and around else row)
    return out


def plain_pool_negatives(draw_negatives, key: int, pool: int, replaced: int, walks: range, interleave: int):
    """``draw_negatives`` through a pool: the walks ``walks`` go in groups of ``interleave``."""

    def slots(last: int) -> list[int]:
        """Slot by slot the draw of the last walk that replaced it."""
        held = []
        for slot in range(pool):
            walk = last
            while not any((walk * replaced + k) % pool == slot for k in range(replaced)):
                walk -= 1
            held.append(draw_negatives(walk, 0xFFFF, replaced)[(slot - walk * replaced) % pool])
        return held

    known: dict[int, list[int]] = {}

    def negatives(i: int, t: int, n: int) -> list[int]:
        last = min(walks.start + ((i - walks.start) // interleave + 1) * interleave, walks.stop) - 1
        if n and last not in known:
            known[last] = slots(last)
        bits = [int(draw(np.uint64(key), np.uint64((i & 0xFFFFFFFF) << 32 | t << 16 | j))) for j in range(n)]
        return [known[last][(b & (1 << 64) - 1) >> 32 << pool.bit_length() - 1 >> 32] for b in bits]

    return negatives


def plain_walk_contexts(
    walk_list: Sequence[Sequence[int]],
    *,
    window,
    negatives,
    per_positive,
    draw_negatives,
    first_walk,
    interleave,
) -> list[tuple[int, list[int], list[int]]]:
    """(centre, samples, labels) in order; groups begin at the first walk. ``draw_negatives(i, t, n)``: n rows for
    context t of walk i."""
    found = []
    for r, walk in enumerate(walk_list):
        n = max(len(walk) - window + 1, 1 if len(walk) > 1 else 0)
        for t in range(n):
            positives = list(walk[t + 1 : t + window])
            each = len(positives) if per_positive else 1
            drawn = draw_negatives(first_walk + r, t, negatives * each)
            samples, labels = positives + drawn, [1] * len(positives) + [0] * len(drawn)
            found.append(((r // interleave, t, r), (walk[t], samples, labels)))
    return [context for _, context in sorted(found, key=lambda item: item[0])]


def plain_contexts(
    block, *, window, negatives, mode, sampler, seed, first_walk, interleave, pool=0, replaced=1, store=None
):
    """As :func:`skipwalk.sw.graph.contexts.contexts`, as lists; of a graph ``store`` there is a PlainStore."""
    key = int(seed_key(seed, STREAM_NEGATIVES))
    if store is None:
        draw_negatives = partial(plain_negatives, sampler.threshold, sampler.alias, key)
    else:
        draw_negatives = partial(plain_graph_negatives, store, key)
    if pool:
        walks = range(first_walk, first_walk + len(block))
        draw_negatives = plain_pool_negatives(draw_negatives, key, pool, replaced, walks, interleave)
    return plain_walk_contexts(
        [row[: row.index(-1)] if -1 in row else row for row in block.tolist()],
        window=window,
        negatives=negatives,
        per_positive=mode == "per_positive",
        draw_negatives=draw_negatives,
        first_walk=first_walk,
        interleave=interleave,
    )
