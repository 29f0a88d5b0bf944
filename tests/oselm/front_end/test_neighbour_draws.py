"""Negatives out of lists in memory: a row or one of its neighbours, as the bits of the draw say."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, ResetInserter, Signal
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.front_end.neighbour_draws import NeighbourDraws

from ...support.lora_blocks import bench

CFG = preset("tiny").replace(
    vendor=Vendor.ECP5, walks=2, max_walk=8, pool=16, replaced=4, slots=88, edge_ends=1024, walkers=2, nodes=300,
    weight_bits=24, lists_outside=True,
)  # fmt: skip


class Memory:
    """Behind a port: words by address, in order, after some cycles each. ``slow``: how often nothing moves."""

    def __init__(self, port, words, rng: np.random.Generator, slow: float):
        self._port, self._words, self._rng, self._slow = port, words, rng, slow
        self._asked: list[tuple[int, dict]] = []

    def step(self, ctx, t: int) -> None:
        ctx.set(self._port.request.ready, int(self._rng.random() >= self._slow))
        comes = bool(self._asked) and self._asked[0][0] <= t and self._rng.random() >= self._slow
        ctx.set(self._port.response.valid, int(comes))
        # Whatever stands there while nothing comes.
        noise = self._words[int(self._rng.integers(len(self._words)))]
        ctx.set(self._port.response.payload, self._asked.pop(0)[1] if comes else noise)
        if ctx.get(self._port.request.valid) and ctx.get(self._port.request.ready):
            word = self._words[ctx.get(self._port.request.payload)]
            self._asked.append((t + int(self._rng.integers(1, 6)), word))


@pytest.mark.parametrize("slow", [0.0, 0.5])
def test_rows_or_their_neighbours(slow):
    """Lists of every length up to the longest, none, memory that takes its time; at first not out of the graph."""
    rng = np.random.default_rng(int(slow * 2))
    entries = [{"row": int(row), "sum": int(rng.integers(1 << 20))} for row in rng.integers(0, CFG.nodes, 1024)]
    headers = []
    for row in range(CFG.nodes):
        # Some of none and some of many, so that each bit of a draw counts.
        degree = int(rng.integers(0, 3)) if row % 3 == 0 else int(rng.integers(0, CFG.nodes))
        place = int(rng.integers(0, (1024 - degree) // 4 + 1))
        headers.append({"place": place, "degree": degree, "room": int(rng.integers(0, 8)), "known": 1})
    draws = []
    for n in range(600):
        row, bits = int(rng.integers(CFG.nodes)), int(rng.integers(1 << 32))
        if n % 2 and (degree := headers[row]["degree"]):
            # Next to where a neighbour's draws end.
            limit = (int(rng.integers(1, degree + 1)) << 32) // degree
            bits = min(limit + int(rng.integers(-2, 3)), (1 << 32) - 1) | 1
        draws.append((int(rng.integers(CFG.pool)), row, bits))

    def drawn(n: int) -> tuple[int, int]:
        place, row, bits = draws[n]
        header = headers[row]
        if n >= 20 and bits & 1 and header["degree"]:
            row = entries[4 * header["place"] + (bits * header["degree"] >> 32)]["row"]
        return place, row

    given, shown, got = 0, False, []
    m, reset = Module(), Signal()
    dut = NeighbourDraws(CFG)
    m.submodules.dut = ResetInserter(reset)(dut)
    memories = [
        Memory(dut.headers, headers, rng, slow),
        Memory(dut.entries, entries, rng, slow),
    ]

    def step(ctx, t):
        nonlocal given, shown
        ctx.set(reset, int(t == 0))
        if t == 0:
            return True
        for memory in memories:
            memory.step(ctx, t)
        # Rows pass as they are until nothing is under way any more.
        ctx.set(dut.from_graph, int(len(got) >= 20))
        shown = given < len(draws) and (given != 20 or len(got) == 20) and (shown or rng.random() >= slow)
        ctx.set(dut.i.valid, int(shown))
        if shown:
            place, row, bits = draws[given]
            ctx.set(dut.i.payload, {"drawn": {"place": place, "row": row}, "bits": bits})
        ctx.set(dut.o.ready, int(rng.random() >= slow))
        if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
            out = dut.o.payload
            got.append((ctx.get(out.place), ctx.get(out.row)))
            assert got[-1] == drawn(len(got) - 1)
        if shown and ctx.get(dut.i.ready):
            given += 1
            shown = False
        return len(got) < len(draws)

    bench(m, step, limit=30_000)
