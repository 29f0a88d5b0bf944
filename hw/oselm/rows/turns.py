"""Beats of rows that go and come, between the operations of the engine that holds them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ..config import CoreConfig
from ..ops import ReadKind, ReadOp, UpdateKind, UpdateOp
from ..ports import Pause, RowRead, SlotForget
from .layouts import RowLease, SlotBeats

__all__ = ["BeatTurns", "LeaseTurns"]


class BeatTurns(wiring.Component):
    """A beat goes where the engine has no operation; where it has one in every cycle, the sequencer pauses for it.

    Parameters
    ----------
    cfg : CoreConfig
        Of the engine: its rows are slots.
    rows : RowsConfig

    Members
    -------
    beats : In(SlotBeats)
    pause : Out(Pause)
    busy_read, busy_update : In(1)
        The sequencer reads, or updates, in this cycle.
    read, update : Out(ReadOp), Out(UpdateOp)
        Valid where the engine is to take these instead of its own; of ``update`` :data:`FILLED` alone.
    row : In(RowRead)
        What the engine has read.
    host_row : Out(1)
        It is for the host.
    forget : Out(SlotForget)
        A slot gets another row.

    Timing: a beat in the cycle in which the engine is free. Where it is not, the sequencer is asked, out of a register,
    and pauses in the next cycle at the earliest; where a beat finds the engine free meanwhile, it pauses for nothing.
    """

    #: Members of ``update`` that mean something: whatever the engine is told besides does not reach the row.
    FILLED = ("valid", "kind", "row", "chunk")

    def __init__(self, cfg: CoreConfig, rows):
        self._cfg = cfg
        super().__init__(
            {
                "beats": In(SlotBeats(rows, cfg.lanes, max(1, clog2(cfg.chunks)), cfg.beta.bits)),
                "pause": Out(Pause()),
                "busy_read": In(1),
                "busy_update": In(1),
                "read": Out(ReadOp(cfg)),
                "update": Out(UpdateOp(cfg)),
                "row": In(RowRead(cfg, cfg.beta.bits)),
                "host_row": Out(1),
                "forget": Out(SlotForget(cfg)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beats, pause = self.beats, self.pause
        going = Signal()
        m.d.comb += [
            self.read.row.eq(beats.reads.payload.slot),
            self.read.chunk.eq(beats.reads.payload.chunk),
            self.read.kind.eq(ReadKind.HOST),
            self.update.row.eq(beats.writes.payload.slot),
            self.update.chunk.eq(beats.writes.payload.chunk),
            self.update.kind.eq(UpdateKind.FILL),
            self.forget.en.eq(self.update.valid),
            self.forget.slot.eq(beats.writes.payload.slot),
            beats.row.eq(self.row.data),
            beats.en.eq(self.row.en & going),
            self.host_row.eq(self.row.en & ~going),
        ]
        for name, beat, busy, ask, asks, op in (
            ("reads", beats.reads, self.busy_read, pause.read, pause.reads, self.read),
            ("writes", beats.writes, self.busy_update, pause.update, pause.updates, self.update),
        ):
            # It is going to leave a beat free; or it is asked to.
            asked, asking = Signal(name=f"asked_{name}"), Signal(name=f"asking_{name}")
            m.d.comb += [beat.ready.eq(~busy), op.valid.eq(beat.valid & ~busy), ask.eq(asking)]
            m.d.sync += asking.eq(beat.valid & busy & ~asked & ~(asking & asks))
            with m.If(op.valid):
                m.d.sync += asked.eq(0)
            with m.Elif(asking & asks):
                m.d.sync += asked.eq(1)
        with m.If(self.read.valid):
            m.d.sync += going.eq(1)
        with m.Elif(self.row.en):
            m.d.sync += going.eq(0)
        return m


class LeaseTurns(wiring.Component):
    """The lease of a row for the host, or for who makes first values, which comes first where it asks.

    Members
    -------
    host, fill : In(RowLease)
    o : Out(RowLease)

    Timing: none, wires only.
    """

    def __init__(self, rows):
        super().__init__({"host": In(RowLease(rows)), "fill": In(RowLease(rows)), "o": Out(RowLease(rows))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.o.wanted.eq(self.host.wanted), self.o.row.eq(self.host.row), self.o.flush.eq(self.host.flush)]
        for asker in (self.host, self.fill):
            m.d.comb += [asker.held.eq(self.o.held), asker.slot.eq(self.o.slot)]
        with m.If(self.fill.wanted):
            m.d.comb += [self.o.wanted.eq(1), self.o.row.eq(self.fill.row)]
        return m
