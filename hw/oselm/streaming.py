"""The streaming schedule: every context takes as long as its samples, whatever the latency of the engines."""

from itertools import pairwise

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO

from ..fabric.pipeline import clog2, delay
from ..fabric.ram import Ram
from .config import CoreConfig
from .context_queue import ContextLayout
from .ops import ReadKind, ReadOp, SampleLayout, SweepOp, UpdateKind, UpdateOp
from .sequencer import sequencer_members
from .sizes import CONTEXT_SLOTS
from .timing import EngineTiming

__all__ = ["StreamingSequencer"]


class StreamingSequencer(wiring.Component):
    """Reads run one context ahead of updates, in step with them.

    A *slot* handles three contexts at once. Its first position reads the centre of context s + A, starts the sweep
    for it (with the update of P by context s - 1) and turns the g of context s into its k. Then, position by position,
    a sample of s is read and a sample of s - 1 updated. A read sees the updates of all earlier positions and none of
    its own or later ones: the read is issued exactly so much later than the update of its position. Nothing depends on
    time, only on the order of the positions, so stalls change no bit.

    Where both rows of a position are the same one, the read is issued first and the update a beat later.

    Members: see :func:`sequencer_members`.

    Timing: ``chunks * (1 + max(samples of s, samples of s - 1))`` cycles a slot, one beat more for a position with
    equal rows; at least :attr:`EngineTiming.spacing` (P is swept once a slot), and at least so many that an error is
    known when its position comes again.
    """

    def __init__(self, cfg: CoreConfig, timing: EngineTiming, *, pauses: bool = False):
        self._cfg, self._pauses = cfg, pauses
        self._timing = timing
        super().__init__(sequencer_members(cfg, pauses))

    def elaborate(self, platform):
        m = Module()
        position = self._positions(m)
        self._issue(m, *position)
        return m

    def _layout(self):
        cfg, context = self._cfg, clog2(CONTEXT_SLOTS)
        return data.StructLayout(
            {
                "first": 1,
                "slot": context,
                "read": 1,
                "sample": SampleLayout(cfg),  # of the read; for the first position only its row
                "update": 1,
                "updated": SampleLayout(cfg),
                "gain": 1,
                "sweep_update": 1,
            }
        )

    def _positions(self, m):
        """What is to be done, one position a cycle, after two registers: payload, equal rows, valid, ready."""
        cfg = self._cfg
        count = clog2(cfg.max_samples + 1)
        # Contexts s - 1 (index 0) to s + A.
        known = Signal(cfg.lookahead + 2)
        counts = [Signal(count, name=f"count_{i}") for i in range(cfg.lookahead + 2)]
        slot = Signal(range(CONTEXT_SLOTS))
        in_slot = Signal()
        x = Signal(count)

        entries = Ram(cfg.ring, SampleLayout(cfg).size, style="distributed", vendor=cfg.vendor)
        m.submodules.entries = entries
        oldest = Signal(clog2(cfg.ring))
        m.d.comb += entries.rd_addr.eq(oldest)

        position, valid, ready = Signal(self._layout()), Signal(), Signal()
        context = data.View(ContextLayout(cfg), self.contexts.payload)
        opens = self.contexts.valid | (self.drain & known[1:].any())
        m.d.comb += position.slot.eq(slot)
        with m.If(~in_slot):
            m.d.comb += [
                valid.eq(opens),
                position.first.eq(1),
                position.read.eq(self.contexts.valid),
                position.sample.row.eq(context.row),
                position.gain.eq(known[2]),
                position.sweep_update.eq(known[1]),
                position.slot.eq(slot + 1),
            ]
            with m.If(valid & ready):
                m.d.comb += self.contexts.ready.eq(1)
                m.d.sync += [known.eq(known >> 1), known[-1].eq(self.contexts.valid), slot.eq(slot + 1), x.eq(0)]
                m.d.sync += [a.eq(b) for a, b in pairwise(counts)]
                m.d.sync += counts[-1].eq(Mux(self.contexts.valid, context.count, 0))
                m.d.sync += in_slot.eq((counts[1] != 0) | (counts[2] != 0))
        with m.Else():
            reads, updates = x < counts[1], x < counts[0]
            m.d.comb += [
                valid.eq(~reads | self.samples.valid),
                position.read.eq(reads),
                position.sample.eq(self.samples.payload),
                position.update.eq(updates),
                position.updated.eq(entries.rd_data),
            ]
            with m.If(valid & ready):
                m.d.comb += [self.samples.ready.eq(reads), entries.wr_en.eq(reads)]
                m.d.sync += [x.eq(x + 1), oldest.eq(oldest + updates)]
                with m.If((x + 1 >= counts[0]) & (x + 1 >= counts[1])):
                    m.d.sync += in_slot.eq(0)
        m.d.comb += [entries.wr_addr.eq(self.samples.payload.n), entries.wr_data.eq(self.samples.payload)]

        # A few positions wait, so that whether one can be issued is not felt as far back as the queue; then a register
        # with the comparison of the rows.
        m.submodules.positions = positions = SyncFIFO(width=self._layout().size, depth=4)
        early = data.View(self._layout(), positions.r_data)
        late, late_valid, equal = Signal(self._layout(), reset_less=True), Signal(), Signal()
        late_ready = Signal()
        m.d.comb += [positions.w_data.eq(position), positions.w_en.eq(valid), ready.eq(positions.w_rdy)]
        with m.If(~late_valid | late_ready):
            m.d.comb += positions.r_en.eq(1)
            m.d.sync += [
                late.eq(early),
                late_valid.eq(positions.r_rdy),
                equal.eq(early.read & early.update & (early.sample.row == early.updated.row)),
            ]
        early_valid = positions.r_rdy
        starved = ~in_slot & ~opens & known[1:].any()
        m.d.comb += [
            self.waits.input.eq(starved & ~early_valid & ~late_valid),
            self.idle.eq(~in_slot & ~opens & ~known[1:].any() & ~early_valid & ~late_valid),
        ]
        return late, equal, late_valid, late_ready

    def _issue(self, m, position, equal, valid, ready):
        cfg, timing = self._cfg, self._timing
        chunk = Signal(range(max(2, cfg.chunks)))
        second = Signal()  # the update of a position with equal rows
        errors = Signal(range(cfg.ring + 1))
        timer, sweeps = Signal(range(timing.spacing + 1)), Signal()  # until the next sweep may begin; it is not 0

        begins, ends = chunk == 0, chunk == cfg.chunks - 1
        reads = position.read & ~second
        updates = position.update & (second | ~equal)
        wait_gain = position.first & position.gain & ~self.g.valid
        wait_sweep = position.first & sweeps
        wait_error = updates & (errors == 0)
        fire = valid & ~(begins & (wait_gain | wait_sweep | wait_error))
        wait_row = valid & equal & ~second
        if self._pauses:
            # Between two positions.
            paused = begins & (self.pause.read | self.pause.update)
            fire, wait_row = fire & ~paused, wait_row & ~paused
            m.d.comb += [self.pause.reads.eq(begins), self.pause.updates.eq(begins)]
        m.d.comb += [
            self.waits.gain.eq(valid & begins & wait_gain),
            self.waits.sweep.eq(valid & begins & wait_sweep & ~wait_gain),
            self.waits.error.eq(valid & begins & wait_error),
            self.waits.row.eq(wait_row),
            ready.eq(fire & ends & (second | ~equal)),
            self.g.ready.eq(fire & ends & position.first & position.gain),
        ]
        with m.If(fire):
            m.d.sync += chunk.eq(Mux(ends, 0, chunk + 1))
            with m.If(ends & equal):
                m.d.sync += second.eq(~second)
        m.d.sync += errors.eq(errors + self.error_valid - (fire & begins & updates))
        with m.If(fire & begins & position.first):
            m.d.sync += [timer.eq(timing.spacing - 1), sweeps.eq(timing.spacing > 1)]
        with m.Elif(sweeps):
            m.d.sync += [timer.eq(timer - 1), sweeps.eq(timer != 1)]

        update = Signal(UpdateOp(cfg))
        m.d.comb += [
            update.valid.eq(fire & (updates | (position.first & position.gain))),
            update.kind.eq(Mux(position.first, UpdateKind.GAIN, UpdateKind.UPDATE)),
            update.row.eq(position.updated.row),
            update.chunk.eq(chunk),
            update.context.eq(Mux(position.first, position.slot, position.slot - 1)),
            update.n.eq(position.updated.n),
            update.hit.eq(position.updated.hit),
            update.source.eq(position.updated.source),
        ]
        read = Signal(ReadOp(cfg))
        m.d.comb += [
            read.valid.eq(fire & reads),
            read.kind.eq(Mux(position.first, ReadKind.CENTRE, ReadKind.SAMPLE)),
            read.row.eq(position.sample.row),
            read.chunk.eq(chunk),
            read.context.eq(Mux(position.first, position.slot + cfg.lookahead, position.slot)),
            read.n.eq(position.sample.n),
            read.label.eq(position.sample.label),
        ]
        sweep = Signal(SweepOp(cfg))
        m.d.comb += [
            sweep.valid.eq(fire & begins & position.first & (position.read | position.sweep_update)),
            sweep.update.eq(position.sweep_update),
            sweep.forward.eq(position.read),
            sweep.before.eq(position.slot - 1),
            sweep.ahead.eq(position.slot + cfg.lookahead),
        ]
        # The read of a position comes one cycle too early to see the update of the same position.
        behind = timing.read_after_update - 1
        m.d.comb += [
            self.update.eq(delay(m, update, 1, name="update", reset_less=False)),
            self.scalar.eq(delay(m, self.g.payload, 1, name="gain")),
            self.read.eq(delay(m, read, 1 + behind, name="read", reset_less=False)),
            self.sweep.eq(delay(m, sweep, 1 + behind, name="sweep", reset_less=False)),
        ]
        # With ``update`` at the output in cycle 1, its read is there in cycle 1 + behind.
