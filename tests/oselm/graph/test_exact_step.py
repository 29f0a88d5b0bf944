"""The exact step: the neighbour of the golden model for any share, by both passes through both lists."""

import numpy as np
import pytest
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.exact_step import SHARE_BITS, ExactStep
from skipwalk.sim.oselm.graph.walks import case_limits, exact_step

from ...support.graph_service import Service, random_store
from ...support.queries import Bench

TINY = preset("tiny").replace(edge_ends=1024)
CONFIGS = {"plain": TINY, "weighted": TINY.replace(weight_bits=24)}
LIMITS = [
    case_limits(0.5, 1),
    case_limits(0.25, 4),
    case_limits(1e6, 0.1),
    case_limits(1e-8, 1),
    (0, 0, 0),
    (7, 65535, 65534),
]


def steps(store, rng, n):
    """(here, previous, share): neighbours of each other, shares at both ends and between."""
    shares = [0, 1, (1 << SHARE_BITS) - 1, *rng.integers(0, 1 << SHARE_BITS, n).tolist()]
    for share in shares:
        here = int(rng.choice(np.flatnonzero(store.arrays.degree)))
        yield here, int(rng.choice(store.neighbours(here))), int(share)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("gap", [0.0, 0.5])
@pytest.mark.parametrize("limits", LIMITS)
def test_neighbours_of_the_golden_model(name, gap, limits):
    cfg = CONFIGS[name]
    rng = np.random.default_rng(sum(limits) % 1000)
    store = random_store(cfg, rng, hub=True, nodes=24)
    a = store.arrays
    service, dut = Service(cfg, store), ExactStep(cfg)
    bench = Bench(dut, gap=gap, seed=1)
    bench.drive(limits=list(limits))
    service.serve(bench, dut.entries, "entries")
    service.serve(bench, dut.others, "entries", 4)
    requests, want = [], []
    for here, previous, share in steps(store, rng, 5):
        lists = [{"place": int(a.place[row]), "degree": int(a.degree[row])} for row in (here, previous)]
        requests.append({"here": lists[0], "before": lists[1], "previous": previous, "share": share})
        want.append(exact_step(a, here, previous, limits, share << 40))
    bench.source(dut.port.request, requests)
    got = bench.watch(dut.port.response.valid, dut.port.response.payload, len(want))
    bench.run()
    assert got == want


@pytest.mark.parametrize("weight", [1, 65535])
def test_largest_sums(weight):
    """A sum of weights of all its bits, times the largest factor."""
    cfg = CONFIGS["weighted"]
    store = random_store(cfg, np.random.default_rng(0))
    store.clear()
    for v in range(1, 64):
        store.add_edge(0, v, weight)
    limits = ((1 << 32) - 1,) * 3
    a = store.arrays
    service, dut = Service(cfg, store), ExactStep(cfg)
    bench = Bench(dut)
    bench.drive(limits=list(limits))
    service.serve(bench, dut.entries, "entries")
    service.serve(bench, dut.others, "entries", 4)
    lists = [{"place": int(a.place[row]), "degree": int(a.degree[row])} for row in (0, 5)]
    requests = [
        {"here": lists[0], "before": lists[1], "previous": 5, "share": share}
        for share in (0, 1 << 23, (1 << SHARE_BITS) - 1)
    ]
    bench.source(dut.port.request, requests)
    got = bench.watch(dut.port.response.valid, dut.port.response.payload, 3)
    bench.run()
    assert got == [1, 32, 63]


def test_nothing_is_left_of_the_step_before():
    """Its last neighbour of a previous node is far in the next step, where near counts 65536 times as much."""
    cfg = CONFIGS["plain"]
    store = random_store(cfg, np.random.default_rng(0))
    store.clear()
    for u, v in ((0, 1), (0, 9), (1, 5), (2, 3), (2, 5), (2, 7), (3, 8)):
        store.add_edge(u, v)
    limits = (0, (1 << 32) - 1, 0)
    a = store.arrays
    service, dut = Service(cfg, store), ExactStep(cfg)
    bench = Bench(dut)
    bench.drive(limits=list(limits))
    service.serve(bench, dut.entries, "entries")
    service.serve(bench, dut.others, "entries")
    share = int(0.9 * (1 << SHARE_BITS))
    lists = {r: {"place": int(a.place[r]), "degree": int(a.degree[r])} for r in range(4)}
    pairs = ((0, 1), (2, 3))
    requests = [{"here": lists[h], "before": lists[b], "previous": b, "share": share} for h, b in pairs]
    bench.source(dut.port.request, requests)
    got = bench.watch(dut.port.response.valid, dut.port.response.payload, 2)
    bench.run()
    assert got == [9, 7]
