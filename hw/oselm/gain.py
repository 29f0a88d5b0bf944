"""The gain: ``g = 1 / (1 + mu^2 h.u)``, from u and h as they come, element by element."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..arith.dot import sum_bits
from ..arith.multiplier import Multiplier
from ..arith.reciprocal import Reciprocal
from ..arith.requantize import rounded
from ..fabric.pipeline import delay
from .config import CoreConfig
from .ports import Elements
from .sizes import CONTEXT_SLOTS

__all__ = ["Gain", "one_plus"]


def one_plus(m: Module, cfg: CoreConfig, x: Value, shift: int) -> tuple[Value, Value]:
    """``1 + x`` as the reciprocal takes it, and whether x was clamped; combinational.

    x, signed, drops ``shift`` bits to ``HU_FRACTION``, rounded, and is clamped to 0 .. 2**HU_INTEGER - 1.
    """
    one, top = 1 << cfg.HU_FRACTION, (1 << (cfg.HU_INTEGER + cfg.HU_FRACTION)) - 1
    left = rounded(x, shift)
    # Kept as a signal: it is looked at three times.
    hu = Signal(signed(len(left)), name="hu")
    m.d.comb += hu.eq(left)
    low, high = hu < 0, hu > top - one
    return Mux(low, one, Mux(high, top, hu + one)), low | high


class Gain(wiring.Component):
    """Accumulate h.u, add 1, divide.

    Parameters
    ----------
    cfg : CoreConfig
    primitives : bool
        As in :class:`Multiplier`.

    Members
    -------
    elements : In(Elements)
        u and h.
    g : Out(stream.Signature)
        Unsigned, ``gain_bits`` fraction bits; one for each context, in order. Up to ``CONTEXT_SLOTS`` may wait.
    saturated : Out(1)
        h.u was negative or too large and has been clamped.

    Timing: :attr:`latency` cycles from the last element to ``g.valid``.

    Numerics: the sum is exact; it is rounded to ``HU_FRACTION`` bits and clamped to 0 .. 2**HU_INTEGER - 1. A negative
    sum means that P is no longer positive definite.

    Resources: 2 multipliers, and the table of the reciprocal.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        self._multiplier = Multiplier(cfg.u.bits, cfg.beta_view.bits, **kind)
        self._reciprocal = Reciprocal(
            int_bits=cfg.HU_INTEGER, frac_bits=cfg.HU_FRACTION, gain_bits=cfg.gain_bits, **kind
        )
        super().__init__(
            {
                "elements": In(Elements(cfg)),
                "g": Out(stream.Signature(cfg.gain_bits)),
                "saturated": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        return Multiplier.LATENCY + 2 + self._reciprocal.latency + 1

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.multiplier = multiplier = self._multiplier
        m.submodules.reciprocal = reciprocal = self._reciprocal
        m.submodules.fifo = fifo = SyncFIFO(width=cfg.gain_bits, depth=CONTEXT_SLOTS)
        m.d.comb += [multiplier.a.eq(self.elements.u), multiplier.b.eq(self.elements.h)]
        valid = delay(m, self.elements.valid, Multiplier.LATENCY, name="valid", reset_less=False)
        first = delay(m, self.elements.first, Multiplier.LATENCY, name="first")
        last = delay(m, self.elements.last, Multiplier.LATENCY, name="last")
        total = Signal(signed(sum_bits(cfg.dim, cfg.u.bits, cfg.beta_view.bits)), reset_less=True)
        done = Signal()
        with m.If(valid):
            m.d.sync += total.eq(Mux(first, 0, total) + multiplier.p)
        m.d.sync += done.eq(valid & last)

        x = Signal(cfg.HU_INTEGER + cfg.HU_FRACTION, reset_less=True)
        x_valid = Signal()
        clamped, was_clamped = one_plus(m, cfg, total, cfg.hu_shift)
        m.d.sync += [x.eq(clamped), x_valid.eq(done), self.saturated.eq(done & was_clamped)]
        m.d.comb += [
            reciprocal.i.eq(x),
            reciprocal.i_valid.eq(x_valid),
            fifo.w_data.eq(reciprocal.o),
            fifo.w_en.eq(reciprocal.o_valid),
        ]
        wiring.connect(m, wiring.flipped(self.g), fifo.r_stream)
        return m
