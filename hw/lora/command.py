"""The command interpreter of the Skip2-LoRA unit: words from the host in, samples to the sequencer, words out."""

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.permutation import Permutation
from ..fabric.counters import CounterAccess
from ..fabric.pipeline import clog2
from ..fabric.ram import Ram
from ..unit.host_states import counter_states, echo_state, identity_state
from ..unit.packing import Packer, Unpacker
from ..unit.ports import ChainAccess, Rest
from .config import LoraConfig
from .element_states import elements, read_states, write_state
from .epoch_states import epoch_states, epochs, load_states
from .ops import RINGS
from .ports import Activations, Backbone, CommandEvents, FrozenOutputs, HostWrites, Parameters, SampleFlow
from .protocol import (
    LABELS_PER_WORD,
    LoraCounter,
    LoraOpcode,
    LoraParameter,
    Space,
    chunk_words,
    element_bits,
    identity_words,
)
from .sample_states import SampleControl, activations, flow, sample_states

__all__ = ["LoraCommand"]


class _Registers:
    """What the states of the interpreter share."""

    def __init__(self, cfg: LoraConfig):
        self.header = Signal(32)
        # The sample at hand; ``counted`` and ``ends`` as in SampleLayout.
        self.number = Signal(cfg.SAMPLE_BITS + 1)
        self.source, self.label = Signal(2), Signal(4)
        self.train, self.last, self.counted, self.ends = (Signal(name=n) for n in ("train", "last", "counted", "ends"))
        # It goes into the Skip-Cache; it is not to be dropped; where it is in the rings.
        self.stores, self.valid, self.ring = Signal(), Signal(), Signal(range(RINGS))
        # How far it has come: groups and words of activations, elements of c, words of the copy from the Skip-Cache.
        self.group, self.x_word = Signal(range(chunk_words(cfg) + 1)), Signal(range(cfg.x_words + 1))
        self.class_ = Signal(4)
        self.count = Signal(clog2(max(cfg.x_words, cfg.classes) + 8))
        # Where WRITE and READ are, and what is left of whatever a command counts.
        self.address, self.lane = Signal(cfg.SAMPLE_BITS), Signal(range(cfg.lanes))
        self.left = Signal(32)
        # The sample belongs to LOAD, or to EPOCHS.
        self.loading, self.learning = Signal(), Signal()
        self.labels = Signal(4 * LABELS_PER_WORD)
        self.key, self.epoch = Signal(64), Signal(32)


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

    Timing: a word of a sample a cycle; of WRITE and READ as Packer and Unpacker take them. A sample from
    the Skip-Cache takes max(x_words, classes) + ``cache_latency`` + 8 cycles, beside the slots of earlier ones; in an
    epoch its number is found meanwhile (:class:`.Permutation`). FORGET, and a reset, take ``cache_samples`` cycles.

    Resources: ``cache_samples * classes`` words of c, a directory of ``cache_samples`` words of 5 bits.
    """

    def __init__(self, cfg: LoraConfig, *, cache_latency: int, primitives: bool = False):
        self.cfg = cfg
        self.c_cache = Ram(cfg.cache_samples * cfg.classes, cfg.y.bits, vendor=cfg.vendor, primitives=primitives)
        # For each sample: whether it is in the Skip-Cache; its label above.
        self.directory = Ram(max(2, cfg.cache_samples), 5, vendor=cfg.vendor, primitives=primitives)
        self.order = Permutation(clog2(max(2, cfg.cache_samples)))
        # The width of a space's elements is chosen by its number.
        self.unpacker = Unpacker([element_bits(cfg, space) for space in Space])
        self.packer = Packer([element_bits(cfg, Space.ADAPTERS)])
        self.cache_latency = cache_latency
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
        cfg = self.cfg
        m = Module()
        for name in ("c_cache", "directory", "order", "unpacker", "packer"):
            m.submodules[name] = getattr(self, name)
        directory = self.directory
        r, control = _Registers(cfg), SampleControl()
        room = flow(m, self, r)
        activations(m, self, r, control)
        inside = elements(m, self, r)
        epoch_control = epochs(m, self, r)
        identity = Array(Const(w, 32) for w in identity_words(cfg))
        m.d.comb += [
            directory.rd_addr.eq(r.number),
            directory.wr_addr.eq(r.number),
            self.counters.index.eq(r.header),
        ]
        wiped = Signal(range(cfg.cache_samples + 1))
        with m.FSM(init="WIPE"):
            # Memories keep their contents in a reset: the directory is wiped after it.
            with m.State("WIPE"):
                m.d.comb += [directory.wr_en.eq(1), directory.wr_addr.eq(wiped)]
                m.d.sync += wiped.eq(wiped + 1)
                with m.If(wiped == cfg.cache_samples - 1):
                    m.d.sync += wiped.eq(0)
                    m.next = "HEADER"
            self._header_state(m, r)
            sample_states(m, self, r, control, room)
            self._barrier_state(m, r)
            identity_state(m, self, identity[r.left[:3]], r.left, len(identity))
            self._set_state(m, r)
            counter_states(m, self, self.events.rejected, r.header, r.left, len(LoraCounter))
            self._count_state(m, r)
            write_state(m, self, r, inside)
            read_states(m, self, r, inside)
            load_states(m, self, r)
            epoch_states(m, self, r, epoch_control)
            echo_state(m, self, r.header)
        return m

    def _header_state(self, m, r):
        word = self.i.payload
        with m.State("HEADER"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += [r.header.eq(word), r.number.eq(word[: self.cfg.SAMPLE_BITS])]
            m.d.sync += Cat(r.label, r.last, r.train, r.source).eq(word[20:28])
            m.d.sync += [r.loading.eq(0), r.learning.eq(0), r.counted.eq(0), r.ends.eq(0)]
            with m.If(self.i.valid), m.Switch(word[28:]):
                with m.Case(LoraOpcode.NOP):
                    pass
                with m.Case(LoraOpcode.SAMPLE):
                    m.next = "ADMIT"
                with m.Default():
                    m.next = "BARRIER"

    def _barrier_state(self, m, r):
        after = {
            LoraOpcode.INFO: "INFO",
            LoraOpcode.SET: "SET",
            LoraOpcode.GET: "FETCH",
            LoraOpcode.CLEAR: "HEADER",
            LoraOpcode.WRITE: "COUNT",
            LoraOpcode.READ: "COUNT",
            LoraOpcode.FORGET: "WIPE",
            LoraOpcode.LOAD: "COUNT",
            LoraOpcode.FLUSH: "ECHO",
            LoraOpcode.EPOCHS: "EPOCHS",
        }
        with m.State("BARRIER"):
            m.d.comb += self.rest.drain.eq(1)
            m.d.sync += [r.left.eq(0), r.lane.eq(0), r.address.eq(r.header)]
            with m.If(self.rest.at_rest):
                m.d.comb += self.counters.clear.eq(r.header[28:] == LoraOpcode.CLEAR)
                with m.Switch(r.header[28:]):
                    for opcode, state in after.items():
                        with m.Case(opcode):
                            m.next = state
                    with m.Default():
                        m.d.comb += self.events.rejected.eq(1)
                        m.next = "HEADER"

    def _set_state(self, m, r):
        targets = {
            LoraParameter.RATE: self.parameters.rate,
            **{LoraParameter.SHIFT_1 + k: self.parameters.shifts[k] for k in range(self.cfg.layers)},
            LoraParameter.KEY_HIGH: r.key[32:],
            LoraParameter.KEY_LOW: r.key[:32],
            LoraParameter.EPOCH: r.epoch,
        }
        with m.State("SET"):
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid):
                with m.Switch(r.header[:4]):
                    for parameter, target in targets.items():
                        with m.Case(parameter):
                            m.d.sync += target.eq(self.i.payload)
                    with m.Default():
                        m.d.comb += self.events.rejected.eq(1)
                m.next = "HEADER"

    def _count_state(self, m, r):
        with m.State("COUNT"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += r.left.eq(self.i.payload)
            with m.If(self.i.valid):
                with m.Switch(r.header[28:]):
                    with m.Case(LoraOpcode.WRITE):
                        m.next = "WRITE"
                    with m.Case(LoraOpcode.READ):
                        m.next = "READ"
                    with m.Default():
                        m.next = "LABELS"
                with m.If(self.i.payload == 0):
                    m.next = "HEADER"
