"""Draws equal their definition in plain Python; walks on the host are those of a core."""

import numpy as np
import pytest
from skipwalk.sim.oselm.front_end.threefry import STREAM_STARTS, STREAM_WALKS, draw, fold, seed_key
from skipwalk.sim.oselm.graph.starts import round_starts
from skipwalk.sim.oselm.graph.walks import case_limits, make_walks
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.graph.walks import n_walks, store_of, walks

MASK = (1 << 64) - 1
LOW = (1 << 32) - 1


# ---- the definition, from the paper on Threefry and the text of sim/oselm/front_end/threefry.py
def plain_draw(key, counter):
    keys = [key >> 32, key & LOW]
    keys.append(keys[0] ^ keys[1] ^ 0x1BD11BDA)
    x = [(counter >> 32) + keys[0] & LOW, (counter & LOW) + keys[1] & LOW]
    for i in range(13):
        x[0] = x[0] + x[1] & LOW
        turn = (13, 15, 26, 6, 17, 29, 16, 24)[i % 8]
        x[1] = (x[1] << turn & LOW | x[1] >> 32 - turn) ^ x[0]
        if i % 4 == 3:
            s = i // 4 + 1
            x = [x[0] + keys[s % 3] & LOW, x[1] + keys[(s + 1) % 3] + s & LOW]
    return x[0] << 32 | x[1]


def all_of(*args, **kwargs):
    return np.concatenate(list(walks(*args, **kwargs)))


# ---- graphs
def small_graph(weighted):
    """A triangle with tails, a square, a hub, an isolated node: every case of a(x) occurs."""
    edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 6), (6, 3), (7, 0), (7, 1), (7, 2), (7, 8), (7, 9)]
    # Powers of two, so that sums do not depend on their order.
    weights = [2.0 ** (k % 4 - 1) for k in range(len(edges))] if weighted else None
    return Graph.from_edges(edges, weights, nodes=range(11))


@pytest.mark.parametrize("words", [(0,), (1, 2), (MASK, 0, MASK), (12345, 1 << 63)])
def test_random_words_equal_their_definition(words):
    key = words[0]
    for word in words[1:]:
        key = plain_draw(key, word)
    assert int(seed_key(*words)) == key
    assert int(draw(np.uint64(key), 7)) & MASK == plain_draw(key, 7)
    assert int(fold(np.uint64(key), 7)) & MASK == plain_draw(key, 7)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        (0, 0, 0x9D1C5EC6_8BD50731),
        (MASK, MASK, 0xFD36D048_2D17272C),
        (0x243F6A88_85A308D3, 0x13198A2E_03707344, 0xBA3E4725_F27D669E),
    ],
)
def test_draws_are_those_of_random123(counter, key, expected):
    """The known answers of Random123 for threefry2x32 with 13 rounds."""
    assert int(draw(np.uint64(key), np.uint64(counter))) & MASK == expected


# ---- walks
@pytest.mark.parametrize("weighted", [False, True])
def test_they_are_those_of_a_core_that_holds_the_graph(weighted):
    graph = small_graph(weighted)
    store = store_of(graph)
    found = round_starts(store.arrays, int(seed_key(9, STREAM_STARTS)), 0, 0, 50)
    how = {"length": 12, "limits": case_limits(0.25, 4.0), "key": int(seed_key(9, STREAM_WALKS)), "first": 0}
    expected = make_walks(store.arrays, found.rows, **how)
    got = all_of(graph, length=12, per_node=5, p=0.25, q=4.0, seed=9)
    assert np.array_equal(got, expected)
    assert n_walks(graph, 5) == len(got) == 50
    for block in (1, 7, 1000):
        assert np.array_equal(all_of(graph, length=12, per_node=5, p=0.25, q=4.0, seed=9, block=block), expected)
    for first in (1, 13, 49):
        assert np.array_equal(
            all_of(graph, length=12, per_node=5, p=0.25, q=4.0, seed=9, first=first), expected[first:]
        )
    assert list(walks(graph, length=12, per_node=5, seed=9, first=50)) == []


def test_every_round_visits_every_node_with_an_edge_once():
    graph = Graph.from_edges([(0, 1), (1, 2), (5, 6)], nodes=range(8))
    starts = all_of(graph, length=2, per_node=6, seed=1)[:, 0].reshape(6, 5)
    assert all(sorted(row) == [0, 1, 2, 5, 6] for row in starts.tolist())
    assert len({tuple(row) for row in starts.tolist()}) > 1


def test_seeds_differ():
    seen = {all_of(small_graph(False), length=9, per_node=1, seed=seed).tobytes() for seed in (0, 1, 2, MASK)}
    assert len(seen) == 4


def test_graph_without_edges_has_no_walks():
    assert list(walks(Graph.from_edges([], nodes=[1, 2]), seed=1)) == []
    assert list(walks(Graph.from_edges([]), seed=1)) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 0}, "length must be at least 1, not 0"),
        ({"per_node": 0}, "per_node must be at least 1, not 0"),
        ({"first": -1}, "first must be at least 0, not -1"),
        ({"block": 0}, "block must be at least 1, not 0"),
        ({"p": 0.0}, "p must be between"),
        ({"q": float("inf")}, "q must be between"),
        ({"seed": -1}, "seed must be 0 to"),
    ],
)
def test_refuses_before_the_first_walk(arguments, message):
    with pytest.raises(ValueError, match=message):
        walks(small_graph(False), **{"seed": 1, **arguments})
