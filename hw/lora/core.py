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
from .protocol import REPORT_WORDS, LoraCounter
from .schedule import timetable
from .sequencer import LoraSequencer
from .timing import Latencies

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

    Timing: :mod:`.schedule`, :mod:`skipwalk.sim.lora.cycles`. Resources: ``2 * lanes + 2`` multipliers.
    """

    #: Words of outputs and reports that wait for the host; three slots' worth are kept free when a slot begins.
    ANSWERS = 64

    def __init__(self, cfg: LoraConfig, *, primitives: bool = False):
        self._cfg = cfg
        kind = {"primitives": primitives}
        self._lanes = lanes = LoraLanes(cfg, **kind)
        sum_bits = lanes.sums.value.shape().width
        self._head = LoraHead(cfg, latency=lanes.latency, sum_bits=sum_bits, **kind)
        self._dense = LoraDense(cfg, latency=lanes.latency, sum_bits=sum_bits, **kind)
        self._command = LoraCommand(cfg, cache_latency=lanes.cache_latency, **kind)
        self._sequencer = LoraSequencer(cfg, timetable(cfg, Latencies.of(cfg)))
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    @property
    def settling(self) -> int:
        """Cycles after the last beat until nothing moves any more."""
        return self._lanes.latency + self._head.latency + 8

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.lanes = lanes = self._lanes
        m.submodules.head = head = self._head
        m.submodules.dense = dense = self._dense
        m.submodules.command = command = self._command
        m.submodules.sequencer = sequencer = self._sequencer
        m.submodules.answers = answers = fifo.SyncFIFOBuffered(width=32, depth=self.ANSWERS)

        m.submodules.counters = counters = CounterBank(len(LoraCounter))

        wiring.connect(m, wiring.flipped(self.i), command.i)
        wiring.connect(m, command.flow.samples, sequencer.samples)
        wiring.connect(m, command.parameters, head.parameters, dense.parameters)
        wiring.connect(m, command.x, lanes.x)
        wiring.connect(m, command.c, head.c)
        wiring.connect(m, command.backbone, dense.backbone)
        wiring.connect(m, command.host, lanes.host, dense.host)
        wiring.connect(m, command.chain, lanes.chain)
        wiring.connect(m, command.counters, counters.access)
        wiring.connect(m, dense.loan, sequencer.loan)
        wiring.connect(m, sequencer.beats, head.beats)
        wiring.connect(m, lanes.sums, head.sums, dense.sums)
        wiring.connect(m, lanes.g, head.g)
        # Beats: of a slot, or of the backbone between slots.
        m.d.comb += lanes.op.eq(Mux(sequencer.loan.granted, dense.op, sequencer.beats.op))

        # Answers to samples come before those of the commands behind them, which wait until there are none.
        m.d.comb += [
            answers.w_en.eq(head.answer_valid),
            answers.w_data.eq(head.answer),
            self.o.valid.eq(answers.r_rdy | command.o.valid),
            self.o.payload.eq(Mux(answers.r_rdy, answers.r_data, command.o.payload)),
            answers.r_en.eq(self.o.ready),
            command.o.ready.eq(self.o.ready & ~answers.r_rdy),
            sequencer.hold.eq(answers.level > self.ANSWERS - 3 * max(cfg.classes, REPORT_WORDS)),
        ]
        quiet = Signal(range(self.settling + 1))
        m.d.comb += [
            sequencer.drain.eq(command.rest.drain),
            command.rest.at_rest.eq(quiet == self.settling),
            # A beat that was issued still has to be through the lanes when the entry is written again.
            command.flow.retired.eq(delay(m, sequencer.retired, cfg.broadcast + lanes.new + 2, name="retired")),
        ]
        with m.If(~(command.rest.drain & sequencer.idle) | answers.r_rdy):
            m.d.sync += quiet.eq(0)
        with m.Elif(quiet != self.settling):
            m.d.sync += quiet.eq(quiet + 1)

        events = {
            LoraCounter.CYCLES: Const(1),
            LoraCounter.SLOTS: sequencer.began,
            LoraCounter.TRAINED: head.trained,
            LoraCounter.CORRECT: head.correct,
            LoraCounter.HITS: command.events.hit,
            LoraCounter.MISSES: command.events.miss,
            LoraCounter.REJECTED: command.events.rejected,
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
        m.d.comb += counters.events.eq(Cat(events[c] for c in LoraCounter))
        return m
