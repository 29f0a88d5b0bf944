"""Binary search in a neighbour list against numpy's."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.layouts import EntryLayout
from skipwalk.hw.oselm.graph.search import FoundLayout, Search

from ...support.graph_memory import PlainMemory, answers, simulation
from ...support.streams import encode

CFG = preset("tiny").replace(nodes=300, edge_ends=512, weight_bits=20)


def searches(cfg, rng, n):
    """Lists one after another in a memory, and what is looked for in them: what is there, what is not, either end."""
    memory, sought = [], []
    for _ in range(n):
        count = int(rng.choice([0, 1, 2, 3, 4, 7, 8, 40]))
        rows = np.sort(rng.choice(np.arange(1, cfg.nodes - 1), count, replace=False))
        sums = np.cumsum(rng.integers(1, 1 << 14, count))
        by_sum = cfg.weight_bits > 0 and rng.random() < 0.5
        values = sums if by_sum else rows
        some = rng.choice(values) + rng.integers(-1, 2) if count else 5
        key = int(rng.choice([0, some, values[-1] if count else 1, cfg.nodes - 1]))
        words = [
            {"row": int(r)} | ({"sum": int(s)} if cfg.weight_bits else {}) for r, s in zip(rows, sums, strict=True)
        ]
        first = len(memory)
        memory += [encode(word, EntryLayout(cfg)) for word in words]
        index = int(np.searchsorted(values, key))
        want = {"index": index, "found": index < count and values[index] == key}
        asked = {"first": first, "count": count, "key": key} | ({"by_sum": by_sum} if cfg.weight_bits else {})
        sought.append((asked, want, words[index] if index < count else None))
        if len(memory) > cfg.edge_ends - 50:
            break
    return memory + [0] * (cfg.edge_ends - len(memory)), sought


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("weight_bits", [0, 20])
def test_search(weight_bits, stall):
    cfg = CFG.replace(weight_bits=weight_bits)
    for seed in range(4):
        words, sought = searches(cfg, np.random.default_rng(seed), 60)
        dut = Search(cfg)
        memory = PlainMemory(dut.entries, words, stall=stall)
        got, cycles = [], []

        async def bench(ctx, dut=dut, sought=sought, got=got, cycles=cycles):
            for into, part in zip(
                (got, cycles), await answers(ctx, dut, [a for a, *_ in sought], gap=stall), strict=True
            ):
                into += part

        simulation(dut, bench, memory.serve)
        for bits, n, (asked, want, entry) in zip(got, cycles, sought, strict=True):
            found = FoundLayout(cfg).from_bits(bits)
            assert (found.index, found.found) == (want["index"], want["found"]), asked
            if entry is not None:
                assert {name: found.entry[name] for name in entry} == entry, asked
            if not stall:
                most = Search.OVERHEAD + asked["count"].bit_length() * (memory.latency + 2)
                assert n <= most
                assert want["found"] or n >= most - memory.latency - 2
                assert asked["count"] or n == Search.OVERHEAD
