"""Counters of events."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .protocol import COUNTER_BITS

__all__ = ["CounterBank"]


class CounterBank(wiring.Component):
    """``n`` counters of ``COUNTER_BITS`` bits.

    Members: ``events`` In(n), ``clear`` In(1), ``counts`` Out array. An event is counted two cycles
    after it, so that neither events nor ``clear`` have to come early; ``clear`` wins. A reset clears
    them by the same register, a cycle later: the wire of the reset itself does not reach them.
    """

    def __init__(self, n: int):
        super().__init__({"events": In(n), "clear": In(1), "counts": Out(COUNTER_BITS).array(n)})

    def elaborate(self, platform):
        m = Module()
        events, clear = Signal(self.events.shape(), reset_less=True), Signal(init=1)
        m.d.sync += [events.eq(self.events), clear.eq(self.clear)]
        for n, port in enumerate(self.counts):
            count = Signal(port.shape(), name=f"count_{n}", reset_less=True)
            m.d.comb += port.eq(count)
            with m.If(clear):
                m.d.sync += count.eq(0)
            with m.Elif(events[n]):
                m.d.sync += count.eq(count + 1)
        return m
