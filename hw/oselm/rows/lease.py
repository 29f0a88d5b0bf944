"""One row at a time on the chip, for who reads or writes whole rows while nothing is trained."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import RowsConfig
from .layouts import Kind, RowAsks, RowLease

__all__ = ["LeaseHolder"]


class LeaseHolder(wiring.Component):
    """A row is a group of its own, which ends when it is not wanted any more.

    Parameters
    ----------
    cfg : RowsConfig
    settling : int
        Cycles until what was written last is seen by all reads.

    Members
    -------
    lease : In(RowLease)
    asks : Out(RowAsks)
        Only while nobody else asks, and no group is in use.
    busy : Out(1)
        Somebody wants a row, or one is being given back.

    Timing: what the row takes to come, and 7 cycles; ``settling + 1`` more to give it back.
    """

    def __init__(self, cfg: RowsConfig, settling: int):
        self._settling = settling
        super().__init__({"lease": In(RowLease(cfg)), "asks": Out(RowAsks(cfg)), "busy": Out(1)})

    def elaborate(self, platform):
        lease, asks = self.lease, self.asks
        m = Module()
        left = Signal(range(self._settling + 1))
        op = asks.ops.payload
        m.d.comb += op.row.eq(lease.row)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("FREE") | lease.wanted | lease.flush)
            with m.State("FREE"):
                with m.If(lease.wanted):
                    m.next = "ASK"
                with m.Elif(lease.flush):
                    m.next = "FLUSH"
            with m.State("ASK"):
                m.d.comb += [asks.ops.valid.eq(1), op.kind.eq(Kind.WALK)]
                with m.If(asks.ops.ready):
                    m.next = "SLOT"
            with m.State("SLOT"):
                m.d.comb += asks.slots.ready.eq(1)
                m.d.sync += lease.slot.eq(asks.slots.payload)
                with m.If(asks.slots.valid):
                    m.next = "END"
            with m.State("END"):
                m.d.comb += [asks.ops.valid.eq(1), op.kind.eq(Kind.END)]
                with m.If(asks.ops.ready):
                    m.next = "LAND"
            with m.State("LAND"), m.If(asks.landed):
                m.next = "HELD"
            with m.State("HELD"):
                m.d.comb += lease.held.eq(1)
                m.d.sync += left.eq(self._settling)
                with m.If(~lease.wanted):
                    m.next = "SETTLE"
            with m.State("SETTLE"):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 0):
                    m.d.comb += asks.release.eq(1)
                    m.next = "FREE"
            with m.State("FLUSH"):
                m.d.comb += [asks.ops.valid.eq(1), op.kind.eq(Kind.FLUSH)]
                with m.If(asks.ops.ready):
                    m.next = "FLUSHING"
            with m.State("FLUSHING"), m.If(asks.landed):
                m.next = "FLUSHED"
            with m.State("FLUSHED"):
                m.d.comb += lease.held.eq(1)
                with m.If(~lease.flush):
                    m.next = "FREE"
        return m
