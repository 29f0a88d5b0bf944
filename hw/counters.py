"""Counters of events."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .protocol import COUNTER_BITS

__all__ = ["CounterBank"]


class CounterBank(wiring.Component):
    """``n`` counters of ``COUNTER_BITS`` bits.

    Members: ``events`` In(n), ``clear`` In(1), ``counts`` Out array. An event is counted two cycles
    after it, so that neither events nor ``clear`` have to come early; ``clear`` wins.
    """

    def __init__(self, n: int):
        super().__init__({"events": In(n), "clear": In(1), "counts": Out(COUNTER_BITS).array(n)})

    def elaborate(self, platform):
        m = Module()
        events, clear = Signal.like(self.events), Signal()
        m.d.sync += [events.eq(self.events), clear.eq(self.clear)]
        for event, count in zip(events, self.counts, strict=True):
            with m.If(event):
                m.d.sync += count.eq(count + 1)
            with m.If(clear):
                m.d.sync += count.eq(0)
        return m
