"""How the interpreter brings a sample into the rings, from the host, the backbone or the Skip-Cache, and hands it on.

``c`` is the interpreter, ``r`` its registers; the states are to be used within its ``m.FSM()``.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal

from ..fabric.pipeline import clog2, delay, times
from .ops import RINGS
from .protocol import Source, chunk_words

__all__ = ["SampleControl", "activations", "flow", "sample_states"]


class SampleControl:
    """What the states of a sample ask of its datapath: a word of activations or an element of c is taken from the host;
    activations and c are copied from the Skip-Cache."""

    def __init__(self):
        self.x_taken, self.c_taken, self.copying = Signal(), Signal(), Signal()


def flow(m: Module, c, r):
    """Samples to the sequencer, and entries of the rings back; returns whether one is free."""
    used = Signal(range(RINGS + 1))
    samples, sample = c.flow.samples, c.flow.samples.payload
    m.d.sync += used.eq(used + (samples.valid & samples.ready) - c.flow.retired)
    m.d.comb += [
        sample.valid.eq(1),
        sample.train.eq(r.train),
        sample.last.eq(r.last),
        sample.counted.eq(r.counted),
        sample.ends.eq(r.ends),
        sample.label.eq(r.label),
        sample.ring.eq(r.ring),
        c.backbone.ring.eq(r.ring),
    ]
    return used < RINGS


def activations(m: Module, c, r, control: SampleControl) -> None:
    """Activations and c, from wherever they come, into rings and head, and into the Skip-Cache if they are new."""
    cfg, c_cache = c.cfg, c.c_cache
    x_base = Signal(range(cfg.cache_samples * cfg.x_words), reset_less=True)
    c_base = Signal(range(cfg.cache_samples * cfg.classes), reset_less=True)
    ring_base = Signal(range(RINGS * cfg.x_words), reset_less=True)
    # Only of a sample that fits are the bases used.
    place = r.number[: clog2(max(2, cfg.cache_samples))]
    m.d.sync += [x_base.eq(times(place, cfg.x_words)), c_base.eq(times(place, cfg.classes))]
    m.d.sync += ring_base.eq(times(r.ring, cfg.x_words))

    group_ends = r.group == chunk_words(cfg) - 1
    host_store, host_word = Signal(), Signal.like(r.x_word)
    m.d.sync += [host_store.eq(control.x_taken & group_ends), host_word.eq(r.x_word)]
    with m.If(control.x_taken):
        m.d.sync += r.group.eq(Mux(group_ends, 0, r.group + 1))
        with m.If(group_ends):
            m.d.sync += r.x_word.eq(r.x_word + 1)
    stored = Mux(c.backbone.x_store, c.backbone.x_word, host_word)
    copies_x = delay(m, control.copying & (r.count < cfg.x_words), c.cache_latency, name="copies_x", reset_less=False)
    copied = delay(m, r.count, c.cache_latency, name="copied")
    m.d.comb += [
        c.x.group.eq(control.x_taken),
        c.x.one.eq(c.backbone.x_valid),
        c.x.select.eq(Mux(c.backbone.x_valid, c.backbone.x_lane, r.group)),
        c.x.data.eq(Mux(c.backbone.x_valid, c.backbone.x, c.i.payload)),
        c.x.ring.eq(host_store | c.backbone.x_store),
        c.x.cache.eq(c.x.ring & r.stores),
        c.x.cache_addr.eq(x_base + stored),
        c.x.cache_rd_addr.eq(x_base + r.count),
        c.x.copy.eq(copies_x),
        c.x.ring_addr.eq(ring_base + Mux(copies_x, copied, stored)),
    ]

    copies_c = delay(m, control.copying & (r.count < cfg.classes), c_cache.latency, name="copies_c", reset_less=False)
    copied_c = delay(m, r.count, c_cache.latency, name="copied_c")
    m.d.comb += [
        c.c.en.eq(copies_c | control.c_taken | c.backbone.c_valid),
        c.c.ring.eq(r.ring),
        c_cache.rd_addr.eq(c_base + r.count),
        c_cache.wr_en.eq((control.c_taken | c.backbone.c_valid) & r.stores),
        c_cache.wr_addr.eq(c_base + c.c.class_),
        c_cache.wr_data.eq(c.c.value),
    ]
    with m.If(copies_c):
        m.d.comb += [c.c.class_.eq(copied_c), c.c.value.eq(c_cache.rd_data)]
    with m.Elif(c.backbone.c_valid):
        m.d.comb += [c.c.class_.eq(c.backbone.c_class), c.c.value.eq(c.backbone.c)]
    with m.Else():
        m.d.comb += [c.c.class_.eq(r.class_), c.c.value.eq(c.i.payload)]


def sample_states(m: Module, c, r, control: SampleControl, room) -> None:
    """ADMIT, then what brings the sample, then PUSH: of SAMPLE, LOAD and EPOCHS alike."""
    cfg, directory = c.cfg, c.directory
    fits = r.number < cfg.cache_samples
    sound = (~r.train | (r.label < cfg.classes)) & (r.source != 3) & (~r.loading | fits)
    known = sound & fits & directory.rd_data[0]
    last_chunk = Mux(r.source == Source.INPUT, cfg.chunks[0], cfg.x_words) - 1

    def leave():
        m.next = "HEADER"
        with m.If(r.loading):
            m.next = "LOADED"
        with m.If(r.learning):
            m.next = "NEXT"

    with m.State("ADMIT"):
        m.d.sync += [r.x_word.eq(0), r.group.eq(0), r.count.eq(0), r.class_.eq(0)]
        m.d.sync += [r.stores.eq(sound & fits & (r.source != Source.CACHE)), r.valid.eq(sound)]
        with m.If(room), m.Switch(r.source):
            with m.Case(Source.CACHE):
                m.next = "LOOK_UP"
            with m.Case(Source.INPUT, Source.ACTIVATIONS):
                m.d.comb += [c.events.miss.eq(sound), c.events.rejected.eq(~sound)]
                m.next = "TAKE"
            with m.Default():
                m.d.comb += c.events.rejected.eq(1)
                m.next = "HEADER"
    with m.State("LOOK_UP"):
        m.d.sync += r.count.eq(r.count + 1)
        with m.If(r.count == directory.latency - 1):
            m.d.sync += r.count.eq(0)
            m.d.comb += [c.events.hit.eq(known), c.events.rejected.eq(~known)]
            with m.If(r.learning):
                m.d.sync += r.label.eq(directory.rd_data[1:])
            m.next = "HEADER"
            with m.If(known):
                m.next = "COPY"
    with m.State("COPY"):
        m.d.comb += control.copying.eq(1)
        m.d.sync += r.count.eq(r.count + 1)
        with m.If(r.count == max(cfg.x_words, cfg.classes) + max(c.cache_latency, c.c_cache.latency) - 1):
            m.next = "PUSH"
    with m.State("TAKE"):
        m.d.comb += [c.i.ready.eq(1), control.x_taken.eq(c.i.valid)]
        with m.If(c.i.valid & (r.group == chunk_words(cfg) - 1) & (r.x_word == last_chunk)):
            leave()
            with m.If(r.source == Source.ACTIVATIONS):
                m.next = "TAKE_C"
            with m.Elif(r.valid):
                m.next = "BACKBONE"
    with m.State("TAKE_C"):
        m.d.comb += [c.i.ready.eq(1), control.c_taken.eq(c.i.valid)]
        with m.If(c.i.valid):
            m.d.sync += r.class_.eq(r.class_ + 1)
            with m.If(r.class_ == cfg.classes - 1):
                m.next = "HEADER"
                with m.If(r.valid):
                    m.next = "PUSH"
    with m.State("BACKBONE"):
        m.d.comb += c.backbone.start.eq(1)
        m.next = "DENSE"
    with m.State("DENSE"), m.If(c.backbone.done):
        m.next = "PUSH"
    with m.State("PUSH"):
        # LOAD only puts it into the Skip-Cache.
        m.d.comb += c.flow.samples.valid.eq(~r.loading)
        with m.If(c.flow.samples.ready | r.loading):
            m.d.comb += [directory.wr_en.eq(r.stores), directory.wr_data.eq(Cat(Const(1, 1), r.label))]
            m.d.sync += r.ring.eq(r.ring + ~r.loading)
            leave()
