"""Memories of the graph store, and how several readers share one."""

from random import Random

import pytest

pytest.importorskip("amaranth")

from amaranth.lib import data
from skipwalk.hw.fabric.ram_grid import BlockGrid
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.layouts import EntryLayout, HeaderLayout
from skipwalk.hw.oselm.graph.memory import BlockMemory
from skipwalk.hw.oselm.graph.ports import SharedMemory
from skipwalk.hw.oselm.graph.store import GraphStore

from ...support.graph_memory import as_int, simulation

WORD = data.StructLayout({"a": 7, "b": 13})


@pytest.mark.parametrize(("depth", "latency"), [(100, 3), (20_000, 4)])
def test_shared_memory(depth, latency):
    """The first reader waits for nobody, the third for both others; each gets its words, in the same latency."""
    dut = SharedMemory(BlockMemory(depth, WORD, vendor=Vendor.ECP5))
    assert dut.latency == latency
    random = Random(depth)
    words = [random.getrandbits(20) for _ in range(40)]
    seen = {name: [] for name in ("first", "second", "third")}
    want = {name: [] for name in seen}
    denied = {"second": 0, "third": 0}

    async def bench(ctx):
        for address, word in enumerate(words):
            ctx.set(dut.second.write.valid, 1)
            ctx.set(dut.second.write.payload.address, depth - 40 + address)
            ctx.set(dut.second.write.payload.word, WORD.from_bits(word))
            await ctx.tick()
        # In the very next cycle all can be read.
        ctx.set(dut.second.write.valid, 0)
        for t in range(600):
            asks = {name: random.random() < share for name, share in (("first", 0.3), ("second", 0.4), ("third", 0.9))}
            where = {name: random.randrange(40) for name in seen}
            ctx.set(dut.first.en, asks["first"])
            ctx.set(dut.first.address, depth - 40 + where["first"])
            for name in denied:
                port = getattr(dut, name).request
                ctx.set(port.valid, asks[name])
                ctx.set(port.payload, depth - 40 + where[name])
            before = False
            for name in seen:
                free = name == "first" or ctx.get(getattr(dut, name).request.ready)
                assert bool(free) == (not before) or not asks[name]
                before |= asks[name]
                if asks[name] and free:
                    want[name].append((t + latency, words[where[name]]))
                elif asks[name]:
                    denied[name] += 1
            if want["first"] and any(t == due for due, _ in want["first"]):
                seen["first"].append((t, as_int(ctx, dut.first.word)))
            for name in denied:
                response = getattr(dut, name).response
                if ctx.get(response.valid):
                    seen[name].append((t, as_int(ctx, response.payload)))
            await ctx.tick()

    simulation(dut, bench)
    for name in seen:
        assert seen[name] == [item for item in want[name] if item[0] < 600]
        assert len(seen[name]) > 50
    assert min(denied.values()) > 50


def test_resources():
    """Block RAMs of both memories; Cora loaded at once fits 24,576 entries."""
    cfg = preset("ecp5-85f").replace(edge_ends=24576, weight_bits=24)
    store = GraphStore(cfg)
    memories = ((cfg.nodes, HeaderLayout(cfg)), (cfg.edge_ends, EntryLayout(cfg)))
    assert store.blocks == sum(BlockGrid.cheapest(depth, word.size).blocks for depth, word in memories) == 54
    assert (store.header_latency, store.entry_latency) == (4, 4)
    with pytest.raises(ValueError, match="edge_ends=0 has no graph store"):
        GraphStore(cfg.replace(edge_ends=0, weight_bits=0))
