"""Second-order walks: the definition in plain Python, its probabilities, and that a seed alone decides."""

from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from skipwalk.sim.oselm.front_end.threefry import STREAM_STARTS, STREAM_WALKS, draw, fold, seed_key, update_seed
from skipwalk.sw.errors import InputError
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.graph.walks import TRIALS, n_walks, walks

MASK = (1 << 64) - 1
LOW = (1 << 32) - 1


# ---- the definition, from the paper on Threefry and the text of sim/oselm/front_end/threefry.py and sw/graph/walks.py
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


plain_fold = plain_draw


def plain_shuffle(starts, seed, turn):
    key = plain_fold(plain_fold(seed, STREAM_STARTS), turn)
    out = list(starts)
    for j in range(len(out) - 1, 0, -1):
        k = (plain_draw(key, j) >> 32) * (j + 1) >> 32
        out[j], out[k] = out[k], out[j]
    return out


def neighbours(graph, r):
    """{neighbour: weight}, ascending."""
    lo, hi = graph.indptr[r], graph.indptr[r + 1]
    weights = np.ones(hi - lo) if graph.weights is None else graph.weights[lo:hi]
    return dict(zip(graph.indices[lo:hi].tolist(), weights.tolist(), strict=True))


def bias(graph, previous, x, p, q):
    if x == previous:
        return 1 / p
    return 1.0 if x in neighbours(graph, previous) else 1 / q


def candidate(graph, row, high):
    """The neighbour that 32 bits choose by weight alone."""
    if graph.weights is None:
        return list(row)[high * len(row) >> 32]
    sums = np.cumsum(list(row.values()))
    above = [x for x, s in zip(row, sums, strict=True) if s > high * 2.0**-32 * sums[-1]]
    return above[0] if above else list(row)[-1]


def plain_walk(graph, start, i, *, length, p, q, seed):
    key = plain_fold(plain_fold(seed, STREAM_WALKS), i)
    top = max(1 / p, 1.0, 1 / q)
    walk, j = [start], 0
    while len(walk) < length:
        row, previous = neighbours(graph, walk[-1]), walk[-2] if len(walk) > 1 else None
        if len(row) < 2:
            walk.append(*row)
            continue
        for _ in range(TRIALS):
            j += 1
            bits = plain_draw(key, j)
            x = candidate(graph, row, bits >> 32)
            if previous is None or bits & 0xFFFFFFFF < int(bias(graph, previous, x, p, q) / top * 2.0**32):
                break
        else:
            j += 1
            shares = np.cumsum([w * bias(graph, previous, x, p, q) for x, w in row.items()])
            limit = (plain_draw(key, j) >> 11) * 2.0**-53 * shares[-1]
            x = list(row)[int(np.searchsorted(shares, limit, side="right"))]
        walk.append(x)
    return walk


def plain_walks(graph, *, per_node, seed, starts=None, **how):
    starts = np.flatnonzero(graph.degree).tolist() if starts is None else starts
    begin = [start for turn in range(per_node) for start in plain_shuffle(starts, seed, turn)]
    return [plain_walk(graph, start, i, seed=seed, **how) for i, start in enumerate(begin)]


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
        key = plain_fold(key, word)
    assert int(seed_key(*words)) == key
    assert int(draw(np.uint64(key), 7)) & MASK == plain_draw(key, 7)
    assert int(fold(np.uint64(key), 7)) & MASK == plain_fold(key, 7)


def test_updates_have_seeds_of_their_own():
    assert len({5, *(update_seed(5, k) for k in range(100)), *(update_seed(6, k) for k in range(100))}) == 201


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


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "q"), [(1, 1), (0.5, 1), (4, 0.25), (0.25, 4), (1e4, 1e4), (1e-4, 1)])
def test_equals_the_definition(weighted, p, q):
    graph, how = small_graph(weighted), {"length": 30, "per_node": 8, "p": p, "q": q, "seed": 5}
    got = all_of(graph, **how)
    assert got.dtype == np.int32
    assert got.tolist() == plain_walks(graph, **how)


def step_probabilities(graph, previous, current, p, q):
    share = {x: Fraction(w * bias(graph, previous, x, p, q)) for x, w in neighbours(graph, current).items()}
    return {x: float(s / sum(share.values())) for x, s in share.items()}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "q"), [(0.5, 1), (4, 0.25), (0.25, 4), (512, 512)])
def test_steps_have_the_probabilities_of_the_paper(weighted, p, q):
    graph = small_graph(weighted)
    w = all_of(graph, length=80, per_node=400, p=p, q=q, seed=11)
    triples, counts = np.unique(
        np.stack([w[:, :-2], w[:, 1:-1], w[:, 2:]], -1).reshape(-1, 3), axis=0, return_counts=True
    )
    seen = {}
    for (b, c, x), n in zip(triples.tolist(), counts.tolist(), strict=True):
        seen.setdefault((b, c), {})[x] = n
    # Every step there is occurs: both ways over each edge.
    assert len(seen) == 2 * graph.n_edges
    statistic, freedom = 0.0, 0
    for (b, c), row in seen.items():
        expected = step_probabilities(graph, b, c, p, q)
        total = sum(row.values())
        assert set(row) <= set(expected)
        statistic += sum((row.get(x, 0) - total * e) ** 2 / (total * e) for x, e in expected.items())
        freedom += len(expected) - 1
    # Chi-square has mean `freedom` and variance 2 `freedom`; the seed is fixed, so this either holds or it does not.
    assert abs(statistic - freedom) < 4 * (2 * freedom) ** 0.5


def test_first_steps_follow_the_weights():
    graph = Graph.from_edges([(0, 1), (0, 2), (0, 3)], [1, 2, 5])
    w = all_of(graph, length=2, per_node=20000, seed=3, starts=np.array([0]))
    share = np.bincount(w[:, 1], minlength=4)[1:] / len(w)
    assert share == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.01)


def test_every_round_visits_every_start_once_in_an_order_of_its_own():
    graph = small_graph(False)
    begin = all_of(graph, length=2, per_node=6, seed=1)[:, 0].reshape(6, 10)
    assert (np.sort(begin, 1) == np.arange(10)).all()
    assert len({tuple(row) for row in begin.tolist()}) == 6
    assert begin.tolist() == [plain_shuffle(range(10), 1, turn) for turn in range(6)]


@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_and_resuming_change_nothing(weighted):
    graph = small_graph(weighted)
    whole = all_of(graph, length=12, per_node=5, seed=9)
    assert len(whole) == n_walks(graph, 5) == 50
    for block in (1, 7, 10, 49, 50, 1000):
        blocks = list(walks(graph, length=12, per_node=5, seed=9, block=block))
        assert {len(b) for b in blocks[:-1]} <= {block}
        assert (np.concatenate(blocks) == whole).all()
    for first in (1, 9, 10, 31):
        assert (all_of(graph, length=12, per_node=5, seed=9, first=first, block=4) == whole[first:]).all()
    assert list(walks(graph, length=12, per_node=5, seed=9, first=50)) == []


def test_longer_walks_go_on_where_shorter_ones_end():
    graph = small_graph(False)
    assert (all_of(graph, length=30, per_node=2, seed=9)[:, :10] == all_of(graph, length=10, per_node=2, seed=9)).all()


def test_seeds_differ():
    graph = small_graph(False)
    seen = {all_of(graph, per_node=1, seed=seed).tobytes() for seed in (0, 1, 2, MASK)}
    assert len(seen) == 4


def test_starts_may_repeat():
    graph = small_graph(False)
    starts = np.array([3, 9, 3])
    w = all_of(graph, length=5, per_node=4, seed=1, starts=starts)
    assert np.bincount(w[:, 0], minlength=10)[[3, 9]].tolist() == [8, 4]
    assert w.tolist() == plain_walks(graph, length=5, per_node=4, p=0.5, q=1.0, seed=1, starts=starts.tolist())
    assert n_walks(graph, 4, starts) == 12


def test_walks_keep_to_edges_and_never_end_early():
    graph = Graph.from_networkx(nx.gnm_random_graph(60, 90, seed=2))
    w = all_of(graph, length=40, per_node=3, seed=4)
    assert (w >= 0).all()
    assert set(w[:, 0].tolist()) == set(np.flatnonzero(graph.degree).tolist())
    edges = {(u, v) for u in range(60) for v in graph.neighbours(u).tolist()}
    assert {(u, v) for u, v in np.stack([w[:, :-1], w[:, 1:]], -1).reshape(-1, 2).tolist()} <= edges


def test_graph_without_edges_has_no_walks():
    assert list(walks(Graph.from_edges([], nodes=[1, 2]), seed=1)) == []
    assert list(walks(Graph.from_edges([]), seed=1)) == []


def test_length_one_is_the_start_alone():
    assert all_of(small_graph(False), length=1, per_node=1, seed=1).shape == (10, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 0}, "length must be at least 1, not 0"),
        ({"per_node": 0}, "per_node must be at least 1, not 0"),
        ({"first": -1}, "first must be at least 0, not -1"),
        ({"block": 0}, "block must be at least 1, not 0"),
        ({"p": 0}, "p must be between .* not 0"),
        ({"q": float("nan")}, "q must be between .* not nan"),
        ({"p": float("inf")}, "p must be between .* not inf"),
        ({"seed": -1}, "seed must be 0 to"),
        ({"seed": 1 << 64}, "seed must be 0 to"),
    ],
)
def test_refuses_before_the_first_walk(arguments, message):
    with pytest.raises(ValueError, match=message):
        walks(small_graph(False), **{"seed": 1, **arguments})


def test_refuses_a_seed_that_is_no_integer():
    with pytest.raises(TypeError, match="float"):
        walks(small_graph(False), seed=1.5)


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        ([10], "starts: node 10 has no edge"),
        ([0, 11], "starts: 11 is no row; rows are 0 to 10"),
        ([-1], "starts: -1 is no row"),
        ([0.5], r"starts: shape \(1,\) of float64"),
        ([[0]], r"starts: shape \(1, 1\)"),
    ],
)
def test_refuses_starts(starts, message):
    with pytest.raises(InputError, match=message):
        walks(small_graph(False), seed=1, starts=np.array(starts))
