"""Negatives out of a graph that is in memory outside."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...arith.share import Share
from ..config import CoreConfig
from ..graph.layouts import EntryLayout, HeaderLayout, address_bits, first_entry
from ..graph.memory import ReadPort
from .ports import PoolDraws

__all__ = ["NeighbourDraws", "RowDrawLayout"]


class RowDrawLayout(data.StructLayout):
    """A row that was drawn for ``place`` of the pool, and the 32 ``bits`` that choose between it and its neighbours."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"drawn": PoolDraws.row_layout(cfg), "bits": 32})


class NeighbourDraws(wiring.Component):
    """Rows for the pool, one after another. Out of the graph, as of
    :class:`~skipwalk.hw.oselm.graph.neighbour.NeighbourChoice`: ``row`` if bit 0 of ``bits`` is 0 or the row has no
    neighbour, else its neighbour ``(bits * degree) >> 32``.

    Parameters
    ----------
    cfg : CoreConfig
        With ``lists_outside``.
    primitives : bool
        As :class:`~skipwalk.hw.arith.multiplier.Multiplier`.

    Members
    -------
    from_graph : In(1)
        Steady while rows are under way; without, they pass as they are.
    i : In(stream of RowDrawLayout), o : Out(stream of rows and places)
    headers, entries : Out(ReadPort)

    Timing: 2 cycles a row; those of a header besides and, if it has a neighbour, of a Share and of an entry.
    Resources: those of a Share of a degree.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        self._share = Share(cfg.row_bits, vendor=cfg.vendor, primitives=primitives)
        super().__init__(
            {
                "from_graph": In(1),
                "i": In(stream.Signature(RowDrawLayout(cfg))),
                "o": Out(stream.Signature(PoolDraws.row_layout(cfg))),
                "headers": Out(ReadPort(cfg.row_bits, HeaderLayout(cfg))),
                "entries": Out(ReadPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg, headers, entries = self._cfg, self.headers, self.entries
        m = Module()
        m.submodules.share = share = self._share
        drawn = Signal.like(self.i.payload, reset_less=True)
        header = Signal(HeaderLayout(cfg), reset_less=True)
        address = Signal(address_bits(cfg), reset_less=True)
        t = Signal(range(share.latency + 1))
        m.d.comb += [
            share.bits.eq(drawn.bits),
            share.n.eq(header.degree),
            headers.request.payload.eq(drawn.drawn.row),
            entries.request.payload.eq(address),
            self.o.payload.eq(drawn.drawn),
        ]
        m.d.sync += [t.eq(0), address.eq(first_entry(cfg, header.place) + share.o)]
        with m.FSM():
            with m.State("DRAW"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += drawn.eq(self.i.payload)
                with m.If(self.i.valid):
                    m.next = "GIVE"
                    with m.If(self.from_graph & self.i.payload.bits[0]):
                        m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += headers.request.valid.eq(1)
                with m.If(headers.request.ready):
                    m.next = "HEADER WAIT"
            with m.State("HEADER WAIT"):
                m.d.sync += header.eq(headers.response.payload)
                with m.If(headers.response.valid):
                    m.next = "SHARE"
            with m.State("SHARE"):
                m.d.sync += t.eq(t + 1)
                with m.If(header.degree == 0):
                    m.next = "GIVE"
                with m.Elif(t == share.latency):
                    m.next = "ENTRY"
            with m.State("ENTRY"):
                m.d.comb += entries.request.valid.eq(1)
                with m.If(entries.request.ready):
                    m.next = "ENTRY WAIT"
            with m.State("ENTRY WAIT"):
                with m.If(entries.response.valid):
                    m.d.sync += drawn.drawn.row.eq(entries.response.payload.row)
                    m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "DRAW"
        return m
