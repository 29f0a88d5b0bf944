"""The command interpreter of the Skip2-LoRA unit: words from the host in, samples to the sequencer, words out."""

from amaranth.hdl import Array, Const, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import clog2, delay, times
from ..fabric.ram import Ram
from ..fabric.widths import COUNTER_BITS
from ..unit.host_states import counter_states, echo_state, identity_state
from .config import LoraConfig
from .ops import RINGS, SampleLayout
from .protocol import LoraCounter, LoraOpcode, LoraParameter, Source, Space, chunk_words, identity_words

__all__ = ["LoraCommand"]


class LoraCommand(wiring.Component):
    """Executes the commands of :mod:`skipwalk.hw.lora.protocol`, and keeps the Skip-Cache's directory.

    Parameters
    ----------
    cfg : LoraConfig
    cache_latency : int
        Cycles from ``cache_rd_addr`` to the word in the lanes.
    primitives : bool
        As in :class:`Ram`.

    Members
    -------
    i, o : streams of 32-bit words
        Commands and replies.
    samples : Out(stream of SampleLayout)
        Samples whose activations are in the rings.
    retired : In(1)
        An entry of the rings is free again.
    drain : Out(1), at_rest : In(1)
        No more samples come before ``at_rest`` says that nothing is in flight.
    rate, shifts : Out
        Parameters.
    counter_index : Out, counter : In
        One of the counters, and what it has come to ``CounterBank.LATENCY`` cycles later.
    clear : Out(1), hit, miss, rejected : Out(1)
        All counters back to 0; events.
    x_group : Out(1), x_select, x_data : Out
        A packed word for the staging registers.
    x_ring, x_cache, x_copy : Out(1), x_ring_addr, x_cache_addr, cache_rd_addr : Out
        What becomes of the staged word; see :class:`.LoraLanes`.
    c_en : Out(1), c_ring, c_class, c : Out
        Frozen outputs of a sample, for the head.
    dense_start : Out(1), dense_ring : Out
        Run the backbone.
    dense_store, dense_c_valid, dense_done : In(1), dense_word, dense_class, dense_c : In
        What it gives.
    host_adapters, host_weights, host_biases, host_read : Out(1), host_addr, host_lane, host_data : Out
        One element, or one word to the read chain.
    host_loaded : In(1), host_shift : Out(1), host_element : In
        The read chain has the word; its first element, and on to the next.

    Timing: a word of a sample or of WRITE a cycle. A sample from the Skip-Cache takes max(x_words, classes) +
    ``cache_latency`` + 8 cycles, beside the slots of earlier ones. FORGET, and a reset, take ``cache_samples`` cycles.

    Resources: ``cache_samples * classes`` words of c, ``cache_samples`` bits of directory.
    """

    def __init__(self, cfg: LoraConfig, *, cache_latency: int, primitives: bool = False):
        self._cfg = cfg
        self._c_cache = Ram(cfg.cache_samples * cfg.classes, cfg.y.bits, vendor=cfg.vendor, primitives=primitives)
        # A bit for each sample: whether it is in the Skip-Cache.
        self._directory = Ram(max(2, cfg.cache_samples), 1, vendor=cfg.vendor, primitives=primitives)
        self._cache_latency = cache_latency
        ring = clog2(RINGS)
        cache_addr = clog2(cfg.cache_samples * cfg.x_words)
        element_bits = max(cfg.a.bits, cfg.b.bits)
        super().__init__(
            {
                "i": In(stream.Signature(32)),
                "o": Out(stream.Signature(32)),
                "samples": Out(stream.Signature(SampleLayout())),
                "retired": In(1),
                "drain": Out(1),
                "at_rest": In(1),
                "rate": Out(cfg.RATE.bits),
                "shifts": Out(cfg.SHIFT_BITS).array(cfg.layers),
                "counter_index": Out(clog2(len(LoraCounter))),
                "counter": In(COUNTER_BITS),
                "clear": Out(1),
                "hit": Out(1),
                "miss": Out(1),
                "rejected": Out(1),
                "x_group": Out(1),
                "x_select": Out(clog2(cfg.lanes)),
                "x_data": Out(32),
                "x_ring": Out(1),
                "x_cache": Out(1),
                "x_copy": Out(1),
                "x_ring_addr": Out(clog2(RINGS * cfg.x_words)),
                "x_cache_addr": Out(cache_addr),
                "cache_rd_addr": Out(cache_addr),
                "c_en": Out(1),
                "c_ring": Out(ring),
                "c_class": Out(4),
                "c": Out(signed(cfg.y.bits)),
                "dense_start": Out(1),
                "dense_ring": Out(ring),
                "dense_store": In(1),
                "dense_word": In(clog2(cfg.x_words)),
                "dense_c_valid": In(1),
                "dense_class": In(4),
                "dense_c": In(signed(cfg.y.bits)),
                "dense_done": In(1),
                "host_adapters": Out(1),
                "host_weights": Out(1),
                "host_biases": Out(1),
                "host_read": Out(1),
                "host_addr": Out(cfg.SAMPLE_BITS),
                "host_lane": Out(clog2(cfg.lanes)),
                "host_data": Out(32),
                "host_loaded": In(1),
                "host_shift": Out(1),
                "host_element": In(signed(element_bits)),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.c_cache = c_cache = self._c_cache
        m.submodules.directory = directory = self._directory
        word = self.i.payload
        header = Signal(32)
        opcode = header[28:]

        # ---- the sample at hand
        number = header[: cfg.SAMPLE_BITS]
        source, label, train, last = header[26:28], header[20:24], header[25], header[24]
        fits = number < cfg.cache_samples
        known = fits & directory.rd_data
        wiped = Signal(range(cfg.cache_samples + 1))
        m.d.comb += [directory.rd_addr.eq(number), directory.wr_addr.eq(number)]
        sound = (~train | (label < cfg.classes)) & (source != 3)
        x_base = Signal(range(cfg.cache_samples * cfg.x_words), reset_less=True)
        c_base = Signal(range(cfg.cache_samples * cfg.classes), reset_less=True)
        # Only of a sample that fits are the bases used.
        place = number[: clog2(max(2, cfg.cache_samples))]
        m.d.sync += [x_base.eq(times(place, cfg.x_words)), c_base.eq(times(place, cfg.classes))]
        stores, valid = Signal(), Signal()
        ring = Signal(range(RINGS))
        ring_base = Signal(range(RINGS * cfg.x_words), reset_less=True)
        m.d.sync += ring_base.eq(times(ring, cfg.x_words))
        used = Signal(range(RINGS + 1))
        pushed = self.samples.valid & self.samples.ready
        m.d.sync += used.eq(used + pushed - self.retired)
        m.d.comb += [
            self.samples.payload.valid.eq(1),
            self.samples.payload.train.eq(train),
            self.samples.payload.last.eq(last),
            self.samples.payload.label.eq(label),
            self.samples.payload.ring.eq(ring),
            self.dense_ring.eq(ring),
        ]

        # ---- activations: from the host or the backbone into rings and cache
        x_word = Signal(range(cfg.x_words + 1))
        group = Signal(range(chunk_words(cfg) + 1))
        group_ends = group == chunk_words(cfg) - 1
        taken = Signal()
        host_store, host_word = Signal(), Signal.like(x_word)
        m.d.sync += [host_store.eq(taken & group_ends), host_word.eq(x_word)]
        with m.If(taken):
            m.d.sync += group.eq(Mux(group_ends, 0, group + 1))
            with m.If(group_ends):
                m.d.sync += x_word.eq(x_word + 1)
        stored = Mux(self.dense_store, self.dense_word, host_word)
        m.d.comb += [
            self.x_group.eq(taken),
            self.x_select.eq(group),
            self.x_data.eq(word),
            self.x_ring.eq(host_store | self.dense_store),
            self.x_cache.eq(self.x_ring & stores),
            self.x_cache_addr.eq(x_base + stored),
        ]

        # ---- the way back: from the cache into rings and head
        count = Signal(range(max(cfg.x_words, cfg.classes) + self._cache_latency + c_cache.latency + 2))
        copying = Signal()
        copies_x = delay(m, copying & (count < cfg.x_words), self._cache_latency, name="copies_x", reset_less=False)
        copied = delay(m, count, self._cache_latency, name="copied")
        copies_c = delay(m, copying & (count < cfg.classes), c_cache.latency, name="copies_c", reset_less=False)
        copied_c = delay(m, count, c_cache.latency, name="copied_c")
        class_ = Signal(4)
        host_c = Signal()
        m.d.comb += [
            self.cache_rd_addr.eq(x_base + count),
            c_cache.rd_addr.eq(c_base + count),
            self.x_copy.eq(copies_x),
            self.x_ring_addr.eq(ring_base + Mux(copies_x, copied, stored)),
            self.c_en.eq(copies_c | host_c | self.dense_c_valid),
            self.c_ring.eq(ring),
        ]
        with m.If(copies_c):
            m.d.comb += [self.c_class.eq(copied_c), self.c.eq(c_cache.rd_data)]
        with m.Elif(self.dense_c_valid):
            m.d.comb += [self.c_class.eq(self.dense_class), self.c.eq(self.dense_c)]
        with m.Else():
            m.d.comb += [self.c_class.eq(class_), self.c.eq(word)]
        m.d.comb += [
            c_cache.wr_en.eq((host_c | self.dense_c_valid) & stores),
            c_cache.wr_addr.eq(c_base + self.c_class),
            c_cache.wr_data.eq(self.c),
        ]

        # ---- host access
        address, lane = Signal(cfg.SAMPLE_BITS), Signal(range(cfg.lanes))
        left = Signal(32)
        space = header[26:28]
        depth = Array([cfg.adapter_words, cfg.dense_words, sum(cfg.outputs), 0])
        inside = address < depth[space]
        m.d.comb += [
            self.host_addr.eq(address),
            self.host_lane.eq(lane),
            self.host_data.eq(word),
        ]
        identity = Array(Const(w, 32) for w in identity_words(cfg))
        m.d.comb += self.counter_index.eq(header)
        last_chunk = Mux(source == Source.INPUT, cfg.chunks[0], cfg.x_words) - 1

        with m.FSM(init="WIPE"):
            # Memories keep their contents in a reset: the directory is wiped after it.
            with m.State("WIPE"):
                m.d.comb += [directory.wr_en.eq(1), directory.wr_addr.eq(wiped)]
                m.d.sync += wiped.eq(wiped + 1)
                with m.If(wiped == cfg.cache_samples - 1):
                    m.d.sync += wiped.eq(0)
                    m.next = "HEADER"

            with m.State("HEADER"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += header.eq(word)
                    with m.Switch(word[28:]):
                        with m.Case(LoraOpcode.NOP):
                            pass
                        with m.Case(LoraOpcode.SAMPLE):
                            m.next = "ADMIT"
                        with m.Default():
                            m.next = "BARRIER"

            # -- a sample
            with m.State("ADMIT"):
                m.d.sync += [x_word.eq(0), group.eq(0), count.eq(0), class_.eq(0)]
                m.d.sync += [stores.eq(sound & fits & (source != Source.CACHE)), valid.eq(sound)]
                with m.If(used < RINGS), m.Switch(source):
                    with m.Case(Source.CACHE):
                        m.next = "LOOK_UP"
                    with m.Case(Source.INPUT, Source.ACTIVATIONS):
                        m.d.comb += [self.miss.eq(sound), self.rejected.eq(~sound)]
                        m.next = "TAKE"
                    with m.Default():
                        m.d.comb += self.rejected.eq(1)
                        m.next = "HEADER"
            with m.State("LOOK_UP"):
                m.d.sync += count.eq(count + 1)
                with m.If(count == directory.latency - 1):
                    m.d.sync += count.eq(0)
                    m.d.comb += [self.hit.eq(sound & known), self.rejected.eq(~(sound & known))]
                    with m.If(sound & known):
                        m.next = "COPY"
                    with m.Else():
                        m.next = "HEADER"
            with m.State("COPY"):
                m.d.comb += copying.eq(1)
                m.d.sync += count.eq(count + 1)
                with m.If(count == max(cfg.x_words, cfg.classes) + max(self._cache_latency, c_cache.latency) - 1):
                    m.next = "PUSH"
            with m.State("TAKE"):
                m.d.comb += [self.i.ready.eq(1), taken.eq(self.i.valid)]
                with m.If(taken & group_ends & (x_word == last_chunk)):
                    with m.If(source == Source.ACTIVATIONS):
                        m.next = "TAKE_C"
                    with m.Elif(valid):
                        m.next = "BACKBONE"
                    with m.Else():
                        m.next = "HEADER"
            with m.State("TAKE_C"):
                m.d.comb += [self.i.ready.eq(1), host_c.eq(self.i.valid)]
                with m.If(self.i.valid):
                    m.d.sync += class_.eq(class_ + 1)
                    with m.If(class_ == cfg.classes - 1):
                        with m.If(valid):
                            m.next = "PUSH"
                        with m.Else():
                            m.next = "HEADER"
            with m.State("BACKBONE"):
                m.d.comb += self.dense_start.eq(1)
                m.next = "DENSE"
            with m.State("DENSE"), m.If(self.dense_done):
                m.next = "PUSH"
            with m.State("PUSH"):
                m.d.comb += self.samples.valid.eq(1)
                with m.If(self.samples.ready):
                    m.d.sync += ring.eq(ring + 1)
                    m.d.comb += [directory.wr_en.eq(stores), directory.wr_data.eq(1)]
                    m.next = "HEADER"

            # -- everything else
            with m.State("BARRIER"):
                m.d.comb += self.drain.eq(1)
                m.d.sync += [left.eq(0), lane.eq(0), address.eq(header[: cfg.SAMPLE_BITS])]
                with m.If(self.at_rest), m.Switch(opcode):
                    with m.Case(LoraOpcode.INFO):
                        m.next = "INFO"
                    with m.Case(LoraOpcode.SET):
                        m.next = "SET"
                    with m.Case(LoraOpcode.GET):
                        m.next = "FETCH"
                    with m.Case(LoraOpcode.CLEAR):
                        m.d.comb += self.clear.eq(1)
                        m.next = "HEADER"
                    with m.Case(LoraOpcode.WRITE, LoraOpcode.READ):
                        m.next = "COUNT"
                    with m.Case(LoraOpcode.FORGET):
                        m.next = "WIPE"
                    with m.Case(LoraOpcode.FLUSH):
                        m.next = "ECHO"
                    with m.Default():
                        m.d.comb += self.rejected.eq(1)
                        m.next = "HEADER"
            identity_state(m, self, identity[left[:3]], left, len(identity))
            with m.State("SET"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    with m.Switch(header[:4]):
                        with m.Case(LoraParameter.RATE):
                            m.d.sync += self.rate.eq(word)
                        for k in range(cfg.layers):
                            with m.Case(LoraParameter.SHIFT_1 + k):
                                m.d.sync += self.shifts[k].eq(word)
                        with m.Default():
                            m.d.comb += self.rejected.eq(1)
                    m.next = "HEADER"
            counter_states(m, self, header, left, len(LoraCounter))
            with m.State("COUNT"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += left.eq(word)
                with m.If(self.i.valid):
                    with m.If(word == 0):
                        m.next = "HEADER"
                    with m.Elif(opcode == LoraOpcode.WRITE):
                        m.next = "WRITE"
                    with m.Else():
                        m.next = "READ"
            with m.State("WRITE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.comb += [
                        self.rejected.eq(~inside),
                        self.host_adapters.eq(inside & (space == Space.ADAPTERS)),
                        self.host_weights.eq(inside & (space == Space.WEIGHTS)),
                        self.host_biases.eq(inside & (space == Space.BIASES)),
                    ]
                    m.d.sync += [left.eq(left - 1), lane.eq(lane + 1)]
                    with m.If((lane == cfg.lanes - 1) | (space == Space.BIASES)):
                        m.d.sync += [lane.eq(0), address.eq(address + 1)]
                    with m.If(left == 1):
                        m.next = "HEADER"
            readable = inside & (space == Space.ADAPTERS)
            with m.State("READ"):
                m.d.comb += [self.host_read.eq(1), self.rejected.eq(~readable)]
                m.next = "LOAD"
            with m.State("LOAD"), m.If(self.host_loaded):
                m.next = "SHIFT"
            with m.State("SHIFT"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.payload.eq(Mux(readable, self.host_element, 0)),
                    self.host_shift.eq(self.o.ready),
                ]
                with m.If(self.o.ready):
                    m.d.sync += lane.eq(lane + 1)
                    with m.If(lane == cfg.lanes - 1):
                        m.d.sync += [left.eq(left - 1), address.eq(address + 1)]
                        with m.If(left == 1):
                            m.next = "HEADER"
                        with m.Else():
                            m.next = "READ"
            echo_state(m, self, header)
        return m
