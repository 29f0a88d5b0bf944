"""Softmax and its error, one sample at a time: table of exponentials, one reciprocal, one multiplier."""

import math
from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.formats import SQ
from ..arith.multiplier import Multiplier
from ..arith.reciprocal import Reciprocal
from ..arith.requantize import requantize
from ..fabric.pipeline import clog2, delay
from ..fabric.ram import Ram
from .config import LoraConfig
from .ports import GradientWrites
from .timing import softmax_cycles

__all__ = ["SoftmaxError", "exp_words"]


def exp_words(cfg: LoraConfig) -> list[int]:
    """exp(-i / 2**exp_step_bits) with ``exp_bits`` fraction bits, nearest; entry 0 is exactly 1."""
    return [math.floor(math.exp(-i / 2**cfg.exp_step_bits) * 2**cfg.exp_bits + 0.5) for i in range(cfg.exp_entries)]


class _Outputs:
    """The outputs of a sample, class by class, and the highest."""

    def __init__(self, cfg: LoraConfig):
        self.y = Array([Signal(signed(cfg.y.bits), name=f"y_{j}", reset_less=True) for j in range(cfg.classes)])
        self.top = Signal(signed(cfg.y.bits), reset_less=True)
        self.complete = Signal()


class SoftmaxError(wiring.Component):
    """``g = rate (softmax(y) - onehot(label))``.

    Parameters
    ----------
    cfg : LoraConfig
    primitives : bool
        As in :class:`Multiplier`.

    Members
    -------
    valid : In(1), last : In(1), y : In(signed)
        The outputs, class 0 first, ``last`` with class m - 1. The next sample's may begin :attr:`latency` cycles
        after that.
    label : In(4), rate : In(11)
        Stable from ``last`` until the next sample.
    g : Out(GradientWrites)
        The elements of g, each once; the label's comes last, at most :attr:`latency` - 1 cycles after ``last``.
    correct : Out(1)
        In the cycle after ``last``: no output is higher than the label's, and none before it is as high.
    summed : Out(1), total : Out, gap : Out
        The sum of all exp(y - max(y)), once, and max(y) - y of the label, steady from then until the next ``last``.
    saturated : Out(1)
        With ``g.en``: the element was clamped.

    Timing: one pass over the classes for exponentials and their sum, one for g.

    Numerics: max(y) - y is rounded to a step of the table, beyond which exp is 0; 1/sum times rate is rounded to
    ``gain_bits``, the product with exp to the format of g. The label's g is minus the sum of the others, saturated.

    Resources: two multipliers (one in the reciprocal), the table, 2 x 16 small registers.
    """

    def __init__(self, cfg: LoraConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        self._table = Ram(cfg.exp_entries, cfg.exp_bits + 1, init=exp_words(cfg), **kind)
        self._reciprocal = Reciprocal(int_bits=cfg.SUM_INTEGER, frac_bits=cfg.exp_bits, gain_bits=cfg.gain_bits, **kind)
        self._scale = SQ(2, cfg.gain_bits)
        a_bits = max(cfg.gain_bits + 1, cfg.exp_bits + 2)
        self._multiplier = Multiplier(a_bits, max(cfg.RATE.bits + 1, self._scale.bits), **kind)
        super().__init__(
            {
                "valid": In(1),
                "last": In(1),
                "y": In(signed(cfg.y.bits)),
                "label": In(4),
                "rate": In(cfg.RATE.bits),
                "g": Out(GradientWrites(cfg)),
                "correct": Out(1),
                "summed": Out(1),
                "total": Out(cfg.SUM_INTEGER + cfg.exp_bits),
                "gap": Out(cfg.y.bits),
                "saturated": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``last`` to the first in which all of g is known (written at the end of the one before)."""
        return softmax_cycles(self._cfg)

    def elaborate(self, platform):
        m = Module()
        m.submodules.table = self._table
        m.submodules.reciprocal = self._reciprocal
        m.submodules.multiplier = self._multiplier
        outputs = _Outputs(self._cfg)
        self._collect(m, outputs)
        exps, total, summed = self._exponentials(m, outputs)
        scale, scaled = self._scale_of(m, total, summed)
        self._errors(m, exps, scale, scaled)
        return m

    def _collect(self, m, outputs):
        """Keeps y, and finds the highest."""
        n = Signal(4)
        winner = Signal(4, reset_less=True)
        m.d.sync += outputs.complete.eq(self.valid & self.last)
        with m.If(self.valid):
            m.d.sync += [outputs.y[n].eq(self.y), n.eq(Mux(self.last, 0, n + 1))]
            with m.If((n == 0) | (self.y > outputs.top)):
                m.d.sync += [outputs.top.eq(self.y), winner.eq(n)]
        m.d.comb += self.correct.eq(outputs.complete & (winner == self.label))

    def _count(self, m, start, name):
        """High with a count 0 ... classes - 1 from the cycle of ``start`` on."""
        on, count = Signal(name=f"{name}_on"), Signal(4, name=f"{name}_count")
        with m.If(start | on):
            m.d.sync += [count.eq(count + 1), on.eq(1)]
            with m.If(count == self._cfg.classes - 1):
                m.d.sync += [count.eq(0), on.eq(0)]
        return start | on, count

    def _exponentials(self, m, outputs):
        """exp(y - max(y)) of each class, their sum, and when it is there."""
        cfg, table = self._cfg, self._table
        reading, j = self._count(m, outputs.complete, "exp")
        index = Signal(cfg.y.bits + 2)
        shift = cfg.exp_index_shift
        below = outputs.top - outputs.y[j]
        m.d.comb += index.eq((below + ((1 << shift) >> 1)) >> shift)
        gap = Signal(cfg.y.bits, reset_less=True)
        with m.If(reading & (j == self.label)):
            m.d.sync += gap.eq(below)
        entry = Signal(clog2(cfg.exp_entries), reset_less=True)
        beyond = Signal(reset_less=True)
        m.d.sync += [entry.eq(index), beyond.eq(index >= cfg.exp_entries)]
        m.d.comb += table.rd_addr.eq(entry)
        beyond = delay(m, beyond, table.latency, name="beyond")
        has_exp = delay(m, reading, 1 + table.latency, name="has_exp", reset_less=False)
        j_exp = delay(m, j, 1 + table.latency, name="j_exp")
        exp = Signal(cfg.exp_bits + 1)
        m.d.comb += exp.eq(Mux(beyond, 0, table.rd_data))
        exps = Array([Signal(cfg.exp_bits + 1, name=f"exp_{i}", reset_less=True) for i in range(cfg.classes)])
        total = Signal(cfg.SUM_INTEGER + cfg.exp_bits, reset_less=True)
        summed = Signal()
        m.d.sync += summed.eq(has_exp & (j_exp == cfg.classes - 1))
        with m.If(has_exp):
            m.d.sync += [exps[j_exp].eq(exp), total.eq(Mux(j_exp == 0, 0, total) + exp)]
        m.d.comb += [self.summed.eq(summed), self.total.eq(total), self.gap.eq(gap)]
        return exps, total, summed

    def _scale_of(self, m, total, summed):
        """The reciprocal of the sum times the learning rate's factor; known in the cycle after ``scaled``."""
        cfg, reciprocal = self._cfg, self._reciprocal
        m.d.comb += [reciprocal.i_valid.eq(summed), reciprocal.i.eq(total)]
        scaled = delay(m, reciprocal.o_valid, Multiplier.LATENCY, name="scaled", reset_less=False)
        scale = Signal(signed(self._scale.bits), reset_less=True)
        with m.If(scaled):
            m.d.sync += scale.eq(requantize(m, self._multiplier.p, shift=cfg.RATE.fraction, fmt=self._scale))
        return scale, scaled

    def _errors(self, m, exps, scale, scaled):
        """g of each class but the label's, then the label's. The multiplier makes the scale in other cycles."""
        cfg, multiplier = self._cfg, self._multiplier
        multiplying, k = self._count(m, delay(m, scaled, 1, name="scale_done", reset_less=False), "g")
        with m.If(multiplying):
            m.d.comb += [multiplier.a.eq(exps[k]), multiplier.b.eq(scale)]
        with m.Else():
            m.d.comb += [multiplier.a.eq(self._reciprocal.o), multiplier.b.eq(self.rate)]
        has_g = delay(m, multiplying, Multiplier.LATENCY, name="has_g", reset_less=False)
        k_g = delay(m, k, Multiplier.LATENCY, name="k_g")
        clamped, others_clamped = Signal(), Signal()
        other = requantize(m, multiplier.p, shift=cfg.g_shift, fmt=cfg.g, saturated=clamped)
        is_other = has_g & (k_g != self.label)
        others = Signal(signed(cfg.g.bits + 4), reset_less=True)
        with m.If(scaled):
            m.d.sync += others.eq(0)
        with m.If(is_other):
            m.d.sync += others.eq(others + other)
        closing = Signal()
        m.d.sync += closing.eq(has_g & (k_g == cfg.classes - 1))
        own = requantize(m, -others, shift=0, fmt=cfg.g, saturated=others_clamped)
        m.d.comb += [
            self.g.en.eq(is_other | closing),
            self.g.class_.eq(Mux(closing, self.label, k_g)),
            self.g.value.eq(Mux(closing, own, other)),
            self.saturated.eq((is_other & clamped) | (closing & others_clamped)),
        ]
