"""The head of the Skip2-LoRA unit: from a sum of the lanes to y, its answer or its gradient."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.requantize import requantize
from ..fabric.pipeline import delay
from ..fabric.ram import Ram
from .config import LoraConfig
from .loss import CrossEntropy
from .ops import RINGS, BeatKind, SampleLayout
from .ports import Beats, FrozenOutputs, Gradient, Parameters, Sums
from .softmax import SoftmaxError
from .tally import EpochTally

__all__ = ["LoraHead"]


class LoraHead(wiring.Component):
    """``y = c + z B``, and ``g`` of it for the lanes.

    Parameters
    ----------
    cfg : LoraConfig
    latency : int
        Of the lanes, from the beat to its sum.
    primitives : bool
        As in :class:`Multiplier`.

    Members
    -------
    beats : In(Beats)
        What is issued; ``latency`` cycles later the sum of a HEAD beat is there.
    sums : In(Sums)
        Those of HEAD beats are taken.
    c : In(FrozenOutputs)
        Frozen outputs of a sample, written before its beats.
    parameters : In(Parameters)
        Factor of the learning rate.
    g : In(Gradient)
        An element of g, in the same cycle.
    answer_valid : Out(1), answer : Out(signed(32))
        Outputs of samples that do not train, and words of reports on epochs, in order; cannot wait. While an epoch is
        learned there are no outputs.
    trained, correct, saturated_y, saturated_g : Out(1)
        Events, one cycle each.

    Numerics: z B is exact; with c added it is rounded once to ``cfg.y``.
    """

    def __init__(self, cfg: LoraConfig, *, latency: int, sum_bits: int, primitives: bool = False):
        self._cfg = cfg
        self._latency = latency
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        self._c = Ram(RINGS << 4, cfg.y.bits, style="distributed", **kind)
        # Alive: one written by the softmax, and lag - 2 that wait for their pass; four entries are enough.
        self._g = Ram(64, cfg.g.bits, style="distributed", **kind)
        self._softmax = SoftmaxError(cfg, primitives=primitives)
        self._loss = CrossEntropy(cfg, primitives=primitives)
        self._tally = EpochTally(cfg, CrossEntropy.bits(cfg))
        super().__init__(
            {
                "beats": In(Beats(cfg)),
                "sums": In(Sums(cfg, sum_bits)),
                "c": In(FrozenOutputs(cfg)),
                "parameters": In(Parameters(cfg)),
                "g": In(Gradient(cfg)),
                "answer_valid": Out(1),
                "answer": Out(signed(32)),
                "trained": Out(1),
                "correct": Out(1),
                "saturated_y": Out(1),
                "saturated_g": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the last sum to the first in which all of g can be read."""
        return 1 + self._softmax.latency

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.c = c = self._c
        m.submodules.g = g = self._g
        m.submodules.softmax = softmax = self._softmax
        m.submodules.loss = loss = self._loss
        m.submodules.tally = tally = self._tally
        op = self.beats.op
        beat = op.valid & (op.kind == BeatKind.HEAD)
        valid_sum = self.sums.valid & (self.sums.op.kind == BeatKind.HEAD)

        m.d.comb += [c.wr_en.eq(self.c.en), c.wr_addr.eq(Cat(self.c.class_, self.c.ring)), c.wr_data.eq(self.c.value)]
        # The sample of a sum is that of its beat, however far the next slot has come since.
        m.d.comb += c.rd_addr.eq(
            delay(m, Cat(op.index[:4], self.beats.sample.ring), self._latency - c.latency, name="c_addr")
        )
        sample = Signal(SampleLayout())
        last = delay(m, beat & (op.index[:4] == cfg.classes - 1), self._latency, name="last")
        m.d.comb += sample.eq(delay(m, self.beats.sample, self._latency, name="sample"))

        saturated = Signal()
        exact = self.sums.value + (c.rd_data.as_signed() << cfg.y_shift)
        y = Signal(signed(cfg.y.bits), reset_less=True)
        valid, y_last = Signal(), Signal(reset_less=True)
        # Kept until the gradient is complete.
        at_hand = Signal(SampleLayout(), reset_less=True)
        m.d.sync += [
            y.eq(requantize(m, exact, shift=cfg.y_shift, fmt=cfg.y, saturated=saturated)),
            valid.eq(valid_sum & sample.valid),
            y_last.eq(last),
            self.saturated_y.eq(valid_sum & sample.valid & saturated),
        ]
        with m.If(valid_sum & sample.valid):
            m.d.sync += at_hand.eq(sample)
        learns = valid & at_hand.train
        m.d.comb += [
            self.answer_valid.eq(tally.o_valid | (valid & ~at_hand.train)),
            self.answer.eq(Mux(tally.o_valid, tally.o, y)),
            softmax.valid.eq(learns),
            softmax.last.eq(y_last),
            softmax.y.eq(y),
            softmax.label.eq(at_hand.label),
            softmax.rate.eq(self.parameters.rate),
            g.wr_en.eq(softmax.g.en),
            g.wr_addr.eq(Cat(softmax.g.class_, at_hand.ring[:2])),
            g.wr_data.eq(softmax.g.value),
            g.rd_addr.eq(Cat(self.g.class_, self.g.ring[:2])),
            self.g.value.eq(g.rd_data),
            self.trained.eq(learns & y_last),
            self.correct.eq(softmax.correct),
            self.saturated_g.eq(softmax.saturated),
            loss.i_valid.eq(softmax.summed & at_hand.counted),
            loss.total.eq(softmax.total),
            loss.gap.eq(softmax.gap),
            tally.correct.eq(softmax.correct & at_hand.counted),
            tally.valid.eq(loss.o_valid),
            tally.loss.eq(loss.loss),
            tally.ends.eq(at_hand.ends),
        ]
        return m
