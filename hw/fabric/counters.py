"""Counters of events."""

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .pipeline import clog2, delay
from .widths import COUNTER_BITS

__all__ = ["CounterAccess", "CounterBank"]


class CounterAccess(wiring.Signature):
    """One of ``n`` counters, seen from who reads: its ``count`` follows ``index`` after ``CounterBank.LATENCY`` cycles.
    ``clear`` sets all of them back to 0."""

    def __init__(self, n: int):
        super().__init__({"index": Out(clog2(n)), "count": In(COUNTER_BITS), "clear": Out(1)})


class CounterBank(wiring.Component):
    """``n`` counters of ``COUNTER_BITS`` bits, of which one is read at a time.

    Members
    -------
    events : In(n)
        What is counted; seen two cycles later, so that neither events nor ``clear`` have to come early.
    access : In(CounterAccess)
        ``clear`` wins over events. A reset does the same by the same register, a cycle later: the wire of the reset
        itself does not reach the counters. ``count`` follows ``index`` after :attr:`LATENCY` cycles; it is the count of
        two cycles ago.
    hold : In(1)
        As ``clear``, for its owner.
    """

    LATENCY = 3

    def __init__(self, n: int):
        super().__init__({"events": In(n), "access": In(CounterAccess(n)), "hold": In(1)})

    def elaborate(self, platform):
        m = Module()
        events, clear = Signal(self.events.shape(), reset_less=True), Signal(init=1)
        m.d.sync += [events.eq(self.events), clear.eq(self.access.clear | self.hold)]
        counts = [Signal(COUNTER_BITS, name=f"count_{n}", reset_less=True) for n in range(len(events))]
        for event, count in zip(events, counts, strict=True):
            with m.If(clear):
                m.d.sync += count.eq(0)
            with m.Elif(event):
                m.d.sync += count.eq(count + 1)
        # One of each four, then one of those. The index is held here, and not made one with others of the same word:
        # its wires would cross the chip twice in a cycle.
        index = delay(m, self.access.index, 1, name="index", keep=True)
        some = []
        for n in range(0, len(counts), 4):
            register = Signal(COUNTER_BITS, name=f"some_{n}", reset_less=True)
            m.d.sync += register.eq(Array(counts[n : n + 4])[index[:2]])
            some.append(register)
        chosen = Signal(COUNTER_BITS, reset_less=True)
        m.d.sync += chosen.eq(Array(some)[index[2:]])
        m.d.comb += self.access.count.eq(chosen)
        return m
