"""Sequencers, proven on small programs: they do not stand still, no update is lost, reads see what they should."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Array, Assert, Assume, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.fabric.pipeline import delay
from skipwalk.hw.oselm.config import CoreConfig, Schedule, preset
from skipwalk.hw.oselm.ops import ReadKind, UpdateKind
from skipwalk.hw.oselm.sequential import SequentialSequencer
from skipwalk.hw.oselm.streaming import StreamingSequencer
from skipwalk.hw.oselm.timing import EngineTiming
from skipwalk.sim.rtl.synthesis import SynthesisError

from ..support.proofs import cover, prove

#: Rows of a beat, four of them; a ring of four samples, which eight go round twice.
CFG = preset("tiny").replace(dim=4, lanes=4, nodes=2, max_samples=2, lookahead=1, walks=0)
TIMING = EngineTiming(read_after_update=3, gain_latency=2, error=0, gain=0, spacing=3)


class Program(wiring.Component):
    """A sequencer that is given ``CONTEXTS`` contexts, of whatever rows and lengths, and engines that answer within
    ``LATE`` cycles. Each update is taken for the number of its sample, so that a row that has been read is known by the
    latest update that the read has seen.

    With ``rows``, whoever gives contexts is never late, an engine always or never, and:

    - Samples are updated once each and in order, each from the result of the one before it of the same row.
    - A sample sees the updates that the schedule says, and so does a centre.
    - A gain comes before the updates that need it, long enough; sweeps are as far apart as they have to be, and each
      context's update of P is swept once and in order.

    Always: within ``BOUND`` cycles something is issued, or everything is done; it is soon after the sequencer is
    idle.

    ``done``: all of it, with as many samples as there can be. ``stale``: an update does not start from what was read.
    ``fresh``: one starts from an earlier update that its read has seen. ``again``: a number of the ring comes again.
    """

    CONTEXTS = 3
    #: Cycles that contexts, samples, gains, and errors are late at most.
    LATE = 1
    BOUND = 8
    #: Cycles that what has been issued takes to come out.
    RESTS = 5

    def __init__(self, cfg: CoreConfig, sequencer: wiring.Component, *, rows: bool):
        self._cfg, self._sequencer, self._looks = cfg, sequencer, rows
        self._samples = self.CONTEXTS * cfg.max_samples
        super().__init__(
            {
                "centres": In(data.ArrayLayout(cfg.row_bits, self.CONTEXTS)),
                "counts": In(data.ArrayLayout(2, self.CONTEXTS)),
                "rows": In(data.ArrayLayout(cfg.row_bits, self._samples)),
                "late": In(4),
                **dict.fromkeys(("done", "stale", "fresh", "again"), Out(1)),
            }
        )

    def _kept(self, m, port):
        """What never changes."""
        given = Value.cast(port)
        value, began = Signal.like(given), Signal()
        m.d.sync += [began.eq(1), value.eq(given)]
        m.d.comb += Assume(~began | (value == given))
        return port

    def _late(self, m, i, wanted, answered):
        """That an answer is there: at the latest so many cycles after it is wanted, and then until it is taken."""
        waited, valid, stays = Signal(range(self.LATE + 1), name=f"waited_{i}"), Signal(name=f"valid_{i}"), Signal()
        m.d.comb += valid.eq(wanted & (stays | ~self.late[i] | (waited == self.LATE)))
        m.d.sync += [stays.eq(valid & ~answered), waited.eq(0)]
        with m.If(wanted & ~valid):
            m.d.sync += waited.eq(waited + 1)
        return valid

    def elaborate(self, platform):
        cfg, n_contexts, n_samples = self._cfg, self.CONTEXTS, self._samples
        m = Module()
        m.submodules.sequencer = s = self._sequencer
        centres, counts, rows = (self._kept(m, port) for port in (self.centres, self.counts, self.rows))
        m.d.comb += [Assume(counts[c] <= cfg.max_samples) for c in range(n_contexts)]
        number = range(n_samples + 2)
        # Of each context its first sample; of each sample its context and its place there.
        firsts = [Signal(number, name=f"first_{c}") for c in range(n_contexts + 1)]
        m.d.comb += [firsts[c + 1].eq(firsts[c] + counts[c]) for c in range(n_contexts)]
        total = firsts[-1]
        contexts = [Signal(range(n_contexts + 1), name=f"context_{j}") for j in range(n_samples)]
        places = [Signal(2, name=f"place_{j}") for j in range(n_samples)]
        for j in range(n_samples):
            m.d.comb += contexts[j].eq(sum(firsts[c + 1] <= j for c in range(n_contexts)))
            for c in range(n_contexts):
                with m.If(contexts[j] == c):
                    m.d.comb += places[j].eq(j - firsts[c])

        def latest(name, row, counted):
            """The latest sample of a row, of those that are ``counted``, and 1; 0 for none."""
            found = Signal(number, name=name)
            for i in range(n_samples):
                with m.If(counted(i) & (rows[i] == row)):
                    m.d.comb += found.eq(i + 1)
            return found

        previous = Array(latest(f"previous_{j}", rows[j], lambda i, j=j: i < j) for j in range(n_samples))
        streaming = cfg.schedule is Schedule.STREAMING
        if streaming:

            def seen_by(i, j):
                return (contexts[i] + 2 <= contexts[j]) | ((contexts[i] + 1 == contexts[j]) & (places[i] < places[j]))
        else:

            def seen_by(i, j):
                return contexts[i] < contexts[j]

        sees = Array(latest(f"sees_{j}", rows[j], lambda i, j=j: seen_by(i, j) & (i < j)) for j in range(n_samples))
        ahead = cfg.lookahead + 2 if streaming else 1
        centre_sees = Array(
            latest(f"centre_sees_{c}", centres[c], lambda i, c=c: contexts[i] + ahead <= c) for c in range(n_contexts)
        )

        # The program, played.
        context, sample = Signal(range(n_contexts + 1)), Signal(number)
        promised = Array(firsts)[context]
        offered = self._late(m, 0, context != n_contexts, s.contexts.ready)
        given = self._late(m, 1, sample < promised, s.samples.ready)
        took_context, took_sample = offered & s.contexts.ready, given & s.samples.ready
        m.d.sync += [context.eq(context + took_context), sample.eq(sample + took_sample)]
        centre, entry = s.contexts.payload, s.samples.payload
        before = Signal(number)
        m.d.comb += before.eq(latest("before_centre", self._at(m, centres, context, "c"), lambda i: i < promised))
        row = self._at(m, rows, sample, "r")
        last = Signal(number)
        m.d.comb += last.eq(previous[sample])
        m.d.comb += [
            s.contexts.valid.eq(offered),
            centre.row.eq(self._at(m, centres, context, "centre")),
            centre.count.eq(self._at(m, counts, context, "count")),
            centre.hit.eq((before != 0) & (promised - (before - 1) <= cfg.ring)),
            centre.source.eq(before - 1),
            s.samples.valid.eq(given),
            entry.row.eq(row),
            entry.n.eq(sample),
            entry.hit.eq((last != 0) & (sample - (last - 1) <= cfg.ring)),
            entry.source.eq(last - 1),
            entry.repeat.eq((last != 0) & (Array(contexts)[sample] == Array(contexts)[(last - 1)[: len(last)]])),
            s.drain.eq(context == n_contexts),
        ]

        # Engines: errors of samples that were read, a gain for each context whose sweep began.
        reads, read = s.read.valid & (s.read.kind != ReadKind.CENTRE), s.read
        read_samples, read_centres = Signal(number), Signal(range(n_contexts + 2))
        errors, gains, sweeps = Signal(number), Signal(range(n_contexts + 2)), Signal(range(n_contexts + 2))
        g_ready = s.g.ready
        gain = self._late(m, 2, gains != sweeps, g_ready)
        error = self._late(m, 3, errors != read_samples, 1)
        forward = s.sweep.valid & s.sweep.forward
        m.d.comb += [s.g.valid.eq(gain), s.error_valid.eq(error)]
        m.d.sync += [
            read_samples.eq(read_samples + reads),
            read_centres.eq(read_centres + (read.valid & (read.kind == ReadKind.CENTRE))),
            errors.eq(errors + error),
            gains.eq(gains + (gain & g_ready)),
            sweeps.eq(sweeps + forward),
        ]
        self._order(m, s)
        if self._looks:
            # Whoever gives contexts is never late, and each engine always or never.
            m.d.comb += Assume(self._kept(m, self.late)[:2] == 0)
            self._rows(m, s, rows, centres, previous, sees, centre_sees, read_samples, read_centres, errors)
            self._covariance(m, s, contexts, gains)
        self._progress(m, s, total, context)
        return m

    @staticmethod
    def _at(m, array, index, name):
        value = Signal.like(array[0].as_value() if hasattr(array[0], "as_value") else array[0], name=f"at_{name}")
        for i in range(array.shape().length):
            with m.If(index == i):
                m.d.comb += value.eq(array[i])
        return value

    def _order(self, m, s):
        """How many of each operation there were."""
        update, sweep = s.update, s.sweep
        self.updated = Signal(range(self._samples + 2))
        self.gained, self.swept = (Signal(range(self.CONTEXTS + 2)) for _ in range(2))
        m.d.sync += [
            self.updated.eq(self.updated + (update.valid & (update.kind == UpdateKind.UPDATE))),
            self.gained.eq(self.gained + (update.valid & (update.kind == UpdateKind.GAIN))),
            self.swept.eq(self.swept + (sweep.valid & sweep.update)),
        ]

    def _rows(self, m, s, rows, centres, previous, sees, centre_sees, read_samples, read_centres, errors):
        """The row store, the rows that wait and the results, each row known by its latest update."""
        cfg, number = self._cfg, range(self._samples + 2)
        update, read = s.update, s.read
        store = Array(Signal(number, name=f"store_{r}") for r in range(cfg.nodes))
        waiting = Array(Signal(number, name=f"waiting_{i}") for i in range(cfg.ring))
        results = Array(Signal(number, name=f"result_{i}") for i in range(cfg.ring))
        updated = self.updated
        updates = update.valid & (update.kind == UpdateKind.UPDATE)
        with m.If(updates):
            m.d.sync += results[update.n].eq(updated + 1)
        late = delay(
            m,
            Cat(updates, update.row, (updated + 1)[: len(updated)]),
            TIMING.read_after_update - 1,
            name="w",
            reset_less=False,
        )
        with m.If(late[0]):
            m.d.sync += store[late[1 : 1 + cfg.row_bits]].eq(late[1 + cfg.row_bits :])
        is_sample = read.valid & (read.kind == ReadKind.SAMPLE)
        is_centre = read.valid & (read.kind == ReadKind.CENTRE)
        sample_row, centre_row = self._at(m, rows, read_samples, "read"), self._at(m, centres, read_centres, "h")
        with m.If(is_sample):
            m.d.sync += waiting[read.n].eq(store[read.row])
        base = Signal(number)
        m.d.comb += base.eq(Mux(update.hit, results[update.source], waiting[update.n]))
        row = self._at(m, rows, updated, "updated")
        m.d.comb += [
            Assert(~is_sample | ((read.row == sample_row) & (store[read.row] == sees[read_samples]))),
            Assert(~is_centre | ((read.row == centre_row) & (store[read.row] == centre_sees[read_centres]))),
            Assert(~updates | ((update.row == row) & (update.n == updated[: len(update.n)]))),
            Assert(~updates | (updated < errors)),
            Assert(~updates | (base == previous[updated])),
            Assert(~(read.valid & (read.kind == ReadKind.REPEAT)) | (previous[read_samples] != 0)),
            self.stale.eq(updates & update.hit & (waiting[update.n] != base)),
            self.fresh.eq(updates & ~update.hit & (base != 0)),
            self.again.eq(updates & (updated == cfg.ring)),
        ]

    def _covariance(self, m, s, contexts, gains):
        """Gains and sweeps."""
        update, sweep = s.update, s.sweep
        gained, swept = self.gained, self.swept
        since = Signal(4, init=15)
        gain = update.valid & (update.kind == UpdateKind.GAIN)
        updates = update.valid & (update.kind == UpdateKind.UPDATE)
        m.d.sync += since.eq(Mux(sweep.valid, 1, Mux(since == 15, 15, since + 1)))
        age = Signal(4)
        m.d.sync += age.eq(Mux(gain, 1, Mux(age == 15, 15, age + 1)))
        of = Array(contexts)[self.updated]
        m.d.comb += [
            Assert(~gain | (gained < gains)),
            Assert(~updates | (gained > of)),
            Assert(~updates | (gained != of + 1) | (age >= TIMING.gain_latency)),
            Assert(~sweep.valid | (since >= TIMING.spacing)),
            Assert(~(sweep.valid & sweep.update) | (swept < gained)),
        ]

    def _progress(self, m, s, total, context):
        """Something is issued, or all is done."""
        issued = s.read.valid | s.update.valid | s.sweep.valid
        done, still = Signal(), Signal(range(self.BOUND + 1))
        n, rests = self.CONTEXTS, Signal(range(self.RESTS + 1))
        m.d.sync += rests.eq(Mux(s.idle & (context == n), rests + (rests != self.RESTS), 0))
        m.d.comb += done.eq((context == n) & (self.updated == total) & (self.gained == n) & (self.swept == n))
        m.d.sync += still.eq(Mux(issued | done | (still == self.BOUND), 0, still + 1))
        m.d.comb += [
            Assert(still != self.BOUND),
            Assert((rests != self.RESTS) | done),
            self.done.eq(done & s.idle & (total == self._samples)),
        ]


def streaming(**options) -> Program:
    return Program(CFG, StreamingSequencer(CFG, TIMING), **options)


def sequential(**options) -> Program:
    cfg = CFG.replace(schedule=Schedule.SEQUENTIAL, lookahead=0)
    return Program(cfg, SequentialSequencer(cfg, TIMING), **options)


class Hasty(StreamingSequencer):
    """Reads a cycle earlier than an update of the same row allows."""

    def __init__(self):
        super().__init__(CFG, EngineTiming(**(vars(TIMING) | {"read_after_update": TIMING.read_after_update - 1})))


@pytest.mark.parametrize("kind", [streaming, sequential])
def test_a_sequencer_does_not_stand_still(kind, tmp_path):
    """In 26 cycles, in which three contexts of two samples can be through. Found, by hand: a sequencer that does not
    begin a slot for what is under way when nothing follows, one that forgets the last update of P."""
    cover(kind(rows=False), tmp_path, output="done", cycles=26)
    prove(kind(rows=False), tmp_path, name=f"progress.{kind.__name__}", method="-seq 26")


@pytest.mark.long
@pytest.mark.parametrize(("kind", "cycles"), [(streaming, 25), (sequential, 22)])
def test_no_update_is_lost(kind, cycles, tmp_path):
    """In so many cycles that a number of the ring has come again, and a row from the store. Found, by hand: a read a
    cycle too early, and one that does not wait for the row of an earlier context."""
    cover(kind(rows=True), tmp_path, output=("stale", "fresh", "again"), cycles=cycles)
    prove(kind(rows=True), tmp_path, name=f"no-lost-update.{kind.__name__}", method=f"-seq {cycles}")


def test_a_read_that_comes_too_early_is_found(tmp_path):
    with pytest.raises(SynthesisError, match="did fail"):
        prove(Program(CFG, Hasty(), rows=True), tmp_path, name="none", method="-seq 18")
