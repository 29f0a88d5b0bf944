"""A core whose memory is behind an AXI4 master."""

from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory.axi import AxiBus, AxiMaster
from ..memory.port import widened

__all__ = ["CoreOnAxi"]


class CoreOnAxi(wiring.Component):
    """The core and the master. A bus cannot be left in the middle of a burst: where the core is to be reset alone, its
    words and its requests to memory stop at once, and the reset comes when all bursts have been answered.

    Parameters
    ----------
    core : component
        With streams of words ``i`` and ``o``, and a ``memory`` port.

    Members
    -------
    i : In(stream.Signature(32)), o : Out(stream.Signature(32))
    axi : Out(AxiBus), base : In(BUS_BITS)
        Where its memory is; ``base`` is steady while the core works.
    hold : In(1)
        Reset the core, once it can be; for a cycle or for long.
    idle : Out(1), failed : Out(2)
        As of :class:`~skipwalk.hw.memory.axi.AxiMaster`.

    Timing: streams pass through without latency.
    """

    #: Of the bus's addresses, which count bytes.
    BUS_BITS = 32

    def __init__(self, core: Any):
        memory = core.signature.members["memory"].signature
        self._core = core
        self._master = AxiMaster(
            address_bits=memory.address_bits,
            data_bits=memory.word_bits,
            last_bits=memory.last_bits,
            bus_bits=self.BUS_BITS,
        )
        words = stream.Signature(32)
        super().__init__(
            {
                "i": In(words),
                "o": Out(words),
                "axi": Out(AxiBus(self.BUS_BITS, memory.word_bits)),
                "base": In(self.BUS_BITS),
                "hold": In(1),
                "idle": Out(1),
                "failed": Out(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core, master = self._core, self._master
        waiting, stopped, resets, closed = Signal(), Signal(), Signal(), Signal()
        m.submodules.core = ResetInserter(resets)(core)
        m.submodules.master = master
        widened(m, core.memory, master.port)
        wiring.connect(m, master.axi, wiring.flipped(self.axi))
        # Parts of a core whose reset is a register still ask in the cycle behind it.
        m.d.sync += [waiting.eq(stopped & ~master.idle), closed.eq(resets)]
        with m.If(stopped | closed):
            m.d.comb += [master.port.request.valid.eq(0), core.memory.request.ready.eq(0)]
        m.d.comb += [
            stopped.eq(self.hold | waiting),
            resets.eq(stopped & master.idle),
            core.i.payload.eq(self.i.payload),
            core.i.valid.eq(self.i.valid & ~stopped),
            self.i.ready.eq(core.i.ready & ~stopped),
            self.o.payload.eq(core.o.payload),
            self.o.valid.eq(core.o.valid & ~stopped),
            core.o.ready.eq(self.o.ready & ~stopped),
            master.base.eq(self.base),
            self.idle.eq(master.idle),
            self.failed.eq(master.failed),
        ]
        return m
