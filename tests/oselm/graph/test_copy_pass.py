"""Lists that are copied and changed on the way, against lists in Python; a memory that stalls."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.copy_pass import CopyPass
from skipwalk.hw.oselm.graph.layouts import EntryLayout

from ...support.graph_memory import PlainMemory, simulation
from ...support.streams import encode

CFG = preset("tiny").replace(nodes=300, edge_ends=1024)


def copied(words, bits, sum_bits, *, source, target, count, index, change, insert, entry):
    """The memory afterwards."""
    moved = words[source : source + count]
    moved = [
        w if k < index else ((w >> bits) + change) % (1 << sum_bits) << bits | w % (1 << bits)
        for k, w in enumerate(moved)
    ]
    if insert:
        moved.insert(index, entry)
    return words[:target] + moved + words[target + len(moved) :]


def random_copy(rng, cfg):
    count = int(rng.choice([0, 1, 2, 3, 17, 60, 130, 290]))
    index = int(rng.choice([rng.integers(0, count + 1), max(0, count - 3)]))
    copy = {"count": count, "index": index, "insert": int(rng.integers(0, 2))}
    copy["source"] = source = int(rng.integers(1, 120))
    # To another room, in place, or down by one.
    copy["target"] = int(rng.choice([source + 300, source, source if copy["insert"] else source - 1]))
    copy["entry"] = {"row": int(rng.integers(cfg.nodes))}
    if cfg.weight_bits:
        copy["entry"]["sum"] = int(rng.integers(1 << cfg.weight_bits))
        copy["change"] = int(rng.integers(1 << cfg.weight_bits))
    return copy


@pytest.mark.parametrize(("stall", "write_stall"), [(0.0, 0.0), (0.3, 0.3), (0.8, 0.8), (0.1, 0.9)])
@pytest.mark.parametrize("weight_bits", [0, 17])
def test_copies(weight_bits, stall, write_stall):
    cfg = CFG.replace(weight_bits=weight_bits)
    rng = np.random.default_rng([weight_bits, int(10 * stall)])
    dut, layout = CopyPass(cfg), EntryLayout(cfg)
    memory = PlainMemory(
        dut.entries, rng.integers(0, 1 << layout.size, cfg.edge_ends).tolist(), stall=stall, write_stall=write_stall
    )
    n_copies = 40

    async def bench(ctx):
        for _ in range(n_copies):
            copy = random_copy(rng, cfg)
            plain = copy | {"change": copy.get("change", 0), "entry": encode(copy["entry"], layout)}
            want = copied(memory.words, cfg.row_bits, max(1, weight_bits), **plain)
            ctx.set(dut.i.payload, copy)
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)
            cycles = 1
            while not ctx.get(dut.i.ready):
                await ctx.tick()
                cycles += 1
                assert cycles < 5000, f"{copy} does not end"
            assert memory.words == want, copy
            if not stall:
                reads = copy["count"] + memory.latency if copy["count"] else 0
                most = reads + CopyPass.OVERHEAD + (copy["insert"] and copy["index"] > 0)
                assert cycles == (most if reads or copy["insert"] else 2), copy

    simulation(dut, bench, memory.serve)
