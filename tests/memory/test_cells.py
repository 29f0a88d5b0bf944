"""The memories that stand behind a core in simulations answer what a memory port has to, stalls and resets aside."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, ResetInserter, Signal
from skipwalk.hw.memory.port import MemoryPort
from skipwalk.hw.memory.sdram_config import SdramConfig
from skipwalk.sim.memory.behind import StallingMemory
from skipwalk.sim.memory.cells import SdramMemory
from skipwalk.sim.memory.port import Burst, PlainMemory

from ..support.lora_blocks import bench
from ..support.memory_port import PortDriver

SIGNATURE = MemoryPort(12, 32, 5)
SDRAM = SdramConfig(clock_hz=94_000_000, powerup_us=1, refresh_ms=12)
MEMORIES = {
    "plain": lambda: StallingMemory(SIGNATURE, 1 << 12),
    "stalls": lambda: StallingMemory(SIGNATURE, 1 << 12, stall=0.5, latency=7),
    "sdram": lambda: SdramMemory(SIGNATURE, SDRAM),
    "sdram, cas 3": lambda: SdramMemory(SIGNATURE, SdramConfig(clock_hz=133_000_000, cas=3, powerup_us=1)),
}


@pytest.mark.parametrize("gaps", [(0.0, 0.0, 0.0), (0.4, 0.5, 0.6)], ids=["full rate", "gaps"])
@pytest.mark.parametrize("name", MEMORIES)
def test_bursts(name, gaps):
    """A reset between two parts: what was written before it is still there."""
    rng = np.random.default_rng(len(name))
    dut, model, reset = MEMORIES[name](), PlainMemory(32), Signal()
    addresses = [*rng.integers(0, 4096 - 32, 20).tolist(), 0, 256 - 7, 512 - 1, 4096 - 32]
    # What was asked for before a read has been written when that has come.
    parts = [[*model.random_bursts(rng, 25, addresses, 32), Burst(0, 1)] for _ in range(2)]
    drivers = [PortDriver(dut.port, bursts, rng, gaps) for bursts in parts]
    finished = []

    def step(ctx, t):
        again = drivers[0].done and not finished
        ctx.set(reset, int(again))
        if again:
            finished.append(drivers.pop(0))
            return True
        drivers[0].step(ctx, t)
        return not (finished and drivers[0].done)

    m = Module()
    m.submodules.dut = ResetInserter(reset)(dut)
    bench(m, step, limit=60_000)
    assert [*finished[0].reads, *drivers[0].reads] == [word for part in parts for word in model.run(part)]


def test_a_memory_that_never_moves_is_refused():
    with pytest.raises(ValueError, match=r"stall must be at least 0 and below 1, not 1"):
        StallingMemory(SIGNATURE, 16, stall=1)
