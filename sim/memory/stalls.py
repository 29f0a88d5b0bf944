"""A memory whose port is slow at random."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ...hw.memory.port import MemoryPort

__all__ = ["Stalled"]


class Stalled(wiring.Component):
    """In front of a memory: each of the three streams stands still in a cycle by chance. What has been offered stays.

    Parameters
    ----------
    signature : MemoryPort
        Of the port.
    memory : component
        With such a ``port``.
    stall : float
        How often, 0 to below 1.

    Members
    -------
    port : In(MemoryPort)

    Raises ValueError for a ``stall`` out of range.
    """

    def __init__(self, signature: MemoryPort, memory: Any, stall: float):
        if not 0 <= stall < 1:
            raise ValueError(f"stall must be at least 0 and below 1, not {stall}")
        self._memory, self._stall = memory, round(stall * 256)
        super().__init__({"port": In(signature)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = self._memory
        # A register of 32 bits with feedback: three bytes of chance. It goes on through a reset.
        chance = Signal(32, init=0x9E3779B9, reset_less=True)
        m.d.sync += chance.eq(Cat(chance[13] ^ chance[1] ^ chance[0] ^ chance[31], chance) ^ (chance >> 17))
        with m.If(chance == 0):
            m.d.sync += chance.eq(1)
        near, far = self.port, memory.port
        pairs = ((near.request, far.request), (near.write, far.write), (far.read, near.read))
        for i, (source, sink) in enumerate(pairs):
            shown = Signal(name=f"shown_{i}")
            moves = (chance[8 * i : 8 * i + 8] >= self._stall) | shown if self._stall else Const(1)
            m.d.comb += [
                sink.payload.eq(source.payload),
                sink.valid.eq(source.valid & moves),
                source.ready.eq(sink.ready & moves),
            ]
            m.d.sync += shown.eq(sink.valid & ~sink.ready)
        m.d.comb += near.opened.eq(far.opened)
        return m
