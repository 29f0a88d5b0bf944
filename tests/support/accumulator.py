"""A small component with the core's ports, to try the simulators on."""

from amaranth.hdl import Module, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Accumulator"]


class Accumulator(wiring.Component):
    """Answers each word but ``SILENT`` with the sum, modulo 2**32, of all words since reset.

    Takes a word in each cycle as long as fewer than ``depth`` answers wait.
    """

    #: Swallowed without an answer.
    SILENT = 0xFFFF_FFFF

    def __init__(self, depth: int = 4):
        self._depth = depth
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.answers = answers = fifo.SyncFIFOBuffered(width=32, depth=self._depth)
        total = Signal(32)
        m.d.comb += [
            self.i.ready.eq(answers.w_rdy),
            answers.w_data.eq((total + self.i.payload)[:32]),
            answers.w_en.eq(self.i.valid & (self.i.payload != self.SILENT)),
            self.o.payload.eq(answers.r_data),
            self.o.valid.eq(answers.r_rdy),
            answers.r_en.eq(self.o.ready),
        ]
        with m.If(self.i.valid & self.i.ready & (self.i.payload != self.SILENT)):
            m.d.sync += total.eq(total + self.i.payload)
        return m
