"""First values of rows where rows are outside: each row comes to the chip before it gets them."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from ..rows.layouts import RowLease

__all__ = ["LeasedFill"]


class LeasedFill(wiring.Component):
    """Passes rows on to who fills them, one at a time and while each has a slot.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends`` and ``slots``.

    Members
    -------
    i : In(stream of rows), o : Out(stream of rows), filling : In(1)
        They are to get their first values; these are still to come.
    lease : Out(RowLease)
    busy : Out(1)
        A row is under way.

    Timing: that of :class:`~skipwalk.hw.oselm.rows.lease.LeaseHolder`, and 3 cycles a row.
    """

    def __init__(self, cfg: CoreConfig):
        rows = stream.Signature(cfg.row_bits)
        super().__init__(
            {
                "i": In(rows),
                "o": Out(rows),
                "filling": In(1),
                "lease": Out(RowLease(cfg.rows_outside)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lease = self.lease
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("ROW") | self.i.valid)
            with m.State("ROW"):
                m.d.sync += lease.row.eq(self.i.payload)
                with m.If(self.i.valid & ~lease.held):
                    m.next = "PASS"
            with m.State("PASS"):
                m.d.comb += [
                    lease.wanted.eq(1),
                    self.o.valid.eq(lease.held),
                    self.o.payload.eq(lease.row),
                    self.i.ready.eq(self.o.valid & self.o.ready),
                ]
                with m.If(self.i.ready):
                    m.next = "FILL"
            with m.State("FILL"):
                m.d.comb += lease.wanted.eq(1)
                with m.If(~self.filling):
                    m.next = "ROW"
        return m
