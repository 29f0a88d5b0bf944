"""The cross entropy of a sample, from what the softmax has at hand."""

import math
from typing import Any

from amaranth.hdl import Array, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import delay
from ..fabric.ram import Ram
from .config import LoraConfig

__all__ = ["CrossEntropy", "log_words"]


def log_words(cfg: LoraConfig) -> list[int]:
    """ln(1 + i / 2**log_bits) in the middle of each interval, nearest with ``loss_fraction`` bits; entry 0 is 0."""
    middles = [(i + 0.5 if i else 0) / 2**cfg.log_bits for i in range(1 << cfg.log_bits)]
    return [math.floor(math.log1p(f) * 2**cfg.loss_fraction + 0.5) for f in middles]


class CrossEntropy(wiring.Component):
    """``-ln softmax(y)[label] = gap + ln(total)``.

    Parameters
    ----------
    cfg : LoraConfig
    primitives : bool
        As in :class:`Ram`.

    Members
    -------
    i_valid : In(1), gap : In, total : In
        max(y) - y[label], raw as y; the sum of exp(y - max(y)), raw as the softmax has it: at least 1, at most 16.
    o_valid : Out(1), loss : Out
        :attr:`latency` cycles later; ``loss_fraction`` fraction bits.

    Numerics: with total = 2**e (1 + f), e ln 2 is rounded once, and ln(1 + f) is a table of the first ``log_bits`` bits
    of f.

    Resources: a table of 2**``log_bits`` words in LUT RAM.
    """

    #: Powers of 2 that a sum of 1 to 16 can begin with.
    POWERS = LoraConfig.SUM_INTEGER

    def __init__(self, cfg: LoraConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        self._table = Ram(1 << cfg.log_bits, cfg.loss_fraction, init=log_words(cfg), style="distributed", **kind)
        super().__init__(
            {
                "i_valid": In(1),
                "gap": In(cfg.y.bits),
                "total": In(cfg.SUM_INTEGER + cfg.exp_bits),
                "o_valid": Out(1),
                "loss": Out(self.bits(cfg)),
            }
        )

    @staticmethod
    def bits(cfg: LoraConfig) -> int:
        """Width of a loss."""
        # The gap is below 2**(integer bits of y); the logarithm below 2.8.
        return max(cfg.y.bits + cfg.loss_fraction - cfg.y.fraction, cfg.loss_fraction + 2) + 1

    @property
    def latency(self) -> int:
        return 1 + self._table.latency + 1

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.table = table = self._table
        ln2 = math.floor(math.log(2) * 2**cfg.loss_fraction + 0.5)
        power = Signal(range(self.POWERS), reset_less=True)
        index = Signal(cfg.log_bits, reset_less=True)
        for e in range(self.POWERS):
            with m.If(self.total[cfg.exp_bits + e]):
                m.d.sync += [power.eq(e), index.eq(self.total[cfg.exp_bits + e - cfg.log_bits : cfg.exp_bits + e])]
        wait = table.latency
        looked_up = delay(m, power, wait, name="power")
        whole = Signal(range((self.POWERS - 1) * ln2 + 1))
        m.d.comb += [
            table.rd_addr.eq(index),
            whole.eq(Array(Const(e * ln2, len(whole)) for e in range(self.POWERS))[looked_up]),
            self.o_valid.eq(delay(m, self.i_valid, self.latency, name="valid", reset_less=False)),
        ]
        gap = delay(m, self.gap, 1 + wait, name="gap") << (cfg.loss_fraction - cfg.y.fraction)
        loss = Signal(self.loss.shape(), reset_less=True)
        m.d.sync += loss.eq(gap + whole + table.rd_data)
        m.d.comb += self.loss.eq(loss)
        return m
