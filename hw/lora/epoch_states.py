"""How the interpreter executes LOAD and EPOCHS: many samples by one command.

``c`` is the interpreter, ``r`` its registers; the states are to be used within its ``m.FSM()``. What becomes of each
sample is in :mod:`.sample_states`.
"""

from amaranth.hdl import Module, Mux, Signal

from ..fabric.pipeline import delay, times
from .protocol import LABELS_PER_WORD, REPORT_WORDS, Source

__all__ = ["EpochControl", "epoch_states", "epochs", "load_states"]


class EpochControl:
    """What the states of EPOCHS keep: whether all samples are there (``probes``: one is looked up), the mini-batch and
    the place in it from 1 on, whether an order is under way and whether all have been given."""

    def __init__(self):
        self.able, self.probes = Signal(), Signal()
        self.batch, self.in_batch = Signal(16), Signal(16)
        self.ordered, self.finished = Signal(), Signal()


def epochs(m: Module, c, r) -> EpochControl:
    """What goes on beside the states: the key and number of an order, and what the directory says to a probe."""
    control, directory, order = EpochControl(), c.directory, c.order
    m.d.comb += [
        order.key.eq(r.key),
        order.i.payload.n.eq(r.header[: c.cfg.SAMPLE_BITS]),
        order.i.payload.number.eq(r.epoch),
    ]
    probed = delay(m, control.probes, directory.latency, name="probed", reset_less=False)
    with m.If(probed & ~(directory.rd_data[0] & (directory.rd_data[1:] < c.cfg.classes))):
        m.d.sync += control.able.eq(0)
    return control


def load_states(m: Module, c, r) -> None:
    """LABELS: those of the next eight samples. LOADED: one is in the Skip-Cache, or was skipped."""
    place = Signal(range(LABELS_PER_WORD))
    with m.State("LABELS"):
        m.d.comb += c.i.ready.eq(1)
        m.d.sync += [r.labels.eq(c.i.payload), r.label.eq(c.i.payload), place.eq(0)]
        m.d.sync += [r.loading.eq(1), r.train.eq(0), r.source.eq(Source.INPUT)]
        with m.If(c.i.valid):
            m.next = "ADMIT"
    with m.State("LOADED"):
        m.d.sync += [r.left.eq(r.left - 1), place.eq(place + 1), r.labels.eq(r.labels >> 4), r.label.eq(r.labels[4:8])]
        # Beyond all numbers it stays there.
        m.d.sync += r.number.eq(r.number + ~r.number[-1])
        m.next = "ADMIT"
        with m.If(place == LABELS_PER_WORD - 1):
            m.next = "LABELS"
        with m.If(r.left == 1):
            m.next = "HEADER"


def epoch_states(m: Module, c, r, e: EpochControl) -> None:
    """EPOCHS and PROBE: are all samples there? NEXT: one after another. SETTLE: a barrier. ZEROS: refused."""
    cfg, order = c.cfg, c.order
    n = r.header[: cfg.SAMPLE_BITS]
    with m.State("EPOCHS"):
        m.d.comb += c.i.ready.eq(1)
        m.d.sync += [r.left.eq(c.i.payload[:16]), e.batch.eq(c.i.payload[16:]), e.in_batch.eq(1)]
        m.d.sync += [r.number.eq(0), e.ordered.eq(0), e.finished.eq(0)]
        m.d.sync += e.able.eq((n != 0) & (n <= cfg.cache_samples) & c.i.payload[16:].any())
        with m.If(c.i.valid):
            m.next = "PROBE"
    with m.State("PROBE"):
        m.d.comb += e.probes.eq(e.able & (r.number < n))
        m.d.sync += r.number.eq(r.number + 1)
        with m.If(~e.able | (r.number == n + c.directory.latency)):
            m.d.comb += c.events.rejected.eq(~e.able)
            m.next = "HEADER"
            with m.If(r.left.any()):
                m.next = "NEXT"
                with m.If(~e.able):
                    m.d.sync += r.left.eq(times(r.left, REPORT_WORDS))
                    m.next = "ZEROS"
    with m.State("ZEROS"):
        m.d.comb += c.o.valid.eq(1)
        with m.If(c.o.ready):
            m.d.sync += r.left.eq(r.left - 1)
            with m.If(r.left == 1):
                m.next = "HEADER"

    found = order.o.payload
    ends_batch = e.in_batch == e.batch
    with m.State("NEXT"):
        m.d.comb += [order.i.valid.eq(~e.ordered & ~e.finished), order.o.ready.eq(e.ordered)]
        with m.If(order.i.valid & order.i.ready):
            m.d.sync += e.ordered.eq(1)
        m.d.sync += [
            r.learning.eq(1),
            r.source.eq(Source.CACHE),
            r.train.eq(1),
            r.counted.eq(1),
            # It is looked up with the sample.
            r.label.eq(0),
            r.number.eq(found.index),
            r.last.eq(ends_batch | (found.last & (r.left == 1))),
            r.ends.eq(found.last),
        ]
        with m.If(order.o.valid & order.o.ready):
            m.d.sync += e.in_batch.eq(Mux(ends_batch, 1, e.in_batch + 1))
            with m.If(found.last):
                m.d.sync += [e.ordered.eq(0), e.finished.eq(r.left == 1)]
                m.d.sync += [r.left.eq(r.left - 1), r.epoch.eq(r.epoch + 1)]
            m.next = "ADMIT"
        with m.If(e.finished):
            m.next = "SETTLE"
    with m.State("SETTLE"):
        m.d.comb += c.rest.drain.eq(1)
        with m.If(c.rest.at_rest):
            m.next = "HEADER"
