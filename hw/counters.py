"""Counters of events."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .protocol import COUNTER_BITS

__all__ = ["CounterBank"]


class CounterBank(wiring.Component):
    """``n`` counters of ``COUNTER_BITS`` bits.

    Members: ``events`` In(n), ``clear`` In(1), ``counts`` Out array. An event is counted in the cycle after it;
    ``clear`` wins.
    """

    def __init__(self, n: int):
        super().__init__({"events": In(n), "clear": In(1), "counts": Out(COUNTER_BITS).array(n)})

    def elaborate(self, platform):
        m = Module()
        for event, count in zip(self.events, self.counts, strict=True):
            with m.If(event):
                m.d.sync += count.eq(count + 1)
            with m.If(self.clear):
                m.d.sync += count.eq(0)
        return m
