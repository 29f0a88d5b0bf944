"""A memory behind the port of a core, in gateware: so that the two can be simulated as one."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...hw.memory.port import MemoryPort, RequestLayout

__all__ = ["CoreWithMemory", "StallingMemory", "simulated"]


class StallingMemory(wiring.Component):
    """Words that keep their contents in a reset, behind a port that is slow at random.

    Parameters
    ----------
    signature : MemoryPort
        Of the port.
    depth : int
        Words; those beyond read as any other.
    stall : float
        How often each of the three streams does not move in a cycle, 0 to below 1.
    latency : int
        Cycles for which a request waits at least.

    Members
    -------
    port : In(MemoryPort)

    Raises ValueError for a ``stall`` out of range.
    """

    def __init__(self, signature: MemoryPort, depth: int, *, stall: float = 0.0, latency: int = 0):
        if not 0 <= stall < 1:
            raise ValueError(f"stall must be at least 0 and below 1, not {stall}")
        self._depth, self._stall, self._latency = depth, round(stall * 256), latency
        self._memory = Memory(shape=signature.word_bits, depth=depth, init=[])
        self._port = signature
        super().__init__({"port": In(signature)})

    def elaborate(self, platform):
        port, shape = self.port, RequestLayout(self._port.address_bits, self._port.last_bits)
        m = Module()
        m.submodules.memory = memory = self._memory
        m.submodules.requests = requests = SyncFIFO(width=shape.size, depth=4)
        write = memory.write_port(granularity=8)
        read = memory.read_port(domain="comb")
        given = data.View(shape, requests.r_data)
        under_way, at = Signal(shape), Signal(range(max(2, self._depth)))
        busy, waits = Signal(), Signal(range(self._latency + 2))
        # A register of 32 bits with feedback that goes through all values but 0: three bytes of chance.
        chance = Signal(32, init=0x9E3779B9, reset_less=True)
        m.d.sync += chance.eq(Cat(chance[13] ^ chance[1] ^ chance[0] ^ chance[31], chance) ^ (chance >> 17))
        takes, gets, gives = (chance[8 * i : 8 * i + 8] >= self._stall if self._stall else Const(1) for i in range(3))
        with m.If(chance == 0):
            m.d.sync += chance.eq(1)
        shown = Signal()  # a word that has been offered stays
        ends = under_way.last == 0
        moved = (port.write.valid & port.write.ready) | (port.read.valid & port.read.ready)
        m.d.comb += [
            requests.w_data.eq(port.request.payload),
            requests.w_en.eq(port.request.valid & takes),
            port.request.ready.eq(requests.w_rdy & takes),
            write.addr.eq(at),
            write.data.eq(port.write.payload.data),
            write.en.eq(port.write.payload.strobes & (port.write.valid & port.write.ready).replicate(len(write.en))),
            port.write.ready.eq(busy & under_way.write & gets),
            read.addr.eq(at),
            port.read.payload.eq(read.data),
            port.read.valid.eq(busy & ~under_way.write & (gives | shown)),
        ]
        m.d.sync += shown.eq(port.read.valid & ~port.read.ready)
        with m.If(moved):
            m.d.sync += [at.eq(at + 1), under_way.last.eq(under_way.last - 1), busy.eq(~ends)]
        with m.If(~busy):
            m.d.sync += waits.eq(waits + 1)
            with m.If(requests.r_rdy & (waits == self._latency)):
                m.d.comb += requests.r_en.eq(1)
                m.d.sync += [under_way.eq(given), at.eq(given.address), busy.eq(1), waits.eq(0)]
        with m.If(~requests.r_rdy):
            m.d.sync += waits.eq(0)
        return m


class CoreWithMemory(wiring.Component):
    """A core and what is behind its port: words in and out, as of the core.

    Parameters
    ----------
    core : component
        With streams of words ``i`` and ``o``, and a ``memory`` port.
    memory : component
        With a ``port``.
    """

    def __init__(self, core: Any, memory: Any):
        self._core, self._memory = core, memory
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.core, m.submodules.memory = core, memory = self._core, self._memory
        wiring.connect(m, wiring.flipped(self.i), core.i)
        wiring.connect(m, core.o, wiring.flipped(self.o))
        wiring.connect(m, core.memory, memory.port)
        return m


def simulated(core: Any, **options: Any) -> Any:
    """What stands for a core in a simulation: it alone, or with a :class:`StallingMemory` behind its port, if it has
    one, whose ``options`` these are."""
    members = core.signature.members if hasattr(core, "signature") else {}
    if "memory" not in members:
        return core
    member = members["memory"]
    return CoreWithMemory(core, StallingMemory(member.signature, 1 << member.signature.address_bits, **options))
