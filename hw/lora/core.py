"""The Skip2-LoRA unit: words in, words out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.counters import CounterBank
from ..fabric.pipeline import delay
from .command import LoraCommand
from .config import LoraConfig
from .dense import LoraDense
from .head import LoraHead
from .lanes import LoraLanes
from .ops import BeatKind
from .protocol import LoraCounter
from .schedule import Latencies, Timetable, timetable
from .sequencer import LoraSequencer

__all__ = ["LoraCore"]


class LoraCore(wiring.Component):
    """Skip2-LoRA: fine-tunes adapters from the input of every layer of a frozen network to its last output.

    ::

        i --> LoraCommand --- samples --> LoraSequencer -- beats --> LoraLanes: A, B, gradients, rings, Skip-Cache
        o <--  | |  | |                        |  ^ grant               | ^ ^
               | |  | +--- x, c ---------------|--|---------------------+ | | g
               | |  +--- start ---> LoraDense -+--+ <------ sums ---------+ |
               | +------ c -------> LoraHead <------------- sums -----------+
               +-- answers y -------'

    Parameters
    ----------
    cfg : LoraConfig
    primitives : bool
        False: for simulation, or synthesis by inference. True: multipliers and block RAMs of ``cfg.vendor``.

    Members
    -------
    i : In(stream.Signature(32)), o : Out(stream.Signature(32))
        Commands and replies: :mod:`skipwalk.hw.lora.protocol`.

    Timing: :attr:`timetable`, :mod:`skipwalk.sim.lora.cycles`. Resources: ``2 * lanes + 2`` multipliers.
    """

    #: Outputs that wait for the host; three slots' worth are kept free when a slot begins.
    ANSWERS = 64

    def __init__(self, cfg: LoraConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind = {"primitives": primitives}
        self._lanes = lanes = LoraLanes(cfg, **kind)
        sum_bits = lanes.sum.shape().width
        self._head = LoraHead(cfg, latency=lanes.latency, sum_bits=sum_bits, **kind)
        self._dense = LoraDense(cfg, latency=lanes.latency, sum_bits=sum_bits, **kind)
        self._command = LoraCommand(cfg, cache_latency=lanes.cache_latency, **kind)
        self.latencies = Latencies(
            broadcast=cfg.broadcast, read=lanes.read, new=lanes.new, dot=lanes.dot, softmax=self._head.latency
        )
        self.timetable: Timetable = timetable(cfg, self.latencies)
        self._sequencer = LoraSequencer(cfg, self.timetable)
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    @property
    def settling(self) -> int:
        """Cycles after the last beat until nothing moves any more."""
        return self._lanes.latency + self._head.latency + 8

    @property
    def layer_gap(self) -> int:
        """Cycles without a beat between two layers of the backbone."""
        return self._dense.layer_gap

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.lanes = lanes = self._lanes
        m.submodules.head = head = self._head
        m.submodules.dense = dense = self._dense
        m.submodules.command = command = self._command
        m.submodules.sequencer = sequencer = self._sequencer
        m.submodules.answers = answers = fifo.SyncFIFOBuffered(width=cfg.y.bits, depth=self.ANSWERS)

        wiring.connect(m, wiring.flipped(self.i), command.i)
        wiring.connect(m, command.samples, sequencer.samples)
        # Answers to samples come before those of the commands behind them, which wait until there are none.
        m.d.comb += [
            answers.w_en.eq(head.y_valid),
            answers.w_data.eq(head.y),
            self.o.valid.eq(answers.r_rdy | command.o.valid),
            self.o.payload.eq(Mux(answers.r_rdy, answers.r_data.as_signed(), command.o.payload)),
            answers.r_en.eq(self.o.ready),
            command.o.ready.eq(self.o.ready & ~answers.r_rdy),
            sequencer.hold.eq(answers.level > self.ANSWERS - 3 * cfg.classes),
        ]
        quiet = Signal(range(self.settling + 1))
        m.d.comb += [sequencer.drain.eq(command.drain), command.at_rest.eq(quiet == self.settling)]
        with m.If(~(command.drain & sequencer.idle) | answers.r_rdy):
            m.d.sync += quiet.eq(0)
        with m.Elif(quiet != self.settling):
            m.d.sync += quiet.eq(quiet + 1)

        # Beats: of a slot, or of the backbone between slots.
        m.d.comb += [
            sequencer.dense.eq(dense.request),
            dense.granted.eq(sequencer.granted),
            lanes.op.eq(Mux(sequencer.granted, dense.op, sequencer.op)),
            lanes.g.eq(head.g),
            head.g_ring.eq(lanes.g_ring),
            head.g_class.eq(lanes.g_class),
            head.beat.eq(sequencer.op.valid & (sequencer.op.kind == BeatKind.HEAD)),
            head.beat_class.eq(sequencer.op.index),
            head.sample.eq(sequencer.head),
            head.sum_valid.eq(lanes.sum_valid & (lanes.sum_op.kind == BeatKind.HEAD)),
            head.sum.eq(lanes.sum),
            head.rate.eq(command.rate),
            dense.sum_valid.eq(lanes.sum_valid & (lanes.sum_op.kind == BeatKind.DENSE)),
            dense.sum.eq(lanes.sum),
            # A beat that was issued still has to be through the lanes when the entry is written again.
            command.retired.eq(delay(m, sequencer.retired, cfg.broadcast + lanes.new + 2, name="retired")),
        ]

        # Activations and outputs of the backbone.
        m.d.comb += [
            lanes.x_group.eq(command.x_group),
            lanes.x_lane.eq(dense.x_valid),
            lanes.x_select.eq(Mux(dense.x_valid, dense.x_lane, command.x_select)),
            lanes.x_data.eq(Mux(dense.x_valid, dense.x, command.x_data)),
            lanes.x_ring.eq(command.x_ring),
            lanes.x_cache.eq(command.x_cache),
            lanes.x_copy.eq(command.x_copy),
            lanes.x_ring_addr.eq(command.x_ring_addr),
            lanes.x_cache_addr.eq(command.x_cache_addr),
            lanes.cache_rd_addr.eq(command.cache_rd_addr),
            head.c_en.eq(command.c_en),
            head.c_ring.eq(command.c_ring),
            head.c_class.eq(command.c_class),
            head.c.eq(command.c),
            dense.start.eq(command.dense_start),
            dense.ring.eq(command.dense_ring),
            command.dense_store.eq(dense.x_store),
            command.dense_word.eq(dense.x_word),
            command.dense_c_valid.eq(dense.c_valid),
            command.dense_class.eq(dense.c_class),
            command.dense_c.eq(dense.c),
            command.dense_done.eq(dense.done),
            *(dense.shifts[k].eq(command.shifts[k]) for k in range(cfg.layers)),
        ]

        # The host's own elements.
        m.d.comb += [
            lanes.host_adapters.eq(command.host_adapters),
            lanes.host_weights.eq(command.host_weights),
            lanes.host_read.eq(command.host_read),
            lanes.host_addr.eq(command.host_addr),
            lanes.host_lane.eq(command.host_lane),
            lanes.host_data.eq(command.host_data),
            lanes.host_shift.eq(command.host_shift),
            dense.bias_en.eq(command.host_biases),
            dense.bias_addr.eq(command.host_addr),
            dense.bias_data.eq(command.host_data),
            command.host_element.eq(lanes.host_element),
            command.host_loaded.eq(
                delay(m, command.host_read, lanes.read_latency - 1, name="loaded", reset_less=False)
            ),
        ]

        events = {
            LoraCounter.CYCLES: Const(1),
            LoraCounter.SLOTS: sequencer.began,
            LoraCounter.TRAINED: head.trained,
            LoraCounter.CORRECT: head.correct,
            LoraCounter.HITS: command.hit,
            LoraCounter.MISSES: command.miss,
            LoraCounter.REJECTED: command.rejected,
            LoraCounter.SAT_A: lanes.saturated_a,
            LoraCounter.SAT_B: lanes.saturated_b,
            LoraCounter.SAT_GRADIENT: lanes.saturated_gradient,
            LoraCounter.SAT_Z: lanes.saturated_z,
            LoraCounter.SAT_Y: head.saturated_y,
            LoraCounter.SAT_G: head.saturated_g,
            LoraCounter.SAT_GZ: lanes.saturated_gz,
            LoraCounter.WAIT_SAMPLE: sequencer.starved,
            LoraCounter.DENSE: dense.op.valid,
        }
        m.submodules.counters = counters = CounterBank(len(LoraCounter))
        m.d.comb += [
            counters.events.eq(Cat(events[c] for c in LoraCounter)),
            counters.clear.eq(command.clear),
            counters.index.eq(command.counter_index),
            command.counter.eq(counters.count),
        ]
        return m
