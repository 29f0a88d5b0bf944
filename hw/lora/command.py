"""The command interpreter of the Skip2-LoRA unit: words from the host in, samples to the sequencer, words out."""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.counters import CounterAccess
from ..fabric.pipeline import clog2, delay, times
from ..fabric.ram import Ram
from ..unit.host_states import counter_states, echo_state, identity_state
from ..unit.ports import ChainAccess, Rest
from .config import LoraConfig
from .ops import RINGS
from .ports import Activations, Backbone, CommandEvents, FrozenOutputs, HostWrites, Parameters, SampleFlow
from .protocol import LoraCounter, LoraOpcode, LoraParameter, Source, Space, chunk_words, identity_words

__all__ = ["LoraCommand"]


class LoraCommand(wiring.Component):
    """Executes the commands of :mod:`skipwalk.hw.lora.protocol`, and keeps the Skip-Cache's directory.

    Parameters
    ----------
    cfg : LoraConfig
    cache_latency : int
        Cycles from ``x.cache_rd_addr`` to the word in the lanes.
    primitives : bool
        As in :class:`Ram`.

    Members
    -------
    i, o : streams of 32-bit words
        Commands and replies.
    flow, rest : Out(SampleFlow), Out(Rest)
        Samples for the sequencer, and when nothing is in flight.
    parameters, counters : Out(Parameters), Out(CounterAccess)
        What SET, GET and CLEAR mean.
    events : Out(CommandEvents)
        Of samples and commands.
    x, c : Out(Activations), Out(FrozenOutputs)
        A sample's activations for the lanes, its frozen outputs for the head.
    backbone : Out(Backbone)
        Computes both.
    host, chain : Out(HostWrites), Out(ChainAccess)
        What WRITE and READ mean.

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
        super().__init__(
            {
                "i": In(stream.Signature(32)),
                "o": Out(stream.Signature(32)),
                "flow": Out(SampleFlow()),
                "rest": Out(Rest()),
                "parameters": Out(Parameters(cfg)),
                "counters": Out(CounterAccess(len(LoraCounter))),
                "events": Out(CommandEvents()),
                "x": Out(Activations(cfg)),
                "c": Out(FrozenOutputs(cfg)),
                "backbone": Out(Backbone(cfg)),
                "host": Out(HostWrites(cfg)),
                "chain": Out(ChainAccess(max(cfg.a.bits, cfg.b.bits))),
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
        pushed = self.flow.samples.valid & self.flow.samples.ready
        m.d.sync += used.eq(used + pushed - self.flow.retired)
        m.d.comb += [
            self.flow.samples.payload.valid.eq(1),
            self.flow.samples.payload.train.eq(train),
            self.flow.samples.payload.last.eq(last),
            self.flow.samples.payload.label.eq(label),
            self.flow.samples.payload.ring.eq(ring),
            self.backbone.ring.eq(ring),
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
        stored = Mux(self.backbone.x_store, self.backbone.x_word, host_word)
        m.d.comb += [
            self.x.group.eq(taken),
            self.x.one.eq(self.backbone.x_valid),
            self.x.select.eq(Mux(self.backbone.x_valid, self.backbone.x_lane, group)),
            self.x.data.eq(Mux(self.backbone.x_valid, self.backbone.x, word)),
            self.x.ring.eq(host_store | self.backbone.x_store),
            self.x.cache.eq(self.x.ring & stores),
            self.x.cache_addr.eq(x_base + stored),
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
            self.x.cache_rd_addr.eq(x_base + count),
            c_cache.rd_addr.eq(c_base + count),
            self.x.copy.eq(copies_x),
            self.x.ring_addr.eq(ring_base + Mux(copies_x, copied, stored)),
            self.c.en.eq(copies_c | host_c | self.backbone.c_valid),
            self.c.ring.eq(ring),
        ]
        with m.If(copies_c):
            m.d.comb += [self.c.class_.eq(copied_c), self.c.value.eq(c_cache.rd_data)]
        with m.Elif(self.backbone.c_valid):
            m.d.comb += [self.c.class_.eq(self.backbone.c_class), self.c.value.eq(self.backbone.c)]
        with m.Else():
            m.d.comb += [self.c.class_.eq(class_), self.c.value.eq(word)]
        m.d.comb += [
            c_cache.wr_en.eq((host_c | self.backbone.c_valid) & stores),
            c_cache.wr_addr.eq(c_base + self.c.class_),
            c_cache.wr_data.eq(self.c.value),
        ]

        # ---- host access
        address, lane = Signal(cfg.SAMPLE_BITS), Signal(range(cfg.lanes))
        left = Signal(32)
        space = header[26:28]
        depth = Array([cfg.adapter_words, cfg.dense_words, sum(cfg.outputs), 0])
        inside = address < depth[space]
        m.d.comb += [
            self.host.addr.eq(address),
            self.host.lane.eq(lane),
            self.host.data.eq(word),
        ]
        identity = Array(Const(w, 32) for w in identity_words(cfg))
        m.d.comb += self.counters.index.eq(header)
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
                        m.d.comb += [self.events.miss.eq(sound), self.events.rejected.eq(~sound)]
                        m.next = "TAKE"
                    with m.Default():
                        m.d.comb += self.events.rejected.eq(1)
                        m.next = "HEADER"
            with m.State("LOOK_UP"):
                m.d.sync += count.eq(count + 1)
                with m.If(count == directory.latency - 1):
                    m.d.sync += count.eq(0)
                    m.d.comb += [self.events.hit.eq(sound & known), self.events.rejected.eq(~(sound & known))]
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
                m.d.comb += self.backbone.start.eq(1)
                m.next = "DENSE"
            with m.State("DENSE"), m.If(self.backbone.done):
                m.next = "PUSH"
            with m.State("PUSH"):
                m.d.comb += self.flow.samples.valid.eq(1)
                with m.If(self.flow.samples.ready):
                    m.d.sync += ring.eq(ring + 1)
                    m.d.comb += [directory.wr_en.eq(stores), directory.wr_data.eq(1)]
                    m.next = "HEADER"

            # -- everything else
            with m.State("BARRIER"):
                m.d.comb += self.rest.drain.eq(1)
                m.d.sync += [left.eq(0), lane.eq(0), address.eq(header[: cfg.SAMPLE_BITS])]
                with m.If(self.rest.at_rest), m.Switch(opcode):
                    with m.Case(LoraOpcode.INFO):
                        m.next = "INFO"
                    with m.Case(LoraOpcode.SET):
                        m.next = "SET"
                    with m.Case(LoraOpcode.GET):
                        m.next = "FETCH"
                    with m.Case(LoraOpcode.CLEAR):
                        m.d.comb += self.counters.clear.eq(1)
                        m.next = "HEADER"
                    with m.Case(LoraOpcode.WRITE, LoraOpcode.READ):
                        m.next = "COUNT"
                    with m.Case(LoraOpcode.FORGET):
                        m.next = "WIPE"
                    with m.Case(LoraOpcode.FLUSH):
                        m.next = "ECHO"
                    with m.Default():
                        m.d.comb += self.events.rejected.eq(1)
                        m.next = "HEADER"
            identity_state(m, self, identity[left[:3]], left, len(identity))
            with m.State("SET"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    with m.Switch(header[:4]):
                        with m.Case(LoraParameter.RATE):
                            m.d.sync += self.parameters.rate.eq(word)
                        for k in range(cfg.layers):
                            with m.Case(LoraParameter.SHIFT_1 + k):
                                m.d.sync += self.parameters.shifts[k].eq(word)
                        with m.Default():
                            m.d.comb += self.events.rejected.eq(1)
                    m.next = "HEADER"
            counter_states(m, self, self.events.rejected, header, left, len(LoraCounter))
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
                        self.events.rejected.eq(~inside),
                        self.host.adapters.eq(inside & (space == Space.ADAPTERS)),
                        self.host.weights.eq(inside & (space == Space.WEIGHTS)),
                        self.host.biases.eq(inside & (space == Space.BIASES)),
                    ]
                    m.d.sync += [left.eq(left - 1), lane.eq(lane + 1)]
                    with m.If((lane == cfg.lanes - 1) | (space == Space.BIASES)):
                        m.d.sync += [lane.eq(0), address.eq(address + 1)]
                    with m.If(left == 1):
                        m.next = "HEADER"
            readable = inside & (space == Space.ADAPTERS)
            with m.State("READ"):
                m.d.comb += [self.host.read.eq(1), self.events.rejected.eq(~readable)]
                m.next = "LOAD"
            with m.State("LOAD"), m.If(self.chain.loaded):
                m.next = "SHIFT"
            with m.State("SHIFT"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.payload.eq(Mux(readable, self.chain.element, 0)),
                    self.chain.shift.eq(self.o.ready),
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
