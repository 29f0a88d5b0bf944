"""First values of rows: as many writes of elements as a row is long."""

from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ...fabric.shared import QueryPort
from ..config import CoreConfig
from .candidates import CandidateLayout, TrialLayout
from .draws import DrawLayout, Key

__all__ = ["SCALE_BITS", "ElementLayout", "RowFiller", "RowFills"]

#: Of the largest magnitude of a first value.
SCALE_BITS = 16


class ElementLayout(data.StructLayout):
    """A new ``value`` for element ``index`` of a row of beta; nothing unless ``en``."""

    def __init__(self, cfg: CoreConfig):
        value = signed(SCALE_BITS + 1)
        super().__init__({"en": 1, "row": cfg.row_bits, "index": clog2(cfg.dim), "value": value})


class RowFills(wiring.Signature):
    """Seen from who has rows filled.

    ``rows`` : they are to get their first values.
    ``element``, ``busy`` : these, never refused; some are still to come.
    """

    def __init__(self, cfg: CoreConfig):
        rows = stream.Signature(cfg.row_bits)
        super().__init__({"rows": Out(rows), "element": In(ElementLayout(cfg)), "busy": In(1)})


class RowFiller(wiring.Component):
    """``value = (((draw >> 32) * (2 scale + 1)) >> 32) - scale`` for every element, as
    :mod:`skipwalk.sim.oselm.graph.rows`.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    i : In(stream of rows)
    scale : In(SCALE_BITS)
        Steady while ``busy``.
    o : Out(ElementLayout)
        Elements in order, never refused.
    busy : Out(1)
        Elements are still to come.
    draws : Out(QueryPort(DrawLayout, 64)), candidates : Out(QueryPort(TrialLayout, CandidateLayout))

    Timing: with nobody else asking, a row takes ``dim * D / UNDER_WAY + C`` cycles or a few more, where D and C are
    the cycles from a request to the response of draws and candidates.
    Resources: no multiplier and no block RAM.
    """

    #: Elements that have been asked for and not been passed on.
    UNDER_WAY = 8

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "i": In(stream.Signature(cfg.row_bits)),
                "scale": In(SCALE_BITS),
                "o": Out(ElementLayout(cfg)),
                "busy": Out(1),
                "draws": Out(QueryPort(DrawLayout(), 64)),
                "candidates": Out(QueryPort(TrialLayout(cfg), CandidateLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        row = Signal(cfg.row_bits, reset_less=True)
        drawn, written = (Signal(range(cfg.dim + 1), name=name) for name in ("drawn", "written"))
        filling = Signal()
        wanted = Signal(range(self.UNDER_WAY + 1))  # draws that candidates have not taken yet
        m.submodules.waiting = waiting = SyncFIFO(width=32, depth=self.UNDER_WAY)
        draw, trial, share = self.draws.request, self.candidates.request, self.candidates.response
        ask, pass_on = draw.valid & draw.ready, trial.valid & trial.ready
        m.d.comb += [
            self.busy.eq(filling | self.o.en),
            self.i.ready.eq(~filling),
            draw.valid.eq(filling & (drawn != cfg.dim) & (wanted != self.UNDER_WAY)),
            draw.payload.counter.eq(Cat(drawn, Const(0, 32 - len(drawn)), row)),
            draw.payload.key.eq(Key.ROWS),
            waiting.w_en.eq(self.draws.response.valid),
            waiting.w_data.eq(self.draws.response.payload[32:]),
            trial.valid.eq(waiting.r_rdy),
            trial.payload.bits.eq(Cat(Const(0, 32), waiting.r_data)),
            trial.payload.n.eq(Cat(Const(1, 1), self.scale)),
            waiting.r_en.eq(trial.ready),
        ]
        element = Signal(ElementLayout(cfg), reset_less=True)
        en = Signal()
        m.d.sync += [
            wanted.eq(wanted + ask - pass_on),
            drawn.eq(drawn + ask),
            written.eq(written + share.valid),
            en.eq(share.valid),
            element.row.eq(row),
            element.index.eq(written),
            element.value.eq(share.payload.share - self.scale),
        ]
        m.d.comb += [self.o.eq(element), self.o.en.eq(en)]
        with m.If(share.valid & (written == cfg.dim - 1)):
            m.d.sync += filling.eq(0)
        with m.If(self.i.valid & ~filling):
            m.d.sync += [row.eq(self.i.payload), drawn.eq(0), written.eq(0), filling.eq(1)]
        return m
