"""A memory port between two clocks, in Amaranth's simulator: nothing is lost, doubled or overtaken, whatever the clocks
are, and nothing of before a reset comes out behind it."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import ClockDomain, Module
from skipwalk.hw.memory.crossing import PortCrossing
from skipwalk.hw.memory.port import MemoryPort
from skipwalk.sim.memory.port import Burst, PlainMemory

from ..support.memory_port import PlainPort, PortDriver
from ..support.simulator import simulator_of

SIGNATURE = MemoryPort(12, 32, 5)
#: Periods of core and memory in ps, and by how much the memory's edges are late.
CLOCKS = {
    "3:4": (13_333, 10_000, 0),
    "4:3": (10_000, 13_333, 0),
    "equal, late": (10_000, 10_000, 3_700),
    "awkward": (13_331, 10_007, 1),
    "much faster": (41_001, 10_000, 5),
    "much slower": (10_000, 41_001, 5),
}


class Bench:
    """A crossing, a core at ``sync`` and a plain memory at ``memory``, which is also told of resets."""

    def __init__(self, clocks, seed: int = 0, gaps: float = 0.0, unread: float = 0.0):
        self.core_ps, self.memory_ps, self.late_ps = clocks
        self.dut = PortCrossing(SIGNATURE)
        self.rng = np.random.default_rng(seed)
        self.gaps = gaps, gaps, max(gaps, unread)
        self.memory = PlainPort(self.dut.memory, np.random.default_rng(seed + 1), gaps)
        self.opened = [0, 0]  # events that went in, and out
        self.resets = 0  # that the memory has seen
        self.spent: list[int] = []  # cycles from the end of a reset until the port was open
        self.before: dict[int, int] = {}  # words at its last reset
        self.first: dict[str, int] = {}  # ps: when something was the case for the first time
        self._edges = [0, 0]  # of core and memory
        self._ended = False

    def run(self, *parts, resets=(), width: int = 1, limit: int = 30_000):
        """Parts of bursts, with a reset of ``width`` cycles at the cycle ``resets`` of each part but the last; their
        drivers."""
        m = Module()
        m.submodules.dut = dut = self.dut
        m.domains.sync = sync = ClockDomain()
        m.domains.memory = ClockDomain(reset_less=True)
        drivers = [PortDriver(dut.port, part, self.rng, self.gaps) for part in parts]

        async def tick(ctx):
            await ctx.tick()
            self._edges[0] += 1

        def notes(what, *, at):
            """At the last edge of the core, or of the memory."""
            edges = (self._edges[0] - 1) * self.core_ps, self.late_ps + (self._edges[1] - 1) * self.memory_ps
            self.first.setdefault(what, edges[at])

        async def core(ctx):
            for part, driver in enumerate(drivers):
                cycle, since = 0, None
                while not driver.done if part == len(drivers) - 1 else cycle < resets[part]:
                    driver.step(ctx, cycle)
                    if since is None and ctx.get(dut.port.request.ready):
                        since = cycle
                    self.opened[1] += ctx.get(dut.port.opened)
                    if ctx.get(dut.port.read.valid):
                        notes("read", at=0)
                    asked = ctx.get(dut.port.request.ready) and ctx.get(dut.port.request.valid)
                    await tick(ctx)
                    if asked:
                        notes("asked", at=0)
                    cycle += 1
                    assert cycle < limit
                if part and since is not None:
                    self.spent.append(since)
                if part < len(drivers) - 1:
                    # What it offers in the first cycle of the reset may be taken.
                    ctx.set(sync.rst, 1)
                    await tick(ctx)
                    ctx.set(dut.port.request.valid, 0)
                    ctx.set(dut.port.write.valid, 0)
                    for _ in range(width - 1):
                        await tick(ctx)
                    ctx.set(sync.rst, 0)
            self.cap = 0
            for _ in range(60):
                self.opened[1] += ctx.get(dut.port.opened)
                await tick(ctx)
            self._ended = True

        async def memory(ctx):
            before = 1
            while not self._ended:
                reset = ctx.get(dut.reset)
                if reset:
                    # One that is in reset offers nothing, and takes as it likes; what it was at is forgotten.
                    self.memory.forget()
                    if not before:
                        self.resets += 1
                        self.before = dict(self.memory.words)
                    ctx.set(dut.memory.read.valid, int(self.rng.integers(2)))
                    ctx.set(dut.memory.opened, 0)
                    moving = dut.memory.request.valid, dut.memory.write.valid, dut.memory.read.ready
                    assert not any(ctx.get(signal) for signal in moving)
                else:
                    self.memory.drive(ctx)
                    opens = int(self.opened[0] < self.cap and self.rng.random() < self.often)
                    self.opened[0] += opens
                    ctx.set(dut.memory.opened, opens)
                    self.memory.take(ctx)
                if ctx.get(dut.memory.request.valid):
                    notes("seen", at=1)
                given = ctx.get(dut.memory.read.ready) and ctx.get(dut.memory.read.valid)
                before = reset
                await ctx.tick("memory")
                self._edges[1] += 1
                if given:
                    notes("given", at=1)

        simulator = simulator_of(m)
        simulator.add_clock(self.core_ps * 1e-12, phase=0)
        simulator.add_clock(self.memory_ps * 1e-12, phase=self.late_ps * 1e-12, domain="memory")
        simulator.add_testbench(core)
        simulator.add_testbench(memory, background=True)
        simulator.run()
        return drivers

    #: Events that the memory has, and how often.
    cap, often = 0, 0.0


def some(rng, n: int) -> list[Burst]:
    addresses = [*rng.integers(0, 4096 - 32, 6).tolist(), 0]
    return PlainMemory(32).random_bursts(rng, n, addresses, 12, whole=True)


@pytest.mark.parametrize("name", CLOCKS)
def test_bursts_and_events_cross_in_order(name):
    tried = Bench(CLOCKS[name], len(name), gaps=0.5)
    tried.cap, tried.often = 60, 0.3 * min(1, tried.memory_ps / tried.core_ps)
    bursts = [*some(tried.rng, 12), Burst(5, 30)]
    (driver,) = tried.run(bursts)
    assert driver.reads == PlainMemory(32).run(bursts)
    assert tried.opened[0] == tried.opened[1] > 5
    assert tried.resets == 0


@pytest.mark.parametrize("name", CLOCKS)
def test_nothing_of_before_a_reset_comes_out_behind_it(name):
    """Resets in the midst of bursts, and so soon after one another that the first one has not ended."""
    tried = Bench(CLOCKS[name], 7, 0.1, unread=0.9)
    width = 31 if name == "awkward" else 1
    resets = [int(tried.rng.integers(60, 160)) if i % 2 == 0 else int(tried.rng.integers(1, 40)) for i in range(5)]
    parts = [some(tried.rng, 40) for _ in resets]
    last = [Burst(0, 20, tuple(range(1, 21)), (15,) * 20), Burst(0, 20), *some(tried.rng, 10)]
    plain = PlainMemory(32)
    drivers = tried.run(*parts, last, resets=resets, width=width)
    # What was written before the last reset is still there.
    plain.words = dict(tried.before)
    assert drivers[-1].reads[:20] == list(range(1, 21))
    assert drivers[-1].reads == plain.run(last)
    assert tried.resets >= 2
    most = PortCrossing.reset_cycles(tried.core_ps / tried.memory_ps)
    assert 0 < max(tried.spent) <= most


@pytest.mark.parametrize("name", ["3:4", "4:3", "equal, late"])
def test_a_word_a_cycle_of_the_slower_clock(name):
    """And as long there and back as is said."""
    tried = Bench(CLOCKS[name])
    slower = max(tried.core_ps, tried.memory_ps)
    words = Burst(0, 32, tuple(range(32)), (15,) * 32)
    (driver,) = tried.run([Burst(0, 1), *[words] * 4, *[Burst(0, 32)] * 4])
    assert 0 <= tried.first["seen"] - tried.first["asked"] <= 2 * tried.memory_ps
    assert 0 <= tried.first["read"] - tried.first["given"] <= 3 * tried.core_ps
    reads = driver.times[1:]
    assert (reads[-1] - reads[0]) * tried.core_ps <= 127 * slower + tried.core_ps
