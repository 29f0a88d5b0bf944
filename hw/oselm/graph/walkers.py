"""All that reads the graph at its own pace: walkers, starts and the filler of rows, and what they share."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ...fabric.shared import QueryPort, Shared
from ..config import CoreConfig
from .candidates import CASES, CandidateLayout, Candidates, TrialLayout
from .draws import DrawLayout
from .exact_step import ExactStep, SumLayout
from .layouts import EntryLayout, HeaderLayout, address_bits
from .memory import ReadPort
from .row_filler import SCALE_BITS, ElementLayout, RowFiller
from .starts import StartLayout, Starts
from .walker import NodeLayout, TaskLayout, Walker

__all__ = ["Walkers"]


class Walkers(wiring.Component):
    """``cfg.walkers`` walkers, the starts and the row filler take turns at draws, headers and entries of the store, the
    pipeline of candidates, and the exact step.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.
    primitives : bool
        As :class:`~skipwalk.hw.arith.multiplier.Multiplier`.

    Members
    -------
    commands, starts, starting, rows, open, value, set_round, set_place, dropped
        ``i``, ``o``, ``busy`` and the rest of :class:`~skipwalk.hw.oselm.graph.starts.Starts`.
    tasks : In(stream) array, nodes : Out(stream) array, last : In
        ``i``, ``o`` and ``last`` of each :class:`~skipwalk.hw.oselm.graph.walker.Walker`.
    fill : In(stream of rows), element : Out(ElementLayout), filling : Out(1), scale : In
        ``i``, ``o``, ``busy`` and ``scale`` of :class:`~skipwalk.hw.oselm.graph.row_filler.RowFiller`.
    limits : In(ArrayLayout(32, CASES))
        Steady while walks are made.
    draws : Out(QueryPort), headers, entries : Out(ReadPort)

    Timing: that of the parts, of Shared on the way, and the time that others are served in between.
    Resources: the multipliers of Candidates.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        self._candidates = Candidates(cfg, primitives=primitives)
        row = cfg.row_bits
        super().__init__(
            {
                "commands": In(stream.Signature(StartLayout())),
                "starts": Out(stream.Signature(row)),
                "starting": Out(1),
                "rows": In(range(cfg.nodes + 1)),
                "open": In(1),
                "value": In(32),
                "set_round": In(1),
                "set_place": In(1),
                "dropped": Out(1),
                "tasks": In(stream.Signature(TaskLayout(cfg))).array(cfg.walkers),
                "nodes": Out(stream.Signature(NodeLayout(cfg))).array(cfg.walkers),
                "last": In(clog2(cfg.max_walk)),
                "fill": In(stream.Signature(row)),
                "element": Out(ElementLayout(cfg)),
                "filling": Out(1),
                "scale": In(SCALE_BITS),
                "limits": In(data.ArrayLayout(32, CASES)),
                "draws": Out(QueryPort(DrawLayout(), 64)),
                "headers": Out(ReadPort(row, HeaderLayout(cfg))),
                "entries": Out(ReadPort(address_bits(cfg), EntryLayout(cfg))),
            }
        )

    #: Draws take longer than anything else.
    _DRAWS = 16

    def elaborate(self, platform):
        cfg = self._cfg
        n = cfg.walkers
        m = Module()
        m.submodules.candidates = candidates = self._candidates
        m.submodules.exact = exact = ExactStep(cfg)
        m.submodules.starts = starts = Starts(cfg)
        m.submodules.filler = filler = RowFiller(cfg)
        trial, step = (TrialLayout(cfg), CandidateLayout(cfg)), (SumLayout(cfg), cfg.row_bits)
        header, entry = (cfg.row_bits, HeaderLayout(cfg)), (address_bits(cfg), EntryLayout(cfg))
        m.submodules.draws = draws = Shared(n + 2, DrawLayout(), 64, under_way=self._DRAWS)
        m.submodules.trials = trials = Shared(n + 1, *trial)
        m.submodules.steps = steps = Shared(n, *step)
        m.submodules.headers = headers = Shared(n + 1, *header)
        m.submodules.entries = entries = Shared(n + 2, *entry)
        for shared, server in ((draws, self.draws), (headers, self.headers), (entries, self.entries)):
            wiring.connect(m, shared.server, wiring.flipped(server))
        wiring.connect(m, trials.server, candidates.port)
        wiring.connect(m, steps.server, exact.port)

        for i in range(n):
            m.submodules[f"walker_{i}"] = walker = Walker(cfg)
            wiring.connect(m, walker.i, wiring.flipped(self.tasks[i]))
            wiring.connect(m, walker.o, wiring.flipped(self.nodes[i]))
            wiring.connect(m, walker.draws, draws.clients[i])
            wiring.connect(m, walker.candidates, trials.clients[i])
            wiring.connect(m, walker.headers, headers.clients[i])
            wiring.connect(m, walker.entries, entries.clients[i])
            wiring.connect(m, walker.exact, steps.clients[i])
            m.d.comb += walker.last.eq(self.last)
        wiring.connect(m, exact.entries, entries.clients[n])
        wiring.connect(m, exact.others, entries.clients[n + 1])
        wiring.connect(m, starts.draws, draws.clients[n])
        wiring.connect(m, starts.headers, headers.clients[n])
        wiring.connect(m, filler.draws, draws.clients[n + 1])
        wiring.connect(m, filler.candidates, trials.clients[n])

        wiring.connect(m, starts.i, wiring.flipped(self.commands))
        wiring.connect(m, starts.o, wiring.flipped(self.starts))
        wiring.connect(m, filler.i, wiring.flipped(self.fill))
        m.d.comb += [
            starts.rows.eq(self.rows),
            starts.open.eq(self.open),
            starts.value.eq(self.value),
            starts.set_round.eq(self.set_round),
            starts.set_place.eq(self.set_place),
            self.starting.eq(starts.busy),
            self.dropped.eq(starts.dropped),
            filler.scale.eq(self.scale),
            self.element.eq(filler.o),
            self.filling.eq(filler.busy),
            candidates.limits.eq(self.limits),
            exact.limits.eq(self.limits),
        ]
        return m
