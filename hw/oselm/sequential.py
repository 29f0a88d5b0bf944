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
        owed, rest, reading, reader_waits = self._read(m, n_read, n_seen, entries, counts)
        updating, updater_waits = self._update(m, n_updated, entries, counts, owed, rest)
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
        cfg, timing = self._cfg, self._timing
        centre = data.View(ContextLayout(cfg), self.contexts.payload)
        sample = self.samples.payload
        context = Signal(range(CONTEXT_SLOTS))  # of the samples being read
        ahead = Signal(range(CONTEXT_SLOTS))  # of the next centre
        left = Signal(range(cfg.max_samples + 1))  # samples of ``context`` not read yet
        next_count, has_next = Signal.like(left), Signal()  # a centre that was read before they were
        first = Signal(init=1)  # of the segment
        owed = Signal()  # the gain of the last centre is not issued yet
        rest = Signal(range(timing.read_after_update + 1))  # after the gain
        timer = Signal(range(timing.spacing + 1))
        pending = Signal()  # an update of P
        chunk = Signal(range(max(2, cfg.chunks)))
        begins, ends = chunk == 0, chunk == cfg.chunks - 1
        is_centre = Signal()
        chosen = Signal()

        # The row of a centre may stand anywhere in the context before it, which is read in part at most; the centre's
        # ``source`` counts from the end of that context.
        n_end = Signal(range(2 * cfg.ring))
        centre_wires, centre_unseen = self._unseen(n_end, n_seen, centre.source)
        sample_wires, sample_unseen = self._unseen(n_read, n_seen, sample.source)
        m.d.comb += [*centre_wires, *sample_wires]
        full = Signal()
        m.d.comb += full.eq((n_read - n_seen)[: len(n_read)] >= cfg.ring)

        centre_waits = centre.hit & centre_unseen
        sample_waits = (sample.hit & ~sample.repeat & sample_unseen) | full
        may_centre = self.contexts.valid & ~has_next & ~owed & (rest == 0) & (timer == 0)
        go_centre = may_centre & ~centre_waits
        go_sample = self.samples.valid & (left != 0) & ~sample_waits
        if self._pauses:
            go_centre &= ~self.pause.read
            go_sample &= ~self.pause.read
            m.d.comb += self.pause.reads.eq(begins)
        finish = self.drain & ~self.contexts.valid & pending & ~owed & (rest == 0) & (timer == 0)
        fire_centre = Mux(begins, go_centre, chosen & is_centre)
        fire_sample = Mux(begins, go_sample & ~go_centre, chosen & ~is_centre)

        with m.If(fire_centre | fire_sample):
            m.d.sync += [chunk.eq(Mux(ends, 0, chunk + 1)), is_centre.eq(fire_centre), chosen.eq(~ends)]
        with m.If(rest != 0):
            m.d.sync += rest.eq(rest - 1)
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        sweeps = (fire_centre & begins) | finish
        with m.If(sweeps):
            m.d.sync += timer.eq(timing.spacing - 1)
        with m.If(finish):
            m.d.sync += [pending.eq(0), first.eq(1)]
        m.d.comb += [
            counts.w_data.eq(centre.count),
            counts.w_en.eq(fire_centre & ends),
            self.contexts.ready.eq(fire_centre & ends),
            self.samples.ready.eq(fire_sample & ends),
            entries.wr_en.eq(fire_sample & ends),
            entries.wr_addr.eq(sample.n),
            entries.wr_data.eq(sample),
        ]
        with m.If(fire_centre & ends):
            m.d.sync += [owed.eq(1), first.eq(0), pending.eq(1), ahead.eq(ahead + 1), n_end.eq(n_end + centre.count)]
            with m.If(left == 0):
                m.d.sync += [left.eq(centre.count), context.eq(ahead)]
            with m.Else():
                m.d.sync += [has_next.eq(1), next_count.eq(centre.count)]
        with m.If(fire_sample & ends):
            m.d.sync += [n_read.eq(n_read + 1), left.eq(left - 1)]
            with m.If((left == 1) & has_next):
                m.d.sync += [left.eq(next_count), context.eq(context + 1), has_next.eq(0)]

        read = Signal(ReadOp(cfg))
        m.d.comb += [
            read.valid.eq(fire_centre | fire_sample),
            read.kind.eq(Mux(fire_centre, ReadKind.CENTRE, Mux(sample.repeat, ReadKind.REPEAT, ReadKind.SAMPLE))),
            read.row.eq(Mux(fire_centre, centre.row, sample.row)),
            read.chunk.eq(chunk),
            read.context.eq(Mux(fire_centre, ahead, context)),
            read.n.eq(sample.n),
            read.label.eq(sample.label),
            read.source.eq(sample.source),
            self.read.eq(delay(m, read, 1, name="read", reset_less=False)),
        ]
        sweep = Signal.like(self.sweep)
        m.d.comb += [
            sweep.valid.eq(sweeps),
            sweep.update.eq(~first),
            sweep.forward.eq(~finish),
            sweep.before.eq(ahead - 1),
            sweep.ahead.eq(ahead),
            self.sweep.eq(delay(m, sweep, 1, name="sweep", reset_less=False)),
        ]
        idle_reader = begins & ~self.contexts.valid & ~self.samples.valid & (left == 0) & ~has_next
        m.d.comb += [
            self.idle.eq(idle_reader & ~owed & ~pending & (timer == 0) & ~counts.r_rdy & (n_read == n_seen)),
        ]
        waits = (
            (self.waits.row, (may_centre & centre_waits) | (self.samples.valid & (left != 0) & sample_waits)),
            (self.waits.sweep, (self.contexts.valid | self.drain) & pending & ~owed & (timer != 0)),
            (self.waits.input, ~self.contexts.valid & (left == 0) & ~has_next & pending & ~self.drain),
        )
        return owed, rest, fire_centre | fire_sample, waits

    def _update(self, m, n_updated, entries, counts, owed, reader_rest):
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
                owed.eq(0),
                reader_rest.eq(timing.read_after_update),
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
