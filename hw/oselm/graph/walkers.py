"""All that reads the graph at its own pace: walkers, starts and the filler of rows, and what they share."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fabric.shared import QueryPort, Shared
from ..config import CoreConfig
from .candidates import CandidateLayout, Candidates, TrialLayout
from .draws import DrawLayout
from .exact_step import ExactStep, SumLayout
from .layouts import EntryLayout, HeaderLayout, address_bits
from .memory import ReadPort
from .ports import GraphExtent
from .row_filler import RowFiller, RowFills
from .settings import RoundPlace, WalkSettings
from .starts import StartPort, Starts
from .walker import Walker, WalkPort

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
    starts : In(StartPort), extent : In(GraphExtent), place : In(RoundPlace)
        As of :class:`~skipwalk.hw.oselm.graph.starts.Starts`.
    walks : In(WalkPort) array
        One for each walker.
    fill : In(RowFills)
        Rows that get their first values, and these.
    settings : In(WalkSettings)
        How walks are made and rows are filled.
    draws : Out(QueryPort), headers, entries : Out(ReadPort)
        Of the store, and of the generator.
    other_headers, other_entries : In(ReadPort)
        Of who draws negatives. Only with ``cfg.lists_outside``, where all reads take turns.

    Timing: that of the parts, of Shared on the way, and the time that others are served in between.
    Resources: the multipliers of Candidates.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        self._candidates = Candidates(cfg, primitives=primitives)
        header, entry = ReadPort(cfg.row_bits, HeaderLayout(cfg)), ReadPort(address_bits(cfg), EntryLayout(cfg))
        others = {"other_headers": In(header), "other_entries": In(entry)} if cfg.lists_outside else {}
        super().__init__(
            {
                "starts": In(StartPort(cfg)),
                "extent": In(GraphExtent(cfg)),
                "place": In(RoundPlace()),
                "walks": In(WalkPort(cfg)).array(cfg.walkers),
                "fill": In(RowFills(cfg)),
                "settings": In(WalkSettings(cfg)),
                "draws": Out(QueryPort(DrawLayout(), 64)),
                "headers": Out(header),
                "entries": Out(entry),
                **others,
            }
        )

    #: Draws take longer than anything else on the chip.
    _DRAWS = 16
    #: Reads of memory outside that have not been answered.
    _OUTSIDE = 16

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
        others, way = int(cfg.lists_outside), {"under_way": self._OUTSIDE} if cfg.lists_outside else {}
        m.submodules.headers = headers = Shared(n + 1 + others, *header, **way)
        m.submodules.entries = entries = Shared(n + 2 + others, *entry, **way)
        for shared, server in ((draws, self.draws), (headers, self.headers), (entries, self.entries)):
            wiring.connect(m, shared.server, wiring.flipped(server))
        wiring.connect(m, trials.server, candidates.port)
        wiring.connect(m, steps.server, exact.port)

        for i in range(n):
            m.submodules[f"walker_{i}"] = walker = Walker(cfg)
            wiring.connect(m, walker.i, wiring.flipped(self.walks[i].task))
            wiring.connect(m, walker.o, wiring.flipped(self.walks[i].nodes))
            wiring.connect(m, walker.draws, draws.clients[i])
            wiring.connect(m, walker.candidates, trials.clients[i])
            wiring.connect(m, walker.headers, headers.clients[i])
            wiring.connect(m, walker.entries, entries.clients[i])
            wiring.connect(m, walker.exact, steps.clients[i])
            m.d.comb += walker.last.eq(self.settings.length - 1)
        wiring.connect(m, exact.entries, entries.clients[n])
        wiring.connect(m, exact.others, entries.clients[n + 1])
        if others:
            wiring.connect(m, wiring.flipped(self.other_headers), headers.clients[n + 1])
            wiring.connect(m, wiring.flipped(self.other_entries), entries.clients[n + 2])
        wiring.connect(m, starts.draws, draws.clients[n])
        wiring.connect(m, starts.headers, headers.clients[n])
        wiring.connect(m, filler.draws, draws.clients[n + 1])
        wiring.connect(m, filler.candidates, trials.clients[n])

        wiring.connect(m, wiring.flipped(self.starts), starts.port)
        wiring.connect(m, wiring.flipped(self.extent), starts.extent)
        wiring.connect(m, wiring.flipped(self.place), starts.place)
        wiring.connect(m, wiring.flipped(self.fill.rows), filler.i)
        m.d.comb += [
            filler.scale.eq(self.settings.scale),
            self.fill.element.eq(filler.o),
            self.fill.busy.eq(filler.busy),
            candidates.limits.eq(self.settings.limits),
            exact.limits.eq(self.settings.limits),
        ]
        return m
