"""An edge as one of its ends sees it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from .layouts import EntryLayout, HeaderLayout, address_bits, first_entry
from .memory import ReadPort
from .search import Search

__all__ = ["EdgeFinder", "EdgeLayout"]


class EdgeLayout(data.StructLayout):
    """``index``: as :class:`~skipwalk.hw.oselm.graph.search.FoundLayout`; ``found``: the edge is there. Where edges
    have weights: its ``weight`` (0 if it is not there), the sum ``before`` it, and the ``total`` of the row."""

    def __init__(self, cfg: CoreConfig):
        bits = cfg.weight_bits
        sums = {"weight": bits, "before": bits, "total": bits} if bits else {}
        super().__init__({"index": cfg.row_bits, "found": 1} | sums)


class EdgeFinder(wiring.Component):
    """Looks for a row in a neighbour list.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    i : In(stream of struct ``header``, ``row``), o : Out(stream of EdgeLayout)
        One at a time; the payload of ``i`` stays until ``o`` is taken.
    entries : Out(ReadPort)

    Timing: 1 cycle more than :class:`~skipwalk.hw.oselm.graph.search.Search`; with weights 3 cycles more, and
    ``latency + 1`` each for a sum before the entry and a total that are not 0.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout({"header": HeaderLayout(cfg), "row": cfg.row_bits}))),
                "o": Out(stream.Signature(EdgeLayout(cfg))),
                "entries": Out(ReadPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg, header = self._cfg, self.i.payload.header
        m = Module()
        m.submodules.search = search = Search(cfg)
        asked, answered = self.entries.request, self.entries.response
        edge = Signal.like(self.o.payload, reset_less=True)
        first = first_entry(cfg, header.place)
        m.d.comb += [
            search.i.payload.first.eq(first),
            search.i.payload.count.eq(header.degree),
            search.i.payload.key.eq(self.i.payload.row),
            asked.valid.eq(search.entries.request.valid),
            asked.payload.eq(search.entries.request.payload),
            search.entries.request.ready.eq(asked.ready),
            search.entries.response.valid.eq(answered.valid),
            search.entries.response.payload.eq(answered.payload),
            self.o.payload.eq(edge),
        ]

        def ask(name: str, address, field: str, then: str) -> None:
            """States that read the sum at an address."""
            with m.State(name):
                m.d.comb += [asked.valid.eq(1), asked.payload.eq(address)]
                with m.If(asked.ready):
                    m.next = f"{name} ANSWER"
            with m.State(f"{name} ANSWER"), m.If(answered.valid):
                m.d.sync += edge[field].eq(answered.payload.sum)
                m.next = then

        with m.FSM():
            with m.State("FIND"):
                m.d.comb += search.i.valid.eq(self.i.valid)
                with m.If(self.i.valid):
                    m.next = "FOUND"
            with m.State("FOUND"):
                m.d.comb += search.o.ready.eq(1)
                m.d.sync += [edge.index.eq(search.o.payload.index), edge.found.eq(search.o.payload.found)]
                if cfg.weight_bits:
                    m.d.sync += [edge.before.eq(0), edge.total.eq(0)]
                with m.If(search.o.valid):
                    m.next = "SUMS" if cfg.weight_bits else "EDGE"
            if cfg.weight_bits:
                with m.State("SUMS"):
                    with m.If(header.degree == 0):
                        m.next = "WEIGHT"
                    with m.Elif(edge.index == 0):
                        m.next = "TOTAL"
                    with m.Else():
                        m.next = "BEFORE"
                ask("BEFORE", first + edge.index - 1, "before", "TOTAL")
                ask("TOTAL", first + header.degree - 1, "total", "WEIGHT")
                with m.State("WEIGHT"):
                    m.d.sync += edge.weight.eq(Mux(edge.found, search.o.payload.entry.sum - edge.before, 0))
                    m.next = "EDGE"
            with m.State("EDGE"):
                m.d.comb += [self.o.valid.eq(1), self.i.ready.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "FIND"
        return m
