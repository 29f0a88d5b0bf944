"""The Skip2-LoRA unit's interpreter and sequencer, proven: whatever they are told, they do not stand still."""

from unittest.mock import patch

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Assert, Assume, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.lora import sequencer
from skipwalk.hw.lora.command import LoraCommand
from skipwalk.hw.lora.config import LoraConfig
from skipwalk.hw.lora.ops import SampleLayout
from skipwalk.hw.lora.schedule import Timetable
from skipwalk.hw.lora.sequencer import LoraSequencer

from ..support.proofs import Moves, cover, prove, soon

CFG = LoraConfig(widths=(4,), classes=2, rank=1, lanes=4, cache_samples=2)


class Orders(wiring.Component):
    """In place of a permutation, whose draws take many cycles: all numbers of an epoch as they follow each other."""

    def __init__(self, like: wiring.Component):
        super().__init__(dict(like.signature.members))

    def elaborate(self, platform):
        m = Module()
        index, left = Signal.like(self.o.p.index), Signal.like(self.i.p.n)
        m.d.comb += [
            self.i.ready.eq(left == 0),
            self.o.valid.eq(left != 0),
            self.o.p.index.eq(index),
            self.o.p.last.eq(left == 1),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [left.eq(self.i.p.n), index.eq(0)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [left.eq(left - 1), index.eq(index + 1)]
        return m


def answers(m, command):
    """The rest of the unit, which answers in time: rest, the read chain, the backbone, an entry of the rings."""
    wants, computes, entries = Signal(), Signal(), Signal(4)
    m.d.sync += [
        wants.eq((wants & ~command.chain.loaded) | command.host.read),
        computes.eq((computes & ~command.backbone.done) | command.backbone.start),
        entries.eq(entries + (command.flow.samples.valid & command.flow.samples.ready) - command.flow.retired),
    ]
    return [
        soon(m, command.rest.drain, command.rest.at_rest, 2),
        soon(m, wants, command.chain.loaded, 2),
        soon(m, computes, command.backbone.done, 2),
        soon(m, entries != 0, command.flow.retired, 2),
        ~command.flow.retired | (entries != 0),
    ]


def interpreter(ends: str) -> Moves:
    command = LoraCommand(CFG, cache_latency=2)
    command.order = Orders(command.order)
    # A word of WRITE has up to 32 elements.
    return Moves(command, 12, ends, inside=[command.unpacker.o], given=answers)


def test_the_interpreter_does_not_stand_still(tmp_path):
    """Of any words, in the first 18 cycles. Found, by hand: DENSE that waits for more than the backbone; and with 24
    cycles epochs that never settle."""
    for ends in ("o", "flow__samples"):
        cover(interpreter(ends), tmp_path, output="moved", cycles=16)
    prove(interpreter("o"), tmp_path, name="progress.lora-command", method="-seq 18")


#: Three beats of A, of two layers of which one has two words, and two for each of the passes over B.
TWO_LAYERS = LoraConfig(widths=(5, 4), classes=2, rank=1, lanes=4, lag=3, cache_samples=2)


class Opened(LoraSequencer):
    """A sequencer whose present ``slot`` can be looked into."""

    def __init__(self, cfg: LoraConfig, times: Timetable):
        super().__init__(cfg, times)
        self.slot = sequencer._Slot(cfg, times, self.beats.op)

    def elaborate(self, platform):
        with patch.object(sequencer, "_Slot", lambda *args: self.slot):
            return super().elaborate(platform)


class Slots(wiring.Component):
    """A sequencer among those that it waits for, none of whom lets it wait for ``LATE`` cycles: the answers that hold a
    slot up, the interpreter, which has another sample or drains, and the backbone, which gives the lanes back. What
    the interpreter does not do is to have a sample, or to drain, while the backbone waits for the lanes.

    - In the cycles of a slot, and those that two of the others may be late, another slot begins, or the backbone has
      the lanes, or all samples that were taken are retired. Only then does it say that it is idle.
    - A sample is retired at the end of the slot that is ``lag`` behind its own, so each leaves.
    - A slot has as many beats as its passes.

    Besides, what its registers mean, which makes the proof one by induction.

    ``drained``: all is done, of samples in two slots. ``lent``: the backbone has the lanes while samples are in flight.
    ``full``: every place in flight has a sample.
    """

    LATE = 3
    COVERED = ("drained", "lent", "full")

    def __init__(self, times: Timetable, kind: type[Opened] = Opened):
        self._cfg, self._times, self._kind = TWO_LAYERS, times, kind
        free = dict.fromkeys(("offers", "hold", "drain", "request", "mark"), In(1))
        super().__init__(free | {"sample": In(SampleLayout())} | dict.fromkeys(self.COVERED, Out(1)))

    def elaborate(self, platform):
        cfg, length = self._cfg, self._times.length
        m = Module()
        m.submodules.sequencer = s = self._kind(cfg, self._times)
        granted, taken = s.loan.granted, s.samples.valid & s.samples.ready
        m.d.comb += [
            s.samples.valid.eq(self.offers),
            s.samples.payload.eq(self.sample),
            s.hold.eq(self.hold),
            s.drain.eq(self.drain),
            s.loan.request.eq(self.request),
        ]
        waits, drains, asks = Signal(), Signal(), Signal()
        before = Signal.like(self.sample)
        m.d.sync += [
            waits.eq(s.samples.valid & ~s.samples.ready),
            before.eq(self.sample),
            drains.eq(self.drain & ~s.idle),
            asks.eq(self.request & ~granted),
        ]
        facts = [
            # An offer stays, a barrier lasts until nothing is in flight, and the backbone does not change its mind.
            ~waits | (self.offers & (self.sample.as_value() == before.as_value())),
            ~drains | self.drain,
            ~asks | self.request,
            ~(self.request & ~granted) | ~(self.offers | self.drain),
            soon(m, self.hold, ~self.hold, self.LATE),
            soon(m, ~self.request, self.offers | self.drain, self.LATE),
            soon(m, granted, ~self.request, self.LATE),
        ]
        m.d.comb += [Assume(fact) for fact in facts]

        # Samples that have been taken and not retired.
        flying, slots = Signal(range(cfg.lag + 2)), Signal(2)
        bound = length + 2 * (self.LATE - 1)
        still = Signal(range(bound + 1))
        moves = s.began | (granted & self.request) | ((flying == 0) & ~self.offers)
        m.d.sync += [
            flying.eq(flying + taken - s.retired),
            still.eq(Mux(moves, 0, still + (still != bound))),
            slots.eq(slots + (taken & (slots != 2))),
        ]
        m.d.comb += [
            Assert(still != bound),
            Assert(~s.idle | (flying == 0)),
            self.drained.eq(s.idle & (slots == 2)),
            self.lent.eq(granted & (flying > 1)),
            self.full.eq(flying == cfg.lag + 1),
        ]
        behind = self._leaves(m, s, taken)
        self._beats(m, s)

        slot, flight = s.slot, s.slot.flight
        m.d.comb += [
            Assert(~slot.running | ((slot.beat < length) & (still <= slot.beat) & ~granted)),
            Assert(flying == sum(f.valid for f in flight)),
            Assert(~flight[cfg.lag].valid | slot.running),
            *(Assert((behind != age) | f.valid) for age, f in enumerate(flight)),
        ]
        return m

    def _leaves(self, m, s, taken):
        """A sample, whichever, is followed on its way; returns how many slots ago it was taken, or ``lag + 1``."""
        lag = self._cfg.lag
        behind = Signal(range(lag + 2), init=lag + 1)
        m.d.comb += Assert(behind <= lag + 1)
        with m.If((behind == lag) & s.retired):
            m.d.sync += behind.eq(lag + 1)
        with m.Elif((behind <= lag) & s.began):
            m.d.sync += behind.eq(behind + 1)
            m.d.comb += Assert(behind != lag)
        with m.Elif(taken & self.mark):
            m.d.sync += behind.eq(0)
        return behind

    def _beats(self, m, s):
        """Those of a slot, until the next one starts."""
        beats = self._cfg.a_words + 2 * self._cfg.classes
        op, issued, begun = s.beats.op, Signal(range(beats + 2)), Signal()
        with m.If(op.valid):
            m.d.sync += [issued.eq(Mux(op.start, 1, issued + (issued <= beats))), begun.eq(1)]
            m.d.comb += Assert(~op.start | ~begun | (issued == beats))
        m.d.comb += Assert(s.slot.running | ~begun | (issued + op.valid == beats))


def test_the_sequencer_does_not_stand_still(tmp_path):
    """By induction: for ever. Found, by hand: no slot for the last sample in flight, a barrier that is not seen, lanes
    that are not given back, a cycle between two slots, samples that leave a slot too early."""
    times = Timetable(split=1, length=8)
    cover(Slots(times), tmp_path, output=Slots.COVERED, cycles=60)
    prove(Slots(times), tmp_path, name="progress.lora-sequencer", method="-tempinduct -maxsteps 20")
