"""The rows of a neighbour list, one after another, asked for before they are needed."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from .layouts import EntryLayout, address_bits, first_entry
from .memory import ReadPort

__all__ = ["ListLayout", "ListReader"]


class ListLayout(data.StructLayout):
    """Where a neighbour list begins, as in a header, and how long it is."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"place": cfg.place_bits, "degree": cfg.row_bits})


class ListReader(wiring.Component):
    """Entries of a list in ascending order.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    begin : In(1), list : In(ListLayout)
        From the next cycle on, the entries of this list; those of a list before it have all been answered.
    o : Out(stream of EntryLayout)
    left : Out(1)
        Entries have not been taken.
    stop : In(1), quiet : Out(1)
        No more entries are wanted: what is offered or asked for may be withdrawn. None is under way.
    entries : Out(ReadPort)

    Timing: with up to :data:`UNDER_WAY` reads under way, an entry every ``E / UNDER_WAY`` cycles, where E is the cycles
    from a request to the response of entries. Resources: no multiplier and no block RAM.
    """

    UNDER_WAY = 4

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "begin": In(1),
                "list": In(ListLayout(cfg)),
                "o": Out(stream.Signature(EntryLayout(cfg))),
                "left": Out(1),
                "stop": In(1),
                "quiet": Out(1),
                "entries": Out(ReadPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        layout = EntryLayout(cfg)
        m.submodules.queue = queue = SyncFIFO(width=layout.size, depth=self.UNDER_WAY)
        request, response = self.entries.request, self.entries.response
        address = Signal(address_bits(cfg), reset_less=True)
        unasked, untaken = Signal(cfg.row_bits), Signal(cfg.row_bits)
        held = Signal(range(self.UNDER_WAY + 1))  # asked for, and not taken or dropped
        asked, taken = request.valid & request.ready, self.o.valid & self.o.ready
        stopped = Signal()
        m.d.comb += [
            request.valid.eq((unasked != 0) & (held != self.UNDER_WAY)),
            request.payload.eq(address),
            queue.w_en.eq(response.valid),
            queue.w_data.eq(response.payload),
            queue.r_en.eq(self.o.ready | stopped),
            self.o.valid.eq(queue.r_rdy & ~stopped),
            self.o.payload.eq(queue.r_data),
            self.left.eq(untaken != 0),
            self.quiet.eq(held == 0),
        ]
        gone = queue.r_rdy & queue.r_en
        m.d.sync += [
            held.eq(held + asked - gone),
            address.eq(address + asked),
            unasked.eq(unasked - asked),
            untaken.eq(untaken - taken),
        ]
        with m.If(self.stop):
            m.d.sync += [stopped.eq(1), unasked.eq(0), untaken.eq(0)]
        with m.If(self.begin):
            m.d.sync += [
                stopped.eq(0),
                address.eq(first_entry(cfg, self.list.place)),
                unasked.eq(self.list.degree),
                untaken.eq(self.list.degree),
            ]
        return m
