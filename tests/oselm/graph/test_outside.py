"""Words of the graph in memory outside, in Amaranth's simulator: what is read is what was written before."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.lib import data
from skipwalk.hw.memory.port import MemoryPort
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.outside import WordsOutside
from skipwalk.hw.oselm.graph.store_outside import GraphStoreOutside
from skipwalk.hw.oselm.memory_map import Region

from ...support.graph_memory import as_int, simulation
from ...support.memory_port import PlainPort

SIGNATURE = MemoryPort(10, 32, 4)
WORDS = {1: data.StructLayout({"a": 7, "b": 13}), 2: data.StructLayout({"a": 30, "b": 13})}


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("gap", [0.0, 0.4])
def test_reads_and_writes_in_their_order(words, gap):
    """Reads are asked for while writes wait, and both at once; memory is slow in each of its streams."""
    rng = np.random.default_rng([words, round(10 * gap)])
    region, layout = Region(256, 50, words), WORDS[words]
    dut = WordsOutside(region, 6, layout, SIGNATURE, writes=True)
    memory = PlainPort(dut.memory, rng, gap)
    model, want, got, writes = {}, [], [], 0

    async def bench(ctx):
        nonlocal writes
        port, t = dut.port, 0
        asks, address = False, 0
        shown = None
        while t < 1600:
            memory.drive(ctx)
            if not asks:
                asks, address = t < 1400 and rng.random() < 0.5, int(rng.integers(50))
            puts, target = t < 1400 and rng.random() < 0.4, int(rng.integers(50))
            puts, word = puts and not (asks and target == address), int(rng.integers(1 << layout.size))
            ctx.set(port.request.valid, asks)
            ctx.set(port.request.payload, address)
            ctx.set(port.write.valid, puts)
            ctx.set(port.write.payload.address, target)
            ctx.set(port.write.payload.word, layout.from_bits(word))
            request = as_int(ctx, dut.memory.request.payload)
            assert shown in (None, request), "a read that memory has not taken gives way"
            reads = asks and not ctx.get(dut.memory.request.payload.write)
            shown = request if reads and not ctx.get(dut.memory.request.ready) else None
            memory.take(ctx)
            if asks and ctx.get(port.request.ready):
                want.append(model.get(address, 0))
                asks = False
            if puts and ctx.get(port.write.ready):
                model[target], writes = word, writes + 1
            if ctx.get(port.response.valid):
                got.append(as_int(ctx, port.response.payload))
            await ctx.tick()
            t += 1

    simulation(dut, bench)
    assert got == want
    assert min(len(got), writes) > 100
    held = {256 + words * place + i: word >> 32 * i & 0xFFFFFFFF for place, word in model.items() for i in range(words)}
    assert memory.words == held


def test_refuses():
    with pytest.raises(ValueError, match="43 bits do not fit 1 words of 32"):
        WordsOutside(Region(0, 50, 1), 6, WORDS[2], SIGNATURE, writes=False)
    with pytest.raises(ValueError, match="base 32 is no multiple of the size of Region"):
        WordsOutside(Region(32, 50, 1), 6, WORDS[1], SIGNATURE, writes=False)
    inside = preset("tiny").replace(edge_ends=64, pool=16, slots=64)
    with pytest.raises(ValueError, match="lists_outside=False are on the chip; use GraphStore"):
        GraphStoreOutside(inside, SIGNATURE)
