"""A walker: the walks of the golden model, node by node, whatever the pace of what it shares."""

import numpy as np
import pytest
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.graph.walker import Walker
from skipwalk.sim.oselm.graph.walks import case_limits, exact_step, make_walks

from ...support.graph_service import KEYS, Service, random_store
from ...support.queries import Bench

TINY = preset("tiny").replace(edge_ends=1024, walks=4)
CONFIGS = {"plain": TINY, "weighted": TINY.replace(weight_bits=22)}
#: In the last ones candidates are refused again and again, so that the exact step comes.
BIASES = [(0.5, 1.0), (0.25, 4.0), (4.0, 0.25), (1e-7, 1.0), (1e7, 1e7)]
LENGTH = 9


class Rig(Service):
    """A walker with everything that it shares."""

    def __init__(self, cfg: CoreConfig, store, limits, *, gap: float = 0.0, seed: int = 0):
        super().__init__(cfg, store, limits)
        self.dut = dut = Walker(cfg)
        self.bench = bench = Bench(dut, gap=gap, seed=seed)
        bench.drive(last=LENGTH - 1)
        for kind, latency in (("draws", 20), ("candidates", 5), ("headers", 3), ("entries", 3), ("exact", 40)):
            self.serve(bench, getattr(dut, kind), kind, latency)

    def exact(self, request):
        """By the golden model; which row this is follows from where its list is."""
        a = self.store.arrays
        here = next(r for r in range(self.cfg.nodes) if a.degree[r] and a.place[r] == request.here.place)
        assert request.here.degree == a.degree[here]
        previous = int(request.previous)
        assert (request.before.place, request.before.degree) == (a.place[previous], a.degree[previous])
        return exact_step(a, here, previous, self.limits, int(request.share) << 40)

    def walk(self, tasks):
        self.bench.source(self.dut.i, tasks)
        return self.bench.sink(self.dut.o, LENGTH * len(tasks))


def tasks_and_nodes(cfg, store, limits, rng, n):
    starts = rng.choice(np.flatnonzero(store.arrays.degree), n)
    first = (1 << 32) - 2
    walks = make_walks(store.arrays, starts, length=LENGTH, limits=limits, key=KEYS[1], first=first)
    tasks = [
        {"row": int(row), "number": (first + i) & 0xFFFF_FFFF, "slot": i % cfg.walks, "group": i & 1}
        for i, row in enumerate(starts)
    ]
    return tasks, walks


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("gap", [0.0, 0.4])
@pytest.mark.parametrize(("p", "q"), BIASES)
def test_walks_of_the_golden_model(name, gap, p, q):
    cfg, limits = CONFIGS[name], case_limits(p, q)
    rng = np.random.default_rng([int(gap * 2), int(np.log10(p) * 8 + 99), int(np.log10(q) * 8 + 99)])
    store = random_store(cfg, rng, hub=True)
    extreme = max(limits) > 1 << 20 and min(limits) == 0
    tasks, walks = tasks_and_nodes(cfg, store, limits, rng, 1 if extreme else 3)
    rig = Rig(cfg, store, limits, gap=gap)
    got = rig.walk(tasks)
    rig.bench.run()
    assert [node.row for node in got] == walks.ravel().tolist()
    assert [node.last for node in got] == ([0] * (LENGTH - 1) + [1]) * len(tasks)
    assert [node.address.index for node in got] == [*range(LENGTH)] * len(tasks)
    places = [(task["slot"], task["group"]) for task in tasks for _ in range(LENGTH)]
    assert [(node.address.slot, node.address.group) for node in got] == places
    if extreme:
        assert rig.asked["exact"], "this test is about the exact step"


def test_a_node_with_one_neighbour_takes_no_draw():
    store = random_store(TINY, np.random.default_rng(0))
    store.clear()
    store.add_edge(3, 9)
    rig = Rig(TINY, store, case_limits(0.5, 1))
    got = rig.walk([{"row": 9, "number": 5, "slot": 0, "group": 0}])
    rig.bench.run()
    assert [node.row for node in got] == ([9, 3] * LENGTH)[:LENGTH]
    assert not rig.asked["candidates"]


def test_cycles_of_a_step():
    """As the docstring says, with services that are never busy."""
    limits = case_limits(1, 1)
    store = random_store(TINY, np.random.default_rng(1))
    store.clear()
    for v in range(1, 30):
        store.add_edge(0, v)
        store.add_edge(v, v % 29 + 1)
    rig = Rig(TINY, store, limits)
    rig.walk([{"row": 0, "number": 5, "slot": 0, "group": 0}])
    cycles = rig.bench.run()
    steps, header, candidate, entry = LENGTH - 1, 3, 5, 3
    assert rig.asked["candidates"] == steps, "at p = q = 1 every candidate is taken"
    assert cycles <= steps * (header + 4 + candidate + entry + 6) + 40
