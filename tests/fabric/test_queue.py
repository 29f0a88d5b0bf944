"""RegisterQueue: a SyncFIFO, to the cycle."""

from random import Random

import pytest
from amaranth.hdl import Module
from amaranth.lib.fifo import SyncFIFO
from skipwalk.hw.fabric.queue import RegisterQueue

from ..support.simulator import simulator_of


@pytest.mark.parametrize("depth", [1, 2, 4, 5])
def test_it_is_a_fifo_to_the_cycle(depth):
    queue, reference = RegisterQueue(width=8, depth=depth), SyncFIFO(width=8, depth=depth)
    m = Module()
    m.submodules.queue, m.submodules.reference = queue, reference
    random = Random(depth)
    seen = set()

    async def check(ctx):
        busy = 0.5
        for cycle in range(600):
            if cycle % 50 == 0:
                busy = random.choice([0.1, 0.5, 0.9, 1.0])
            write, read, value = random.random() < busy, random.random() < 1.1 - busy, random.randrange(256)
            for dut in (queue, reference):
                ctx.set(dut.w_en, write)
                ctx.set(dut.r_en, read)
                ctx.set(dut.w_data, value)
            ready = [(ctx.get(dut.w_rdy), ctx.get(dut.r_rdy)) for dut in (queue, reference)]
            assert ready[0] == ready[1], cycle
            if ready[1][1]:
                assert ctx.get(queue.r_data) == ctx.get(reference.r_data), cycle
            seen.add((*ready[1], write, read))
            await ctx.tick()

    sim = simulator_of(m)
    sim.add_clock(1e-6)
    sim.add_testbench(check)
    sim.run()
    both = depth > 1  # with one entry it is never neither full nor empty
    assert len(seen) == (12 if both else 8), "empty, full and between, with each of what may happen"


def test_a_queue_has_an_entry():
    with pytest.raises(ValueError, match="at least one entry, not 0"):
        RegisterQueue(width=8, depth=0)
