"""What is counted over an epoch, and reported when it ends."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fabric.widths import COUNTER_BITS
from .config import LoraConfig
from .protocol import REPORT_WORDS

__all__ = ["EpochTally"]


class EpochTally(wiring.Component):
    """Counts the samples of an epoch, those that were right, and their cross entropies.

    Parameters
    ----------
    cfg : LoraConfig
    loss_bits : int
        Width of one loss.

    Members
    -------
    correct : In(1)
        The sample at hand was right; before its loss.
    valid : In(1), loss : In, ends : In(1)
        The loss of a sample of an epoch, and whether it is the last. Two that end an epoch are at least
        ``REPORT_WORDS`` + 1 cycles apart.
    o_valid : Out(1), o : Out(32)
        The words of a report, one a cycle; cannot wait.
    """

    def __init__(self, cfg: LoraConfig, loss_bits: int):
        self._count_bits = cfg.SAMPLE_BITS + 1
        super().__init__(
            {
                "correct": In(1),
                "valid": In(1),
                "loss": In(loss_bits),
                "ends": In(1),
                "o_valid": Out(1),
                "o": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        samples, right = (Signal(self._count_bits, name=name) for name in ("samples", "right"))
        loss = Signal(COUNTER_BITS)
        # A sample's loss comes once; whether it was right came before.
        was_right = Signal()
        with m.If(self.correct):
            m.d.sync += was_right.eq(1)
        more = (samples + 1, right + was_right, (loss + self.loss)[:COUNTER_BITS])
        with m.If(self.valid):
            m.d.sync += [old.eq(new) for old, new in zip((samples, right, loss), more, strict=True)]
            m.d.sync += was_right.eq(0)
            with m.If(self.ends):
                m.d.sync += [old.eq(0) for old in (samples, right, loss)]

        report = Array(Signal(32, name=f"report_{i}", reset_less=True) for i in range(REPORT_WORDS))
        sent = Signal(range(REPORT_WORDS))
        sending = Signal()
        with m.If(self.valid & self.ends):
            m.d.sync += [
                word.eq(value) for word, value in zip(report, (*more[:2], more[2][:32], more[2][32:]), strict=True)
            ]
            m.d.sync += sending.eq(1)
        with m.If(sending):
            m.d.sync += sent.eq(Mux(sent == REPORT_WORDS - 1, 0, sent + 1))
            with m.If(sent == REPORT_WORDS - 1):
                m.d.sync += sending.eq(0)
        m.d.comb += [self.o_valid.eq(sending), self.o.eq(report[sent])]
        return m
