"""A core behind an AXI4 master, in Amaranth's simulator: it is reset alone, and the bus sees whole bursts only."""

import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.fabric.held import held
from skipwalk.hw.memory.port import MemoryPort
from skipwalk.hw.ports.axi_memory import CoreOnAxi

from ..support.simulator import simulator_of

PORT = MemoryPort(12, 32, 2)
#: Words of a burst.
WORDS = 4


class _Asker(wiring.Component):
    """Asks for a burst ``gap`` cycles, at least one, after the one before; ``stray``: a word of a read has come that it
    has not asked for."""

    def __init__(self, gap: int, write: bool):
        self._gap, self._write = gap, write
        super().__init__({"memory": Out(PORT), "stray": Out(1)})

    def elaborate(self, platform):
        m = Module()
        asked, moved = self.memory.request, self.memory.write if self._write else self.memory.read
        waits, owed = Signal(8), Signal(8)  # words of bursts that have been taken
        takes, moves = asked.valid & asked.ready, moved.valid & moved.ready
        m.d.comb += [
            asked.valid.eq((waits == self._gap) & (owed < 8 * WORDS)),
            asked.payload.last.eq(WORDS - 1),
            asked.payload.write.eq(self._write),
            self.memory.write.payload.strobes.eq(15),
            self.memory.write.valid.eq(self._write & (owed != 0)),
            self.memory.read.ready.eq(1),
            self.stray.eq(moves & (owed == 0)),
        ]
        m.d.sync += [owed.eq(owed + WORDS * takes - moves), waits.eq(waits + (waits != self._gap))]
        with m.If(takes):
            m.d.sync += waits.eq(0)
        return m


class _Core(wiring.Component):
    """As in a core, the asker's reset is a register's, and so a cycle late."""

    def __init__(self, gap: int, write: bool):
        self._asker = _Asker(gap, write)
        words = stream.Signature(32)
        super().__init__({"i": In(words), "o": Out(words), "memory": Out(PORT)})

    @property
    def stray(self):
        return self._asker.stray

    def elaborate(self, platform):
        m = Module()
        flushed = Signal(range(9))
        flushing = flushed != 8
        m.d.sync += flushed.eq(flushed + flushing)
        m.submodules.asker = held(m, self._asker, flushing, name="held_asker")
        wiring.connect(m, self._asker.memory, wiring.flipped(self.memory))
        return m


class Bus:
    """A memory that takes everything at once, and answers the next cycle. ``due``, ``came``: words of writes."""

    def __init__(self, core: _Core):
        self.dut, self.core = CoreOnAxi(core), core
        self.due = self.came = self._answered = self._reads = 0
        self.idle: list[int] = []
        self.stray = False

    async def cycle(self, ctx, hold: bool) -> None:
        axi = self.dut.axi
        for name in ("awready", "wready", "arready"):
            ctx.set(getattr(axi, name), 1)
        answers, reads = self.came >= self._answered + WORDS, self._reads > 0
        ctx.set(axi.bvalid, answers)
        ctx.set(axi.rvalid, reads)
        ctx.set(axi.rlast, self._reads % WORDS == 1)
        ctx.set(self.dut.hold, hold)
        self._answered += WORDS * answers
        self._reads += WORDS * ctx.get(axi.arvalid) - reads
        self.due += WORDS * ctx.get(axi.awvalid)
        self.came += ctx.get(axi.wvalid)
        self.idle.append(ctx.get(self.dut.idle))
        self.stray |= bool(ctx.get(self.core.stray))
        await ctx.tick()

    def run(self, hold) -> "Bus":
        """With CONTROL as ``hold`` lists it, cycle by cycle."""

        async def bench(ctx):
            for held_now in hold:
                await self.cycle(ctx, held_now)

        simulator = simulator_of(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
        return self


@pytest.mark.parametrize("write", [False, True])
def test_a_core_that_never_rests_is_reset(write):
    """Who is to stop asks memory for no more."""
    bus = Bus(_Core(1, write)).run([False] * 100 + [True] * 100)
    assert not any(bus.idle[30:100])
    assert all(bus.idle[150:])
    assert bus.due == bus.came
    assert (bus.due > 0) == write


@pytest.mark.parametrize("write", [False, True])
def test_no_burst_begins_while_a_reset_is_on_its_way(write):
    """Held for a single cycle, whichever: no burst goes without its words, and no words come to who has been reset."""
    for at in range(40, 60):
        bus = Bus(_Core(9, write)).run([t == at for t in range(100)] + [True] * 50)
        assert bus.idle[-1], f"hold in cycle {at}"
        assert bus.due == bus.came, f"hold in cycle {at}"
        assert not bus.stray, f"hold in cycle {at}"
