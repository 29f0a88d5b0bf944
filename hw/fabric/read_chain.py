"""A shift register through the lanes: a row goes in at once and comes out element by element, over local wires."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .pipeline import delay, hops

__all__ = ["ReadChain", "chain_latency"]


def chain_latency(groups: int) -> int:
    """:attr:`ReadChain.latency` of a chain through so many groups."""
    return 1 if groups == 1 else 2


class ReadChain(wiring.Component):
    """Parallel in, serial out.

    Parameters
    ----------
    lanes, bits : int
        Elements, and their width.
    sources : int
        How many places a row can come from.
    groups : int
        The lanes come in so many equal groups, each a cycle later than the one before it: so do ``rows``, while
        ``load`` and ``shift`` are those of group 0.

    Members
    -------
    load : In(sources)
        At most one bit is high: the row of that source is taken. Wins over ``shift``.
    rows : In(ArrayLayout(ArrayLayout(signed(bits), lanes), sources))
    shift : In(1)
        Every element moves one lane towards lane 0.
    o : Out(signed(bits))
        The element that is in lane 0.

    Timing: ``o`` is element 0 :attr:`latency` cycles after ``load``, and the next element as long after a shift. With
    several groups the row and what to do with it wait in registers of each group first.
    """

    def __init__(self, lanes: int, bits: int, sources: int, groups: int = 1):
        self._lanes, self._bits, self._sources, self._groups = lanes, bits, sources, groups
        super().__init__(
            {
                "load": In(sources),
                "rows": In(data.ArrayLayout(data.ArrayLayout(signed(bits), lanes), sources)),
                "shift": In(1),
                "o": Out(signed(bits)),
            }
        )

    @property
    def latency(self) -> int:
        return chain_latency(self._groups)

    def elaborate(self, platform):
        m = Module()
        chain = [Signal(signed(self._bits), name=f"chain_{i}", reset_less=True) for i in range(self._lanes)]
        coming = [Signal.like(register, name=f"coming_{i}") for i, register in enumerate(chain)]
        m.d.comb += self.o.eq(chain[0])
        m.d.sync += [register.eq(value) for register, value in zip(chain, coming, strict=True)]
        size = self._lanes // self._groups
        control = hops(m, Cat(self.shift, self.load), self._groups, name="control")
        near = self.latency - 1
        shifts = [delay(m, c[0], near, name=f"shift_{group}") for group, c in enumerate(control)]
        loads = [delay(m, c[1:].any(), near, name=f"load_{group}") for group, c in enumerate(control)]
        for i in range(self._lanes):
            row = Signal(signed(self._bits), name=f"row_{i}")
            for source in range(self._sources):
                with m.If(control[i // size][1 + source]):
                    m.d.comb += row.eq(self.rows[source][i])
            taken = delay(m, row, near, name=f"taken_{i}")
            m.d.comb += coming[i].eq(chain[i])
            if i + 1 < self._lanes:
                # The next group is a cycle behind: what it will hold then is what this one has to see now.
                after = coming[i + 1] if (i + 1) % size == 0 else chain[i + 1]
                with m.If(shifts[i // size]):
                    m.d.comb += coming[i].eq(after)
            with m.If(loads[i // size]):
                m.d.comb += coming[i].eq(taken)
        return m
