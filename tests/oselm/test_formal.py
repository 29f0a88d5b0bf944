"""Small properties of the OS-ELM core's control, proven for all inputs."""

from itertools import pairwise

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Assert, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.oselm.config import CoreConfig, Schedule, preset
from skipwalk.hw.oselm.hazard import HazardWindow
from skipwalk.hw.oselm.sequential import SequentialSequencer
from skipwalk.hw.oselm.streaming import StreamingSequencer
from skipwalk.hw.oselm.timing import EngineTiming

from ..support.proofs import cover, prove

CFG = preset("tiny").replace(max_samples=3, nodes=4)
TIMING = EngineTiming(read_after_update=7, gain_latency=5, error=0, gain=0, spacing=16)


class WindowBesideList(wiring.Component):
    """The hazard window, and the same answer from a list of the latest rows, newest first. ``found`` is high when a row
    that is not the latest is found."""

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__({"row": In(cfg.row_bits), "insert": In(1), "clear": In(1), "found": Out(1)})

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.window = window = HazardWindow(cfg)
        n = Signal.like(window.n)
        rows = [Signal(cfg.row_bits, name=f"latest_{i}") for i in range(cfg.ring)]
        valid, hit, source = Signal(cfg.ring), Signal(), Signal.like(window.source)
        m.d.comb += [
            window.row.eq(self.row),
            window.n.eq(n),
            window.insert.eq(self.insert & ~self.clear),
            window.clear.eq(self.clear),
        ]
        with m.If(window.insert):
            m.d.sync += [n.eq(n + 1), valid.eq(Cat(1, valid)), rows[0].eq(self.row)]
            m.d.sync += [older.eq(newer) for newer, older in pairwise(rows)]
        with m.If(self.clear):
            m.d.sync += valid.eq(0)
        m.d.sync += hit.eq(0)
        for i in reversed(range(cfg.ring)):
            with m.If(valid[i] & (rows[i] == self.row)):
                m.d.sync += [hit.eq(1), source.eq(n - 1 - i)]
        m.d.comb += [Assert(window.hit == hit), Assert(~hit | (window.source == source))]
        m.d.comb += self.found.eq(window.hit & (window.source != (n - 1)[: len(n)]))
        return m


def test_the_hazard_window_finds_the_latest_mention(tmp_path):
    """In every history of 10 cycles, more than twice round a ring of four: longer than it can remember."""
    cover(WindowBesideList(CFG), tmp_path, output="found", cycles=5)
    prove(WindowBesideList(CFG), tmp_path, name="hazard-window", method="-seq 10")


class OneReason(wiring.Component):
    """A sequencer whose inputs are free; at most one of its reasons to wait is high. ``waits`` tells that one is."""

    def __init__(self, sequencer: wiring.Component):
        self._sequencer = sequencer
        self._free = {
            "__".join(map(str, path)): (member.shape, port)
            for path, member, port in sequencer.signature.flatten(sequencer)
            if member.flow == wiring.In
        }
        super().__init__({"waits": Out(1), **{name: In(shape) for name, (shape, _) in self._free.items()}})

    def elaborate(self, platform):
        m = Module()
        m.submodules.sequencer = sequencer = self._sequencer
        for name, (_, port) in self._free.items():
            m.d.comb += port.eq(getattr(self, name))
        high = Cat(port for *_, port in sequencer.waits.signature.flatten(sequencer.waits))
        m.d.comb += [Assert((high & (high - 1)[: len(high)]) == 0), self.waits.eq(high.any())]
        return m


def test_a_cycle_of_streaming_waits_for_one_reason(tmp_path):
    """Whatever comes within 14 cycles: enough for the first contexts to reach the position that is issued."""
    cover(OneReason(StreamingSequencer(CFG, TIMING)), tmp_path, output="waits", cycles=6)
    prove(OneReason(StreamingSequencer(CFG, TIMING)), tmp_path, name="one-reason.streaming", method="-seq 14")


def test_a_cycle_of_sequential_waits_for_one_reason(tmp_path):
    """By induction: for ever, whatever comes."""

    def sequencer():
        return OneReason(SequentialSequencer(CFG.replace(schedule=Schedule.SEQUENTIAL, lookahead=0), TIMING))

    cover(sequencer(), tmp_path, output="waits", cycles=6)
    prove(sequencer(), tmp_path, name="one-reason.sequential", method="-tempinduct -maxsteps 6")
