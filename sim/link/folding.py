"""A core for trying out a link, in simulation or on a board."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FoldingCore"]


class FoldingCore(wiring.Component):
    """Answers each word w with f, where ``f <- rotl(f, 5) xor (w + 1)``, f = 0 at first; all modulo 2**32.

    A word that is lost, changed, doubled or out of order changes every answer after it.

    Members
    -------
    i : In(stream.Signature(32))
        Words w.
    o : Out(stream.Signature(32))
        Words f.

    Timing: latency 1, a word each cycle.
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        fold = Signal(32)
        m.d.comb += [self.i.ready.eq(~self.o.valid | self.o.ready), self.o.payload.eq(fold)]
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += fold.eq(fold.rotate_left(5) ^ (self.i.payload + 1)[:32])
        return m
