"""Bursts cut at pages: each word of a request once, in order, no part over the end of a page, a part a cycle."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.memory.cutter import BurstCutter

from ..support.simulator import simulator_of

ADDRESS_BITS, LAST_BITS, PAGE_BITS = 13, 8, 6
PAGE = 1 << PAGE_BITS


def parts_of(address, words):
    """Address and words of each part."""
    while words:
        taken = min(words, PAGE - address % PAGE)
        yield address, taken
        address, words = (address + taken) % (1 << ADDRESS_BITS), words - taken


def requests(seed):
    """Each bit of an address and of a length alone, what ends next to the end of a page, and anything."""
    rng = np.random.default_rng(seed)
    found = [(1 << bit, 1) for bit in range(ADDRESS_BITS)] + [(0, 1 << bit) for bit in range(LAST_BITS + 1)]
    for before in [*range(1, PAGE + 1), *(1 << bit for bit in range(PAGE_BITS))]:
        found += [(3 * PAGE - before, max(1, before + more)) for more in (-1, 0, 1, PAGE, PAGE + 1)]
    found += zip(rng.integers(0, 1 << ADDRESS_BITS, 400).tolist(), rng.integers(1, 257, 400).tolist(), strict=True)
    return [(address, words, int(rng.integers(2))) for address, words in found]


@pytest.mark.parametrize("gaps", [0.0, 0.4], ids=["at full rate", "with stalls"])
def test_parts_of_a_request(gaps):
    dut, rng = BurstCutter(ADDRESS_BITS, LAST_BITS, PAGE_BITS), np.random.default_rng(1)
    waiting, seen, cycles = requests(0), [], 0
    expected = [(start, taken, write) for at, words, write in waiting for start, taken in parts_of(at, words)]

    async def bench(ctx):
        nonlocal cycles
        given = 0
        offers = False
        while len(seen) < len(expected):
            offers = given < len(waiting) and (offers or rng.random() >= gaps)
            address, words, write = waiting[min(given, len(waiting) - 1)]
            ctx.set(dut.i.payload, {"address": address, "last": words - 1, "write": write})
            ctx.set(dut.i.valid, offers)
            takes = int(rng.random() >= gaps)
            ctx.set(dut.o.ready, takes)
            part = dut.o.payload
            if takes and ctx.get(dut.o.valid):
                seen.append((ctx.get(part.address), ctx.get(part.last) + 1, ctx.get(part.write)))
            if offers and ctx.get(dut.i.ready):
                given, offers = given + 1, False
            await ctx.tick()
            cycles += 1
            assert cycles < 20 * len(expected)

    simulator = simulator_of(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == expected
    if not gaps:
        assert cycles == len(expected) + 1
