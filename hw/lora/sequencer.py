"""The sequencer of the Skip2-LoRA unit: samples in, beats out, on a fixed timetable."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .config import LoraConfig
from .ops import BeatKind, SampleLayout
from .ports import Beats, LaneLoan
from .schedule import Timetable

__all__ = ["LoraSequencer"]


class _Slot:
    """The present slot: its samples by age, its beat, and where that is in A.

    ``back``, ``head`` and ``sweep`` are Values: which of the passes the beat belongs to.
    """

    def __init__(self, cfg: LoraConfig, times: Timetable, op: Any):
        self.flight = [Signal(SampleLayout(), name=f"flight_{age}") for age in range(cfg.lag + 1)]
        self.running, self.starts, self.beat = Signal(), Signal(), Signal(range(times.length))
        split, classes, beat = times.split, cfg.classes, self.beat
        self.back = (beat < split + classes) & ((beat >= split) if split else Const(1))
        self.head = (beat >= split + classes) & (beat < split + 2 * classes)
        self.sweep = ~self.back & ~self.head & (beat < cfg.a_words + 2 * classes)
        self.word, self.x, self.column, self.layer, self.index = (
            Signal.like(s, name=name)
            for name, s in (("word", op.word), ("x", op.x), ("column", op.index), ("layer", op.layer), ("z", op.index))
        )
        self.class_ = Signal(4)
        self.starts_at = Array([sum(cfg.chunks[:k]) for k in range(cfg.layers)])[self.layer]
        self.sum_ends = self.x == Array([sum(cfg.chunks[: k + 1]) - 1 for k in range(cfg.layers)])[self.layer]


class LoraSequencer(wiring.Component):
    """One slot for each sample; between slots the lanes are the backbone's.

    With s the sample of the slot: the pass over A updates it with sample s - lag and gives z of s; *back* gives gz of
    sample s + 1 - lag; *head* updates B with that sample and gives y of s - 1.

    Parameters
    ----------
    cfg : LoraConfig
    times : Timetable

    Members
    -------
    samples : In(stream of SampleLayout)
        Samples whose activations are in the rings.
    hold : In(1)
        No slot may begin: what it would give cannot be taken.
    drain : In(1)
        No more samples will come: slots without one follow until nothing is in flight.
    loan : In(LaneLoan)
        The backbone wants the lanes, and has them.
    beats : Out(Beats)
        A beat, and the sample whose y a HEAD beat gives.
    retired : Out(1)
        A sample's activations are no longer needed once this beat has been through the lanes.
    idle : Out(1)
        Nothing is in flight.
    began, starved : Out(1)
        A slot begins; the lanes are free and no sample is there.

    Timing: a slot of ``times.length`` cycles; one follows another without a gap.
    """

    def __init__(self, cfg: LoraConfig, times: Timetable):
        self._cfg = cfg
        self._times = times
        super().__init__(
            {
                "samples": In(stream.Signature(SampleLayout())),
                "hold": In(1),
                "drain": In(1),
                "loan": In(LaneLoan()),
                "beats": Out(Beats(cfg)),
                "retired": Out(1),
                "idle": Out(1),
                "began": Out(1),
                "starved": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        slot = _Slot(self._cfg, self._times, self.beats.op)
        self._begin(m, slot)
        self._lend(m, slot)
        self._step(m, slot)
        self._put_out(m, slot)
        return m

    def _begin(self, m, slot):
        """Slot after slot: with the next sample, or with none while some are in flight."""
        cfg, flight, running, starts = self._cfg, slot.flight, slot.running, slot.starts
        sample = self.samples.payload
        ends = running & (slot.beat == self._times.length - 1)
        free = (~running | ends) & ~self.loan.granted
        pending = Signal()
        m.d.comb += pending.eq(sum((f.valid for f in flight[: cfg.lag]), 0) != 0)
        take = free & ~self.hold & self.samples.valid
        flush = free & ~self.hold & ~self.samples.valid & self.drain & pending
        m.d.comb += [
            starts.eq(take | flush),
            self.samples.ready.eq(free & ~self.hold),
            self.began.eq(starts),
            self.starved.eq(free & ~starts & ~self.loan.request),
            self.retired.eq(ends & flight[cfg.lag].valid),
            self.idle.eq(~running & ~pending & ~self.samples.valid & ~self.loan.granted),
        ]
        with m.If(ends):
            m.d.sync += [running.eq(0), flight[cfg.lag].valid.eq(0)]
        with m.If(running):
            m.d.sync += slot.beat.eq(slot.beat + 1)
        fresh = Signal(init=1)
        with m.If(starts):
            m.d.sync += [running.eq(1), slot.beat.eq(0)]
            m.d.sync += [older.eq(younger) for younger, older in pairwise(flight)]
            m.d.sync += [flight[0].eq(sample), flight[0].valid.eq(take), flight[0].first.eq(fresh)]
            with m.If(take & sample.train):
                m.d.sync += fresh.eq(sample.last)

    def _lend(self, m, slot):
        """The lanes are the backbone's between slots."""
        with m.If(self.loan.granted):
            m.d.sync += self.loan.granted.eq(self.loan.request)
        # Not in the last cycle of a slot: its last beat is still to be put out.
        with m.Elif(~slot.running & ~slot.starts & self.loan.request):
            m.d.sync += self.loan.granted.eq(1)

    def _step(self, m, slot):
        """From beat to beat: through A column by column, and class by class."""
        cfg, x, column, layer, index = self._cfg, slot.x, slot.column, slot.layer, slot.index
        with m.If(slot.running & slot.sweep):
            m.d.sync += slot.word.eq(slot.word + 1)
            with m.If(~slot.sum_ends):
                m.d.sync += x.eq(x + 1)
            with m.Else():
                m.d.sync += index.eq(index + 1)
                with m.If(column == cfg.rank - 1):
                    m.d.sync += [column.eq(0), layer.eq(layer + 1), x.eq(x + 1)]
                with m.Else():
                    m.d.sync += [column.eq(column + 1), x.eq(slot.starts_at)]
        with m.If(slot.running & (slot.back | slot.head)):
            m.d.sync += slot.class_.eq(Mux(slot.class_ == cfg.classes - 1, 0, slot.class_ + 1))
        with m.If(slot.starts):
            m.d.sync += [s.eq(0) for s in (slot.word, x, column, layer, index)]

    def _put_out(self, m, slot):
        """The beat, a cycle later."""
        cfg, op, flight, class_ = self._cfg, self.beats.op, slot.flight, slot.class_
        ahead, behind, back = flight[0], flight[cfg.lag], flight[cfg.lag - 1]
        m.d.sync += [
            self.beats.sample.eq(flight[1]),
            op.eq(0),
            op.valid.eq(slot.running & (slot.sweep | slot.back | slot.head)),
            op.start.eq(slot.beat == 0),
        ]
        with m.If(slot.sweep):
            m.d.sync += [
                op.kind.eq(BeatKind.SWEEP),
                op.word.eq(slot.word),
                op.x.eq(slot.x),
                op.ahead.eq(ahead.ring),
                op.behind.eq(behind.ring),
                op.first.eq(slot.x == slot.starts_at),
                op.last.eq(slot.sum_ends),
                op.index.eq(slot.index),
                op.layer.eq(slot.layer),
                op.forward.eq(ahead.valid),
                op.update.eq(behind.valid & behind.train),
                op.fresh.eq(behind.first),
                op.apply.eq(behind.last),
            ]
        with m.Else():
            m.d.sync += [
                op.kind.eq(Mux(slot.back, BeatKind.BACK, BeatKind.HEAD)),
                op.word.eq(cfg.a_words + class_),
                op.behind.eq(back.ring),
                op.first.eq(slot.head | (class_ == 0)),
                op.last.eq(slot.head | (class_ == cfg.classes - 1)),
                op.index.eq(class_),
                op.forward.eq(flight[1].valid),
                op.update.eq(back.valid & back.train),
                op.fresh.eq(back.first),
                op.apply.eq(back.last),
            ]
