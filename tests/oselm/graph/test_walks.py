"""Walks over a store against the words of their definition and against the exact probabilities of their steps."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import chisquare
from skipwalk.sim.oselm.graph.store import GraphStore
from skipwalk.sim.oselm.graph.walks import case_limits, make_walks

from ...support.graph import plain_walk

#: p and q at which refusals are rare, frequent, and so frequent that steps by the running sum are common.
BIASES = [(0.5, 1.0), (0.25, 4.0), (4.0, 0.25), (64.0, 2.0**-10), (1e-5, 1e-3)]


def random_store(rng, nodes, density, weight_bits=0, *, order=None):
    """A connected graph with hubs; the same edges in another order with another ``order``."""
    edges = {(u, u + 1) for u in range(nodes - 1)}
    edges |= {(u, v) for u in range(nodes) for v in range(u + 1, nodes) if rng.random() < density or u == 1}
    listed = np.array(sorted(edges))
    weights = rng.choice([1, 7, 300, 4000], len(listed)) if weight_bits else np.ones(len(listed), np.int64)
    if order is not None:
        shuffled = order.permutation(len(listed))
        listed, weights = listed[shuffled], weights[shuffled]
        listed = np.where(order.random(len(listed))[:, None] < 0.5, listed, listed[:, ::-1])
    store = GraphStore(nodes, 8192, weight_bits)
    store.clear()
    assert not store.add_edges(*listed.T, weights).any()
    return store


@pytest.mark.parametrize("weight_bits", [0, 24])
@pytest.mark.parametrize(("p", "q"), BIASES)
def test_equals_the_definition(p, q, weight_bits):
    rng = np.random.default_rng(3)
    store = random_store(rng, 25, 0.1, weight_bits)
    key, first, limits = 0x0123456789ABCDEF, 2**32 - 20, case_limits(p, q)
    starts = rng.integers(0, 25, 40)
    got = make_walks(store.arrays, starts, length=30, limits=limits, key=key, first=first)
    wanted = [
        plain_walk(store.neighbours, store.weights, start, 30, limits, key, first + i)
        for i, start in enumerate(starts.tolist())
    ]
    assert got.tolist() == [walk for walk, _ in wanted]
    by_sum = sum(exact for _, exact in wanted)
    assert by_sum > 20 if p in (64.0, 1e-5) else by_sum < 20, by_sum


def exact_probabilities(store, b, c, p, q):
    around = store.neighbours(c)
    near = np.isin(around, store.neighbours(b))
    share = store.weights(c) * np.where(around == b, 1 / p, np.where(near, 1.0, 1 / q))
    return around, share / share.sum()


@pytest.mark.parametrize("weight_bits", [0, 20])
@pytest.mark.parametrize(("p", "q"), BIASES)
def test_steps_have_their_probabilities(p, q, weight_bits):
    rng = np.random.default_rng(11)
    store = random_store(rng, 9, 0.25, weight_bits)
    walks = make_walks(store.arrays, np.repeat(np.arange(9), 4000), length=21, limits=case_limits(p, q), key=9, first=0)
    firsts, steps = Counter(), Counter()
    for walk in walks.tolist():
        firsts[tuple(walk[:2])] += 1
        steps.update(zip(walk, walk[1:], walk[2:], strict=False))
    # The first step goes by weight alone.
    trials = [((c,), *exact_probabilities(store, c, c, 1.0, 1.0)) for c in range(9)]
    trials = [(*t, firsts) for t in trials]
    pairs = sorted({(b, c) for b, c, _ in steps})
    trials += [((b, c), *exact_probabilities(store, b, c, p, q), steps) for b, c in pairs]
    chances = []
    for before, around, share, counted in trials:
        seen = np.array([counted[(*before, x)] for x in around.tolist()])
        wanted = share * seen.sum()
        order = np.argsort(wanted)
        # Neighbours that are too rare count together.
        groups = np.maximum(np.searchsorted(np.cumsum(wanted[order]), 8), np.arange(len(wanted)))
        seen, wanted = (np.bincount(groups, x[order]) for x in (seen, wanted))
        enough = wanted >= 8
        if enough.sum() >= 2:
            seen, wanted = seen[enough], wanted[enough]
            chances.append(chisquare(seen, wanted * seen.sum() / wanted.sum()).pvalue)
    assert len(chances) > 20
    assert min(chances) > 0.001 / len(chances), sorted(chances)[:3]


@pytest.mark.parametrize("weight_bits", [0, 24])
def test_only_the_graph_counts_not_how_it_came_about(weight_bits):
    made = []
    for seed in (None, 1, 2):
        order = None if seed is None else np.random.default_rng(seed)
        store = random_store(np.random.default_rng(8), 30, 0.2, weight_bits, order=order)
        if order is not None:  # detours: edges and a node that go again
            for u, v in order.integers(0, 30, (50, 2)).tolist():
                if v not in store.neighbours(u) and not store.add_edge(u, v, 9):
                    store.remove_edge(v, u)
        limits = case_limits(0.25, 4.0)
        made.append((store, make_walks(store.arrays, np.arange(30), length=40, limits=limits, key=1, first=7)))
    assert not np.array_equal(made[0][0].arrays.place, made[1][0].arrays.place), "laid out differently"
    assert all(np.array_equal(made[0][1], walks) for _, walks in made[1:])


def test_walks_follow_edges_and_are_numbered():
    store = random_store(np.random.default_rng(4), 40, 0.05)
    limits = case_limits(0.5, 1.0)
    walks = make_walks(store.arrays, np.arange(40), length=20, limits=limits, key=77, first=5)
    assert all(v in store.neighbours(u) for walk in walks.tolist() for u, v in pairwise(walk))
    later = make_walks(store.arrays, np.arange(30, 40), length=20, limits=limits, key=77, first=35)
    assert np.array_equal(later, walks[30:])


def test_a_node_with_one_neighbour_costs_no_draw():
    store = GraphStore(3, 16)
    store.clear()
    store.add_edge(0, 1)
    walks = make_walks(store.arrays, np.array([0]), length=6, limits=(0, 0, 0), key=1, first=0)
    assert walks.tolist() == [[0, 1, 0, 1, 0, 1]]


@pytest.mark.parametrize(
    ("p", "q", "limits"),
    [
        (0.5, 1.0, (2**32 - 1, 2**31 - 1, 2**31 - 1)),
        (1.0, 1.0, (2**32 - 1,) * 3),
        (0.25, 4.0, (2**32 - 1, 2**30 - 1, 2**28 - 1)),
        (1e99, 1.0, (0, 2**32 - 1, 2**32 - 1)),
        (1e-99, 1e-99, (2**32 - 1, 0, 2**32 - 1)),
    ],
)
def test_case_limits(p, q, limits):
    assert case_limits(p, q) == limits


def test_case_limits_refuse():
    with pytest.raises(ValueError, match=r"q must be between 1e-100 and 1e100, not 0\.0"):
        case_limits(1.0, 0.0)
