"""The graph store against a plain one of dicts and lists, allocator included, over random sequences of changes."""

import time

import numpy as np
import pytest
from skipwalk.sim.oselm.graph.store import GraphStore, Outcome

from ...support.graph import PlainStore

DONE, REFUSED, REJECTED = Outcome


def assert_same(store: GraphStore, plain: PlainStore) -> None:
    a = store.arrays
    assert (store.rows, store.top) == (plain.rows, plain.top)
    assert set(np.flatnonzero(a.known)) == plain.known
    for r in range(plain.nodes):
        assert store.neighbours(r).tolist() == sorted(plain.edges[r])
        assert store.weights(r).tolist() == [plain.edges[r][v] for v in sorted(plain.edges[r])]
        assert store.total(r) == sum(plain.edges[r].values())
        assert (a.place[r], a.room[r]) == (plain.place[r], plain.room[r])
    for c, head in enumerate(a.free):
        chain = []
        while head >= 0:
            chain.append(int(head))
            head = a.neighbours[4 * head]
        assert chain[::-1] == plain.free.get(c, [])


def random_change(rng, plain):
    """A method of both stores and its arguments; rows are out of range now and then, most removals find an edge."""
    u, v = (int(x) for x in rng.integers(-1, plain.nodes + 1, 2))
    if rng.random() < 0.5:
        u, v = sorted((u % 5, v))  # hubs
    kind = rng.random()
    if kind < 0.65:
        return "add_edge", (u, v, int(rng.choice([0, 1, 2, 100, 65535, 65536, rng.integers(1, 65536)])))
    if kind < 0.93:
        around = list(plain.edges.get(u, ()))
        return "remove_edge", (u, int(rng.choice(around)) if around and rng.random() < 0.8 else v)
    if kind < 0.97:
        return "make_known", (u, int(rng.choice([0, 1, 2, plain.nodes])))
    return "free_node", (u,)


@pytest.mark.parametrize("weight_bits", [0, 17, 24])
@pytest.mark.parametrize(("nodes", "edge_ends"), [(3, 8), (7, 32), (30, 128), (60, 400)])
def test_random_changes(nodes, edge_ends, weight_bits):
    rng = np.random.default_rng([nodes, weight_bits])
    store, plain = GraphStore(nodes, edge_ends, weight_bits), PlainStore(nodes, edge_ends, weight_bits)
    assert store.add_edge(0, 1) == store.remove_edge(0, 1) == store.free_node(0) == store.make_known(0) == REJECTED
    seen: set[tuple[str, Outcome]] = set()
    store.clear()
    plain.clear()
    for step in range(2500):
        if rng.random() < 0.002:
            store.clear()
            plain.clear()
        method, args = random_change(rng, plain)
        if method == "add_edge":
            before = store.to_arrays()
            expected = store.fits(*args)
            assert all(np.array_equal(x, before[name]) for name, x in store.to_arrays().items())
        outcome = getattr(store, method)(*args)
        assert outcome == getattr(plain, method)(*args), (step, method, args)
        assert method != "add_edge" or outcome == expected
        seen.add((method, outcome))
        if step % 10 == 0:
            assert_same(store, plain)
        if step % 500 == 499:
            store = store.copy()
    assert_same(store, plain)
    assert {("add_edge", o) for o in Outcome} <= seen
    assert {(m, o) for m in ("remove_edge", "make_known", "free_node") for o in (DONE, REJECTED)} <= seen


def test_refused_edge_leaves_a_free_room():
    store = GraphStore(8, 12)
    store.clear()
    store.add_edge(0, 1)
    assert store.add_edge(2, 3) == REFUSED  # a room for 2, none for 3
    assert store.rows == 2
    assert (store.top, store.arrays.free[1]) == (12, 2)


def test_from_csr_is_a_sequence_of_edges():
    rng = np.random.default_rng(5)
    dense = np.triu(rng.integers(0, 65536, (40, 40)) * (rng.random((40, 40)) < 0.2), 1)
    dense += dense.T
    rows, columns = np.nonzero(dense)
    csr = np.searchsorted(rows, np.arange(41)), columns, dense[rows, columns]
    loaded = GraphStore.from_csr(*csr, nodes=50, edge_ends=2048, weight_bits=24)
    one = GraphStore(50, 2048, 24)
    one.clear()
    for u, v in zip(rows, columns, strict=True):
        if u < v:
            one.add_edge(u, v, dense[u, v])
    again = GraphStore.from_arrays(loaded.to_arrays(), nodes=50, edge_ends=2048, weight_bits=24)
    for other in (one, again):
        assert all(np.array_equal(x, y) for x, y in zip(loaded.arrays, other.arrays, strict=True))
    assert list(loaded.edges()) == [(u, v, w) for u, v, w in zip(*csr_triples(dense), strict=True)]
    with pytest.raises(ValueError, match=r"edge 0 \d+: refused by a store of 4 ends"):
        GraphStore.from_csr(*csr, nodes=50, edge_ends=4, weight_bits=24)


def csr_triples(dense):
    u, v = np.nonzero(np.triu(dense))
    return u, v, dense[u, v]


def test_resized_goes_on():
    small, large = GraphStore(10, 16), GraphStore(20, 64)
    for store in (small, large):
        store.clear()
        store.add_edge(0, 1)
        store.remove_edge(0, 1)
    small = small.resized(nodes=20, edge_ends=64)
    for store in (small, large):
        for v in range(1, 20):
            store.add_edge(0, v)
    used = small.to_arrays(), large.to_arrays()
    assert all(np.array_equal(used[0][name], used[1][name]) for name in used[0])
    with pytest.raises(ValueError, match="cannot shrink to 20 and 32"):
        small.resized(edge_ends=32)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((0, 4), "nodes must be at least 1, not 0"),
        ((4, 6), "edge_ends must be a multiple of 4 from 4 to 67108864, not 6"),
        ((4, 8, 16), "weight_bits must be 17 to 24, or 0, not 16"),
    ],
)
def test_refuses(args, message):
    with pytest.raises(ValueError, match=message):
        GraphStore(*args)


def test_a_change_does_not_depend_on_the_size_of_the_graph():
    """At 10**6 nodes an edge comes and goes within what a small store needs, and a margin for the machine."""
    costs = []
    for nodes in (1000, 1_000_000):
        store = GraphStore(nodes, 16 * nodes)
        store.clear()
        rng = np.random.default_rng(0)
        u, v = rng.integers(0, nodes, (2, 2 * nodes))
        store.add_edges(u, v)
        trials = []
        for _ in range(5):
            begin = time.process_time()
            for a, b in zip(u[:500].tolist(), v[:500].tolist(), strict=True):
                store.remove_edge(a, b)
                store.add_edge(a, b)
            trials.append(time.process_time() - begin)
        costs.append(min(trials) / 1000)
    assert costs[1] < 3 * costs[0] + 10e-6, costs
