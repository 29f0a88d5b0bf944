"""A shift register through the lanes: a row goes in at once and comes out element by element, over local wires."""

from itertools import pairwise

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ReadChain"]


class ReadChain(wiring.Component):
    """Parallel in, serial out.

    Parameters
    ----------
    lanes, bits : int
        Elements, and their width.
    sources : int
        How many places a row can come from.

    Members
    -------
    load : In(sources)
        At most one bit is high: the row of that source is taken. Wins over ``shift``.
    rows : In(ArrayLayout(ArrayLayout(signed(bits), lanes), sources))
    shift : In(1)
        Every element moves one lane towards lane 0.
    o : Out(signed(bits))
        The element that is in lane 0.

    Timing: ``o`` is element 0 in the cycle after ``load``, element i after i shifts.
    """

    def __init__(self, lanes: int, bits: int, sources: int):
        self._lanes, self._bits, self._sources = lanes, bits, sources
        super().__init__(
            {
                "load": In(sources),
                "rows": In(data.ArrayLayout(data.ArrayLayout(signed(bits), lanes), sources)),
                "shift": In(1),
                "o": Out(signed(bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        chain = [Signal(signed(self._bits), name=f"chain_{i}", reset_less=True) for i in range(self._lanes)]
        m.d.comb += self.o.eq(chain[0])
        with m.If(self.shift):
            for here, after in pairwise(chain):
                m.d.sync += here.eq(after)
        for source in range(self._sources):
            with m.If(self.load[source]):
                m.d.sync += [chain[i].eq(self.rows[source][i]) for i in range(self._lanes)]
        return m
