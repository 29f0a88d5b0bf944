"""A walker: it makes one walk of node2vec at a time, out of services that it shares with other walkers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ...fabric.shared import QueryPort
from ..config import CoreConfig
from ..front_end.groups import WalkAddress
from .candidates import CASES, CandidateLayout, TrialLayout
from .draws import DrawLayout, DrawQueue
from .exact_step import SumLayout
from .layouts import EntryLayout, HeaderLayout, address_bits, first_entry
from .list_reader import ListLayout
from .memory import ReadPort
from .search import Search

__all__ = ["NodeLayout", "TaskLayout", "Walker"]


class TaskLayout(data.StructLayout):
    """A walk to be made: its ``number``, the ``row`` it starts from, which has an edge, and the ``slot`` and ``group``
    that it is for."""

    def __init__(self, cfg: CoreConfig):
        address = WalkAddress(cfg)
        super().__init__(
            {"row": cfg.row_bits, "number": 32, "slot": address["slot"].shape, "group": address["group"].shape}
        )


class NodeLayout(data.StructLayout):
    """A node of a walk, where it stands, and whether it is the ``last``."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"row": cfg.row_bits, "address": WalkAddress(cfg), "last": 1})


class Walker(wiring.Component):
    """A walk as :mod:`skipwalk.sim.oselm.graph.walks` defines it, bit for bit.

    Each step tries candidates: a neighbour of the present node by the upper half of a draw, accepted by the lower
    half. Whether the candidate is a neighbour of the previous node is searched only where the answer decides. After
    :data:`TRIALS` refusals the step is left to the exact step.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    i : In(stream of TaskLayout)
        Taken when the walk before it is complete.
    last : In
        Index of a walk's last node; at least 1, and steady while walks are made.
    o : Out(stream of NodeLayout)
        Nodes in order.
    draws : Out(QueryPort(DrawLayout, 64))
    candidates : Out(QueryPort(TrialLayout, CandidateLayout))
    headers : Out(ReadPort), entries : Out(ReadPort)
    exact : Out(QueryPort(SumLayout, row))
        What it shares.

    Timing: without waiting for others, ``H + 4`` cycles a node, and without weights ``C + E + 5`` a trial, where H, C
    and E are the cycles from a request to the response of headers, candidates and entries; a search besides where it
    decides. A node with one neighbour needs no trial, only ``E + 4`` cycles. With weights the sum of the list is read
    (``E + 2`` a node), and each trial searches for its candidate instead of reading it.

    Resources: a queue of draws and a search; no multiplier and no block RAM.
    """

    TRIALS = 32

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        row = cfg.row_bits
        super().__init__(
            {
                "i": In(stream.Signature(TaskLayout(cfg))),
                "last": In(clog2(cfg.max_walk)),
                "o": Out(stream.Signature(NodeLayout(cfg))),
                "draws": Out(QueryPort(DrawLayout(), 64)),
                "candidates": Out(QueryPort(TrialLayout(cfg), CandidateLayout(cfg))),
                "headers": Out(ReadPort(row, HeaderLayout(cfg))),
                "entries": Out(ReadPort(address_bits(cfg), EntryLayout(cfg))),
                "exact": Out(QueryPort(SumLayout(cfg), row)),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.draws = draws = DrawQueue()
        m.submodules.search = search = Search(cfg)
        wiring.connect(m, draws.port, wiring.flipped(self.draws))

        task = Signal(TaskLayout(cfg), reset_less=True)
        index = Signal(clog2(cfg.max_walk), reset_less=True)
        ends = Signal(reset_less=True)
        # The present node's list and the previous one's; ``e`` is an entry of the former.
        here, before = Signal(ListLayout(cfg), reset_less=True), Signal(ListLayout(cfg), reset_less=True)
        row, previous = Signal(cfg.row_bits, reset_less=True), Signal(cfg.row_bits, reset_less=True)
        candidate = Signal(cfg.row_bits, reset_less=True)
        total = Signal(cfg.weight_bits, reset_less=True)
        e = Signal(cfg.row_bits, reset_less=True)
        address = Signal(address_bits(cfg), reset_less=True)
        first, back, known = Signal(reset_less=True), Signal(reset_less=True), Signal(reset_less=True)
        accepts = Signal(CASES, reset_less=True)
        refused = Signal(range(self.TRIALS + 1), reset_less=True)
        single = Signal(reset_less=True)
        by_sum = Signal()  # what the search is for
        m.d.sync += [single.eq(here.degree == 1), ends.eq(index == self.last)]

        own, searching = Signal(), Signal()
        m.d.comb += [
            draws.number.eq(task.number),
            self.o.payload.row.eq(row),
            self.o.payload.address.index.eq(index),
            self.o.payload.address.slot.eq(task.slot),
            self.o.payload.address.group.eq(task.group),
            self.o.payload.last.eq(ends),
            self.headers.request.payload.eq(row),
            self.candidates.request.payload.bits.eq(draws.o.payload),
            self.candidates.request.payload.n.eq(total if cfg.weight_bits else here.degree),
            self.entries.request.valid.eq(own | search.entries.request.valid),
            self.entries.request.payload.eq(Mux(own, address, search.entries.request.payload)),
            search.entries.request.ready.eq(self.entries.request.ready),
            search.entries.response.valid.eq(self.entries.response.valid & searching),
            search.entries.response.payload.eq(self.entries.response.payload),
            self.exact.request.payload.here.eq(here),
            self.exact.request.payload.before.eq(before),
            self.exact.request.payload.previous.eq(previous),
            self.exact.request.payload.share.eq(draws.o.payload[40:]),
        ]
        sought = search.i.payload
        if cfg.weight_bits:
            share = Signal(cfg.weight_bits, reset_less=True)
            m.d.comb += [sought.by_sum.eq(by_sum), sought.key.eq(Mux(by_sum, share, candidate))]
        else:
            m.d.comb += sought.key.eq(candidate)
        for where, chosen in ((by_sum, here), (~by_sum, before)):
            with m.If(where):
                m.d.comb += [sought.first.eq(first_entry(cfg, chosen.place)), sought.count.eq(chosen.degree)]

        def read_entry(state: str, keep):
            """States that read the entry at ``e`` of the present list, and keep what of it is wanted."""
            with m.State(state):
                m.d.sync += address.eq(first_entry(cfg, here.place) + e)
                m.next = f"{state} ASK"
            with m.State(f"{state} ASK"):
                m.d.comb += own.eq(1)
                with m.If(self.entries.request.ready):
                    m.next = f"{state} WAIT"
            with m.State(f"{state} WAIT"), m.If(self.entries.response.valid):
                keep(self.entries.response.payload)

        with m.FSM():
            with m.State("TASK"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [task.eq(self.i.payload), row.eq(self.i.payload.row), index.eq(0), first.eq(1)]
                with m.If(self.i.valid):
                    m.next = "NEXT"
            with m.State("NEXT"):
                # ``ends`` has followed the index; it comes before the first draw.
                m.d.comb += draws.begin.eq(1)
                m.next = "NODE"
            with m.State("NODE"):
                m.d.comb += self.o.valid.eq(1)
                m.d.sync += refused.eq(0)
                with m.If(self.o.ready):
                    m.d.sync += index.eq(index + 1)
                    m.next = "HEADER"
                    with m.If(ends):
                        m.next = "TASK"
            with m.State("HEADER"):
                m.d.comb += self.headers.request.valid.eq(1)
                with m.If(self.headers.request.ready):
                    m.next = "HEADER WAIT"
            with m.State("HEADER WAIT"):
                found = self.headers.response.payload
                with m.If(self.headers.response.valid):
                    m.d.sync += [before.eq(here), here.place.eq(found.place), here.degree.eq(found.degree)]
                    m.next = "DEGREE"
            with m.State("DEGREE"):
                m.d.sync += e.eq(0)
                m.next = "CHOOSE"
                if cfg.weight_bits:
                    m.d.sync += e.eq(here.degree - 1)
                    m.next = "TOTAL"
            if cfg.weight_bits:

                def keep_total(entry):
                    m.d.sync += [total.eq(entry.sum), candidate.eq(entry.row)]
                    m.next = "CHOOSE"

                read_entry("TOTAL", keep_total)
            with m.State("CHOOSE"):
                m.next = "TRIAL"
                with m.If(single):
                    # With weights, the only neighbour has just been read.
                    m.next = "ACCEPT" if cfg.weight_bits else "ENTRY"
            with m.State("TRIAL"):
                m.d.comb += [
                    self.candidates.request.valid.eq(draws.o.valid),
                    draws.o.ready.eq(self.candidates.request.ready),
                ]
                with m.If(draws.o.valid & self.candidates.request.ready):
                    m.next = "TRIAL WAIT"
            with m.State("TRIAL WAIT"):
                found = self.candidates.response.payload
                m.d.sync += [e.eq(found.share), accepts.eq(found.accepts)]
                if cfg.weight_bits:
                    m.d.sync += share.eq(found.share + 1)
                with m.If(self.candidates.response.valid):
                    m.next = "SUM" if cfg.weight_bits else "ENTRY"
            if cfg.weight_bits:
                with m.State("SUM"):
                    m.d.comb += [by_sum.eq(1), search.i.valid.eq(1)]
                    m.next = "SUM WAIT"
                with m.State("SUM WAIT"):
                    m.d.comb += [searching.eq(1), search.o.ready.eq(1)]
                    m.d.sync += candidate.eq(search.o.payload.entry.row)
                    with m.If(search.o.valid):
                        m.next = "COMPARE"
            else:

                def keep_row(entry):
                    m.d.sync += candidate.eq(entry.row)
                    m.next = "COMPARE"

                read_entry("ENTRY", keep_row)
            with m.State("COMPARE"):
                m.d.sync += [back.eq(candidate == previous), known.eq(accepts[1] == accepts[2])]
                m.next = "DECIDE"
            with m.State("DECIDE"):
                with m.If(single | first):
                    m.next = "ACCEPT"
                with m.Elif(back | known):
                    m.next = "REFUSE"
                    with m.If(Mux(back, accepts[0], accepts[1])):
                        m.next = "ACCEPT"
                with m.Else():
                    m.d.comb += search.i.valid.eq(1)
                    m.next = "NEAR"
            with m.State("NEAR"):
                m.d.comb += [searching.eq(1), search.o.ready.eq(1)]
                with m.If(search.o.valid):
                    m.next = "REFUSE"
                    with m.If(Mux(search.o.payload.found, accepts[1], accepts[2])):
                        m.next = "ACCEPT"
            with m.State("REFUSE"):
                m.d.sync += refused.eq(refused + 1)
                m.next = "REFUSED"
            with m.State("REFUSED"):
                m.next = "TRIAL"
                with m.If(refused == self.TRIALS):
                    m.next = "EXACT"
            with m.State("EXACT"):
                m.d.comb += [
                    self.exact.request.valid.eq(draws.o.valid),
                    draws.o.ready.eq(self.exact.request.ready),
                ]
                with m.If(draws.o.valid & self.exact.request.ready):
                    m.next = "EXACT WAIT"
            with m.State("EXACT WAIT"):
                m.d.sync += candidate.eq(self.exact.response.payload)
                with m.If(self.exact.response.valid):
                    m.next = "ACCEPT"
            with m.State("ACCEPT"):
                m.d.sync += [previous.eq(row), row.eq(candidate), first.eq(0)]
                m.next = "NODE"
        return m
