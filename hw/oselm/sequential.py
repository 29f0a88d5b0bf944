"""The sequential schedule: every context sees all that came before it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO

from ..fabric.pipeline import clog2, delay
from ..fabric.ram import Ram
from .config import CoreConfig
from .context_queue import ContextLayout
from .ops import ReadKind, ReadOp, SampleLayout, UpdateKind, UpdateOp
from .sequencer import sequencer_members
from .sizes import CONTEXT_SLOTS
from .timing import EngineTiming

__all__ = ["SequentialSequencer"]


class _Reader:
    """Registers of the reader."""

    def __init__(self, cfg: CoreConfig, timing: EngineTiming):
        self.context = Signal(range(CONTEXT_SLOTS))  # of the samples being read
        self.ahead = Signal(range(CONTEXT_SLOTS))  # of the next centre
        self.left = Signal(range(cfg.max_samples + 1))  # samples of ``context`` not read yet
        self.next_count = Signal.like(self.left)  # of a centre that was read before they were
        self.has_next = Signal()
        self.first = Signal(init=1)  # of the segment
        self.owed = Signal()  # the gain of the last centre is not issued yet
        self.rest = Signal(range(timing.read_after_update + 1))  # after the gain
        self.timer = Signal(range(timing.spacing + 1))
        self.pending = Signal()  # an update of P
        self.chunk = Signal(range(max(2, cfg.chunks)))
        self.chosen = Signal()  # a row has begun, and is
        self.is_centre = Signal()
        self.begins, self.ends = self.chunk == 0, self.chunk == cfg.chunks - 1
        self.may_sweep = ~self.owed & (self.rest == 0) & (self.timer == 0)


class SequentialSequencer(wiring.Component):
    """Reads go as early as the updates before them allow; updates go in order.

    The reader takes the next centre as soon as the gain of the context before it is known and the latest update of
    its row is written; else the next sample, if the latest update of its row by an earlier context is written and the
    row FIFO has a place. A row that comes again within its context is not read again. The updater issues the gain of a
    context, then its samples in order as their errors become known. The sweep of a centre applies the update of the
    context before it.

    Members: see :func:`sequencer_members`.

    Timing: a context takes ``chunks * (samples + 1)`` cycles, or the way from one centre to the next (sweep of P,
    h.u, reciprocal, k, update), whichever is longer; the way starts at the last update of the row that is the next
    centre, so that samples which are centres soon are best listed first.
    """

    def __init__(self, cfg: CoreConfig, timing: EngineTiming, *, pauses: bool = False):
        self._cfg, self._pauses = cfg, pauses
        self._timing = timing
        super().__init__(sequencer_members(cfg, pauses))

    def elaborate(self, platform):
        cfg, timing = self._cfg, self._timing
        m = Module()
        # Entries are numbered modulo twice the ring, so that a full ring differs from an empty one.
        number = range(2 * cfg.ring)
        n_read, n_updated = Signal(number), Signal(number)
        # Updates that a read issued in this cycle sees.
        n_seen = Signal(number)
        m.d.comb += n_seen.eq(delay(m, n_updated, timing.read_after_update - 1, name="seen", reset_less=False))

        entries = Ram(cfg.ring, SampleLayout(cfg).size, style="distributed", vendor=cfg.vendor)
        counts = SyncFIFO(width=clog2(cfg.max_samples + 1), depth=CONTEXT_SLOTS)
        m.submodules.entries = entries
        m.submodules.counts = counts
        reader, reading, reader_waits = self._read(m, n_read, n_seen, entries, counts)
        updating, updater_waits = self._update(m, n_updated, entries, counts, reader)
        # Of several reasons, the one that ends the others when it goes.
        free = ~(reading | updating)
        for wait, reason in (*updater_waits, *reader_waits):
            m.d.comb += wait.eq(free & reason)
            free &= ~reason
        return m

    def _unseen(self, n_read, n_seen, source):
        """Whether entry ``source`` (the latest of that number before n_read) is still to be seen."""
        ring = self._cfg.ring
        back = Signal(range(ring), name="back")  # entries before the next one: 1 .. ring, 0 stands for ring
        waiting = Signal(range(2 * ring), name="waiting")
        comb = [back.eq(n_read - source), waiting.eq(n_read - n_seen)]
        return comb, Mux(back == 0, ring, back) <= waiting

    def _read(self, m, n_read, n_seen, entries, counts):
        """The reader: what it takes next. Returns its registers, whether it reads, and why not."""
        cfg = self._cfg
        r = _Reader(cfg, self._timing)
        centre, sample = data.View(ContextLayout(cfg), self.contexts.payload), self.samples.payload
        # The row of a centre may stand anywhere in the context before it, which is read in part at most; the centre's
        # ``source`` counts from the end of that context.
        n_end = Signal(range(2 * cfg.ring))
        centre_wires, centre_unseen = self._unseen(n_end, n_seen, centre.source)
        sample_wires, sample_unseen = self._unseen(n_read, n_seen, sample.source)
        full = Signal()
        m.d.comb += [*centre_wires, *sample_wires, full.eq((n_read - n_seen)[: len(n_read)] >= cfg.ring)]

        centre_waits = centre.hit & centre_unseen
        sample_waits = (sample.hit & ~sample.repeat & sample_unseen) | full
        may_centre = self.contexts.valid & ~r.has_next & r.may_sweep
        go_centre = may_centre & ~centre_waits
        go_sample = self.samples.valid & (r.left != 0) & ~sample_waits
        if self._pauses:
            go_centre &= ~self.pause.read
            go_sample &= ~self.pause.read
            m.d.comb += self.pause.reads.eq(r.begins)
        finish = self.drain & ~self.contexts.valid & r.pending & r.may_sweep
        fire_centre = Mux(r.begins, go_centre, r.chosen & r.is_centre)
        fire_sample = Mux(r.begins, go_sample & ~go_centre, r.chosen & ~r.is_centre)

        self._advance(m, r, centre, fire_centre, fire_sample, finish)
        with m.If(fire_centre & r.ends):
            m.d.sync += n_end.eq(n_end + centre.count)
        with m.If(fire_sample & r.ends):
            m.d.sync += n_read.eq(n_read + 1)
        m.d.comb += [
            counts.w_data.eq(centre.count),
            counts.w_en.eq(fire_centre & r.ends),
            self.contexts.ready.eq(fire_centre & r.ends),
            self.samples.ready.eq(fire_sample & r.ends),
            entries.wr_en.eq(fire_sample & r.ends),
            entries.wr_addr.eq(sample.n),
            entries.wr_data.eq(sample),
        ]
        self._issue(m, r, centre, sample, fire_centre, fire_sample, finish)
        resting = r.begins & ~self.contexts.valid & ~self.samples.valid & (r.left == 0) & ~r.has_next
        m.d.comb += self.idle.eq(resting & ~r.owed & ~r.pending & (r.timer == 0) & ~counts.r_rdy & (n_read == n_seen))
        waits = (
            (self.waits.row, (may_centre & centre_waits) | (self.samples.valid & (r.left != 0) & sample_waits)),
            (self.waits.sweep, (self.contexts.valid | self.drain) & r.pending & ~r.owed & (r.timer != 0)),
            (self.waits.input, ~self.contexts.valid & (r.left == 0) & ~r.has_next & r.pending & ~self.drain),
        )
        return r, fire_centre | fire_sample, waits

    def _advance(self, m, r, centre, fire_centre, fire_sample, finish):
        """What the reader's registers become with a beat of a centre, of a sample, or with the last update of P."""
        with m.If(fire_centre | fire_sample):
            m.d.sync += [r.chunk.eq(Mux(r.ends, 0, r.chunk + 1)), r.is_centre.eq(fire_centre), r.chosen.eq(~r.ends)]
        with m.If(r.rest != 0):
            m.d.sync += r.rest.eq(r.rest - 1)
        with m.If(r.timer != 0):
            m.d.sync += r.timer.eq(r.timer - 1)
        with m.If((fire_centre & r.begins) | finish):
            m.d.sync += r.timer.eq(self._timing.spacing - 1)
        with m.If(finish):
            m.d.sync += [r.pending.eq(0), r.first.eq(1)]
        with m.If(fire_centre & r.ends):
            m.d.sync += [r.owed.eq(1), r.first.eq(0), r.pending.eq(1), r.ahead.eq(r.ahead + 1)]
            with m.If(r.left == 0):
                m.d.sync += [r.left.eq(centre.count), r.context.eq(r.ahead)]
            with m.Else():
                m.d.sync += [r.has_next.eq(1), r.next_count.eq(centre.count)]
        with m.If(fire_sample & r.ends):
            m.d.sync += r.left.eq(r.left - 1)
            with m.If((r.left == 1) & r.has_next):
                m.d.sync += [r.left.eq(r.next_count), r.context.eq(r.context + 1), r.has_next.eq(0)]

    def _issue(self, m, r, centre, sample, fire_centre, fire_sample, finish):
        """The read and the sweep of this cycle, a register later."""
        read = Signal(ReadOp(self._cfg))
        m.d.comb += [
            read.valid.eq(fire_centre | fire_sample),
            read.kind.eq(Mux(fire_centre, ReadKind.CENTRE, Mux(sample.repeat, ReadKind.REPEAT, ReadKind.SAMPLE))),
            read.row.eq(Mux(fire_centre, centre.row, sample.row)),
            read.chunk.eq(r.chunk),
            read.context.eq(Mux(fire_centre, r.ahead, r.context)),
            read.n.eq(sample.n),
            read.label.eq(sample.label),
            read.source.eq(sample.source),
            self.read.eq(delay(m, read, 1, name="read", reset_less=False)),
        ]
        sweep = Signal.like(self.sweep)
        m.d.comb += [
            sweep.valid.eq((fire_centre & r.begins) | finish),
            sweep.update.eq(~r.first),
            sweep.forward.eq(~finish),
            sweep.before.eq(r.ahead - 1),
            sweep.ahead.eq(r.ahead),
            self.sweep.eq(delay(m, sweep, 1, name="sweep", reset_less=False)),
        ]

    def _update(self, m, n_updated, entries, counts, reader):
        cfg, timing = self._cfg, self._timing
        left = Signal(range(cfg.max_samples + 1))
        context = Signal(range(CONTEXT_SLOTS), init=CONTEXT_SLOTS - 1)
        rest = Signal(range(timing.gain_latency + 1))  # until k may be used
        errors = Signal(range(cfg.ring + 1))
        chunk = Signal(range(max(2, cfg.chunks)))
        begins, ends = chunk == 0, chunk == cfg.chunks - 1
        entry = data.View(SampleLayout(cfg), entries.rd_data)
        m.d.comb += entries.rd_addr.eq(n_updated[: len(entries.rd_addr)])

        gain = Signal()
        update = Signal()
        may_gain = (left == 0) & counts.r_rdy & self.g.valid
        may_update = (left != 0) & (rest == 0) & ((errors != 0) | ~begins)
        if self._pauses:
            paused = self.pause.update & begins
            may_gain, may_update = may_gain & ~paused, may_update & ~paused
            m.d.comb += self.pause.updates.eq(begins)
        m.d.comb += [
            gain.eq(may_gain),
            update.eq(may_update),
            self.g.ready.eq(gain & ends),
            counts.r_en.eq(gain & ends),
        ]
        with m.If(rest != 0):
            m.d.sync += rest.eq(rest - 1)
        with m.If(gain | update):
            m.d.sync += chunk.eq(Mux(ends, 0, chunk + 1))
        with m.If(gain & ends):
            m.d.sync += [
                left.eq(counts.r_data),
                rest.eq(timing.gain_latency - 1),
                context.eq(context + 1),
                reader.owed.eq(0),
                reader.rest.eq(timing.read_after_update),
            ]
        with m.If(update & ends):
            m.d.sync += [left.eq(left - 1), n_updated.eq(n_updated + 1)]
        m.d.sync += errors.eq(errors + self.error_valid - (update & begins))

        op = Signal(UpdateOp(cfg))
        m.d.comb += [
            op.valid.eq(gain | update),
            op.kind.eq(Mux(gain, UpdateKind.GAIN, UpdateKind.UPDATE)),
            op.row.eq(entry.row),
            op.chunk.eq(chunk),
            op.context.eq(Mux(gain, context + 1, context)),
            op.n.eq(entry.n),
            op.hit.eq(entry.hit),
            op.source.eq(entry.source),
            self.update.eq(delay(m, op, 1, name="update", reset_less=False)),
            self.scalar.eq(delay(m, self.g.payload, 1, name="gain")),
        ]
        return gain | update, (
            (self.waits.gain, (left == 0) & counts.r_rdy & ~self.g.valid),
            (self.waits.error, (left != 0) & (rest == 0) & begins & (errors == 0)),
        )
