"""A walker: it makes one walk of node2vec at a time, out of services that it shares with other walkers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ...fabric.shared import QueryPort
from ..config import CoreConfig
from ..front_end.layouts import WalkAddress
from .candidates import CASES, CandidateLayout, TrialLayout
from .draws import DrawLayout, DrawQueue
from .exact_step import SumLayout
from .layouts import EntryLayout, HeaderLayout, address_bits, first_entry
from .list_reader import ListLayout
from .memory import ReadPort
from .search import Search

__all__ = ["NodeLayout", "TaskLayout", "WalkPort", "Walker"]


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


class WalkPort(wiring.Signature):
    """Seen from who wants walks: the ``task`` of a walker, and the ``nodes`` that it gives."""

    def __init__(self, cfg: CoreConfig):
        task, nodes = stream.Signature(TaskLayout(cfg)), stream.Signature(NodeLayout(cfg))
        super().__init__({"task": Out(task), "nodes": In(nodes)})


class _Registers:
    """What the states of a walker share."""

    def __init__(self, cfg: CoreConfig):
        self.task = Signal(TaskLayout(cfg), reset_less=True)
        self.index = Signal(clog2(cfg.max_walk), reset_less=True)
        self.ends = Signal(reset_less=True)
        # The present node and its list, and the previous ones; ``e`` is an entry of the former list, at ``address``.
        self.row, self.here = Signal(cfg.row_bits, reset_less=True), Signal(ListLayout(cfg), reset_less=True)
        self.previous, self.before = Signal(cfg.row_bits, reset_less=True), Signal(ListLayout(cfg), reset_less=True)
        self.first, self.single = Signal(reset_less=True), Signal(reset_less=True)
        self.e, self.address = Signal(cfg.row_bits, reset_less=True), Signal(address_bits(cfg), reset_less=True)
        # The sum of the list, and the share of it that is sought; only with weights.
        self.total, self.share = (Signal(cfg.weight_bits, reset_less=True, name=name) for name in ("total", "share"))
        self.candidate = Signal(cfg.row_bits, reset_less=True)
        self.accepts = Signal(CASES, reset_less=True)
        self.back, self.known = Signal(reset_less=True), Signal(reset_less=True)
        self.refused = Signal(range(Walker.TRIALS + 1), reset_less=True)
        # Who reads entries, and what the search is for.
        self.own, self.searching, self.by_sum = Signal(), Signal(), Signal()


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
        r = _Registers(cfg)
        m.d.sync += [r.single.eq(r.here.degree == 1), r.ends.eq(r.index == self.last)]
        self._connect(m, r, draws, search)
        self._seek(m, r, search)
        with m.FSM():
            self._give(m, r, draws)
            self._look_up(m, r)
            self._try(m, r, draws, search)
            self._judge(m, r, search)
            self._sum_up(m, r, draws)
            with m.State("ACCEPT"):
                m.d.sync += [r.previous.eq(r.row), r.row.eq(r.candidate), r.first.eq(0)]
                m.next = "NODE"
        return m

    def _connect(self, m, r, draws, search):
        """What is given and asked for; entries are read by the search, and by the states themselves."""
        entries, node, trial, step = self.entries, self.o.payload, self.candidates.request, self.exact.request
        wiring.connect(m, draws.port, wiring.flipped(self.draws))
        m.d.comb += [
            draws.number.eq(r.task.number),
            node.row.eq(r.row),
            node.address.index.eq(r.index),
            node.address.slot.eq(r.task.slot),
            node.address.group.eq(r.task.group),
            node.last.eq(r.ends),
            self.headers.request.payload.eq(r.row),
            trial.payload.bits.eq(draws.o.payload),
            trial.payload.n.eq(r.total if self._cfg.weight_bits else r.here.degree),
            entries.request.valid.eq(r.own | search.entries.request.valid),
            entries.request.payload.eq(Mux(r.own, r.address, search.entries.request.payload)),
            search.entries.request.ready.eq(entries.request.ready),
            search.entries.response.valid.eq(entries.response.valid & r.searching),
            search.entries.response.payload.eq(entries.response.payload),
            step.payload.here.eq(r.here),
            step.payload.before.eq(r.before),
            step.payload.previous.eq(r.previous),
            step.payload.share.eq(draws.o.payload[40:]),
        ]

    def _seek(self, m, r, search):
        """The candidate is sought in the previous node's list; with weights, first by its sum in the present one's."""
        cfg, sought = self._cfg, search.i.payload
        if cfg.weight_bits:
            m.d.comb += [sought.by_sum.eq(r.by_sum), sought.key.eq(Mux(r.by_sum, r.share, r.candidate))]
        else:
            m.d.comb += sought.key.eq(r.candidate)
        for where, chosen in ((r.by_sum, r.here), (~r.by_sum, r.before)):
            with m.If(where):
                m.d.comb += [sought.first.eq(first_entry(cfg, chosen.place)), sought.count.eq(chosen.degree)]

    def _read_entry(self, m, r, state: str, keep, then: str):
        """States that read the entry at ``e`` of the present list, and keep what of it is wanted."""
        with m.State(state):
            m.d.sync += r.address.eq(first_entry(self._cfg, r.here.place) + r.e)
            m.next = f"{state} ASK"
        with m.State(f"{state} ASK"):
            m.d.comb += r.own.eq(1)
            with m.If(self.entries.request.ready):
                m.next = f"{state} WAIT"
        with m.State(f"{state} WAIT"), m.If(self.entries.response.valid):
            m.d.sync += keep(self.entries.response.payload)
            m.next = then

    def _give(self, m, r, draws):
        """A walk begins; its nodes are given, one after another."""
        with m.State("TASK"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += [r.task.eq(self.i.payload), r.row.eq(self.i.payload.row), r.index.eq(0), r.first.eq(1)]
            with m.If(self.i.valid):
                m.next = "NEXT"
        with m.State("NEXT"):
            # ``ends`` has followed the index; the first draw is wanted later.
            m.d.comb += draws.begin.eq(1)
            m.next = "NODE"
        with m.State("NODE"):
            m.d.comb += self.o.valid.eq(1)
            m.d.sync += r.refused.eq(0)
            with m.If(self.o.ready):
                m.d.sync += r.index.eq(r.index + 1)
                m.next = "HEADER"
                with m.If(r.ends):
                    m.next = "TASK"

    def _look_up(self, m, r):
        """The node's list, and with weights its sum."""
        weights = self._cfg.weight_bits > 0
        with m.State("HEADER"):
            m.d.comb += self.headers.request.valid.eq(1)
            with m.If(self.headers.request.ready):
                m.next = "HEADER WAIT"
        with m.State("HEADER WAIT"):
            found = self.headers.response.payload
            with m.If(self.headers.response.valid):
                m.d.sync += [r.before.eq(r.here), r.here.place.eq(found.place), r.here.degree.eq(found.degree)]
                m.next = "DEGREE"
        with m.State("DEGREE"):
            m.d.sync += r.e.eq(r.here.degree - 1 if weights else 0)
            m.next = "CHOOSE"
            if weights:
                m.next = "TOTAL"
        if weights:
            self._read_entry(m, r, "TOTAL", lambda last: [r.total.eq(last.sum), r.candidate.eq(last.row)], "CHOOSE")
        with m.State("CHOOSE"):
            m.next = "TRIAL"
            with m.If(r.single):
                # With weights, the only neighbour has just been read.
                m.next = "ACCEPT" if weights else "ENTRY"

    def _try(self, m, r, draws, search):
        """A draw chooses a candidate, which is read; with weights it is sought by its sum."""
        request, response = self.candidates.request, self.candidates.response
        with m.State("TRIAL"):
            m.d.comb += [request.valid.eq(draws.o.valid), draws.o.ready.eq(request.ready)]
            with m.If(draws.o.valid & request.ready):
                m.next = "TRIAL WAIT"
        with m.State("TRIAL WAIT"):
            m.d.sync += [r.e.eq(response.payload.share), r.accepts.eq(response.payload.accepts)]
            if self._cfg.weight_bits:
                m.d.sync += r.share.eq(response.payload.share + 1)
            with m.If(response.valid):
                m.next = "SUM" if self._cfg.weight_bits else "ENTRY"
        if self._cfg.weight_bits:
            with m.State("SUM"):
                m.d.comb += [r.by_sum.eq(1), search.i.valid.eq(1)]
                m.next = "SUM WAIT"
            with m.State("SUM WAIT"):
                m.d.comb += [r.searching.eq(1), search.o.ready.eq(1)]
                m.d.sync += r.candidate.eq(search.o.payload.entry.row)
                with m.If(search.o.valid):
                    m.next = "COMPARE"
        else:
            self._read_entry(m, r, "ENTRY", lambda entry: r.candidate.eq(entry.row), "COMPARE")

    def _judge(self, m, r, search):
        """Whether the candidate is accepted: by its case, back, near or far; the last two may need a search."""
        accepts = r.accepts
        with m.State("COMPARE"):
            m.d.sync += [r.back.eq(r.candidate == r.previous), r.known.eq(accepts[1] == accepts[2])]
            m.next = "DECIDE"
        with m.State("DECIDE"):
            with m.If(r.single | r.first):
                m.next = "ACCEPT"
            with m.Elif(r.back | r.known):
                m.next = "REFUSE"
                with m.If(Mux(r.back, accepts[0], accepts[1])):
                    m.next = "ACCEPT"
            with m.Else():
                m.d.comb += search.i.valid.eq(1)
                m.next = "NEAR"
        with m.State("NEAR"):
            m.d.comb += [r.searching.eq(1), search.o.ready.eq(1)]
            with m.If(search.o.valid):
                m.next = "REFUSE"
                with m.If(Mux(search.o.payload.found, accepts[1], accepts[2])):
                    m.next = "ACCEPT"
        with m.State("REFUSE"):
            m.d.sync += r.refused.eq(r.refused + 1)
            m.next = "REFUSED"
        with m.State("REFUSED"):
            m.next = "TRIAL"
            with m.If(r.refused == self.TRIALS):
                m.next = "EXACT"

    def _sum_up(self, m, r, draws):
        """The exact step chooses instead."""
        request, response = self.exact.request, self.exact.response
        with m.State("EXACT"):
            m.d.comb += [request.valid.eq(draws.o.valid), draws.o.ready.eq(request.ready)]
            with m.If(draws.o.valid & request.ready):
                m.next = "EXACT WAIT"
        with m.State("EXACT WAIT"):
            m.d.sync += r.candidate.eq(response.payload)
            with m.If(response.valid):
                m.next = "ACCEPT"
