"""The constant gain: ``f = p0 / (1 + p0 mu^2 h.h)``, by which h is multiplied to become k."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..arith.latency import MULTIPLIER, RECIPROCAL
from ..arith.multiplier import Multiplier
from ..arith.reciprocal import Reciprocal
from ..arith.requantize import requantize, rounded
from ..fabric.pipeline import delay
from .config import CoreConfig
from .gain import one_plus
from .ports import Inflation, Square
from .sizes import CONTEXT_SLOTS

__all__ = ["ConstantGain"]

#: Bits of h.h that a multiplier takes at once, as an unsigned number.
_LOW = Multiplier.MAX_BITS - 1


class ConstantGain(wiring.Component):
    """Multiply h.h by p0, add 1, divide, multiply by p0 again. What is left of :class:`Gain` where p0 stands for P.

    Parameters
    ----------
    cfg : CoreConfig
    primitives : bool
        As in :class:`Multiplier`.

    Members
    -------
    square : In(Square)
        h.h of a context; at least :attr:`interval` cycles after the one before it.
    inflation : In(Inflation)
        p0; steady while a context is under way. q is not looked at.
    g : Out(stream.Signature)
        f in ``cfg.p_view``; one for each context, in order. Up to ``CONTEXT_SLOTS`` may wait.
    saturated : Out(1)
        h.h was too large, or p0 h.h negative or too large, and has been clamped.

    Timing: :attr:`latency` cycles from h.h to ``g.valid``.

    Numerics: h.h is rounded to ``HU_FRACTION`` bits and clamped to below 2**HU_INTEGER, then p0 h.h likewise, to
    0 .. 2**HU_INTEGER - 1; p0 g is rounded once and always fits.

    Resources: 2 multipliers, and the table of the reciprocal. One of them makes both halves of p0 h.h, one after the
    other, and p0 g when g is there: hence the interval.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        self._multiplier = Multiplier(cfg.p_view.bits, Multiplier.MAX_BITS, **kind)
        self._reciprocal = Reciprocal(
            int_bits=cfg.HU_INTEGER, frac_bits=cfg.HU_FRACTION, gain_bits=cfg.gain_bits, **kind
        )
        super().__init__(
            {
                "square": In(Square(cfg)),
                "inflation": In(Inflation(cfg)),
                "g": Out(stream.Signature(signed(cfg.p_view.bits))),
                "saturated": Out(1),
            }
        )

    #: From the lower half of h.h in the multiplier to g in it: both halves, sum, clamp, divide.
    _TO_G = 1 + MULTIPLIER + 2 + RECIPROCAL

    @property
    def interval(self) -> int:
        """Fewest cycles from one context to the next."""
        return self._TO_G + 1

    @property
    def latency(self) -> int:
        # Round h.h; round p0 g; the queue.
        return 1 + self._TO_G + MULTIPLIER + 1 + 1

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.multiplier = multiplier = self._multiplier
        m.submodules.reciprocal = reciprocal = self._reciprocal
        m.submodules.fifo = fifo = SyncFIFO(width=cfg.p_view.bits, depth=CONTEXT_SLOTS)
        p0 = Signal(signed(cfg.p_view.bits), reset_less=True)
        m.d.sync += p0.eq(requantize(m, self.inflation.p0, shift=cfg.p.fraction - cfg.p_view.fraction, fmt=cfg.p_view))

        # h.h, in two halves.
        most = (1 << (cfg.HU_INTEGER + cfg.HU_FRACTION)) - 1
        hh, hh_valid, hh_clamped = Signal(range(most + 1), reset_less=True), Signal(), Signal(reset_less=True)
        square = rounded(self.square.sum, cfg.hh_shift)
        m.d.sync += [
            hh.eq(Mux(square > most, most, square)),
            hh_clamped.eq(square > most),
            hh_valid.eq(self.square.valid),
        ]
        upper = delay(m, hh[_LOW:], 1, name="upper")
        upper_valid = delay(m, hh_valid, 1, name="upper_valid", reset_less=False)
        m.d.comb += [
            multiplier.a.eq(p0),
            multiplier.b.eq(Mux(hh_valid, hh[:_LOW], Mux(upper_valid, upper, reciprocal.o))),
        ]

        # 1 + p0 h.h.
        lower_product = delay(m, multiplier.p, 1, name="lower_product").as_signed()
        total = Signal(signed(cfg.p_view.bits + cfg.HU_INTEGER + cfg.HU_FRACTION + 1), reset_less=True)
        m.d.sync += total.eq(lower_product + (multiplier.p << _LOW))
        done = delay(m, upper_valid, MULTIPLIER + 1, name="done", reset_less=False)
        was_clamped = delay(m, hh_clamped, MULTIPLIER + 2, name="was_clamped")
        clamped, ph_clamped = one_plus(m, cfg, total, cfg.p_view.fraction)
        m.d.sync += [
            reciprocal.i.eq(clamped),
            reciprocal.i_valid.eq(done),
            self.saturated.eq(done & (ph_clamped | was_clamped)),
        ]

        # p0 g.
        factor = Signal(signed(cfg.p_view.bits), reset_less=True)
        m.d.sync += factor.eq(requantize(m, multiplier.p, shift=cfg.gain_bits, fmt=cfg.p_view))
        factor_valid = delay(m, reciprocal.o_valid, MULTIPLIER + 1, name="factor_valid", reset_less=False)
        m.d.comb += [
            fifo.w_data.eq(factor),
            fifo.w_en.eq(factor_valid),
            self.g.payload.eq(fifo.r_data.as_signed()),
            self.g.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.g.ready),
        ]
        return m
