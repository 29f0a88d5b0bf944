"""Small properties of the OS-ELM core's control, proven for all inputs."""

from itertools import pairwise

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.back import rtlil
from amaranth.hdl import Assert, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from skipwalk.hw.oselm.config import CoreConfig, Schedule, preset
from skipwalk.hw.oselm.hazard import HazardWindow
from skipwalk.hw.oselm.sequential import SequentialSequencer
from skipwalk.hw.oselm.streaming import StreamingSequencer
from skipwalk.hw.oselm.timing import EngineTiming
from skipwalk.sim.rtl.synthesis import run_yosys

CFG = preset("tiny").replace(max_samples=3, nodes=4)
TIMING = EngineTiming(read_after_update=7, gain_latency=5, error=0, gain=0, spacing=16)


def prove(component: wiring.Component, folder, *, method: str) -> None:
    """Prove the assertions of a component, from power up on, without a reset. Raises SynthesisError."""
    path = folder / "design.il"
    path.write_text(rtlil.convert(component, name="top"))
    passes = ["prep -flatten -top top", "memory_map", "chformal -lower", "async2sync", "opt_clean"]
    run_yosys([f"read_rtlil {path}", *passes, f"sat -verify -prove-asserts -set rst 0 {method}"])


class WindowBesideList(wiring.Component):
    """The hazard window, and the same answer from a list of the latest rows, newest first."""

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__({"row": In(cfg.row_bits), "insert": In(1), "clear": In(1)})

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
        return m


def test_the_hazard_window_finds_the_latest_mention(tmp_path):
    """In every history of 10 cycles, more than twice round a ring of four: longer than it can remember."""
    prove(WindowBesideList(CFG), tmp_path, method="-seq 10")


class OneReason(wiring.Component):
    """A sequencer whose inputs are free; at most one of its reasons to wait is high."""

    def __init__(self, sequencer: wiring.Component):
        self._sequencer = sequencer
        self._free = {
            "__".join(map(str, path)): (member.shape, port)
            for path, member, port in sequencer.signature.flatten(sequencer)
            if member.flow == wiring.In
        }
        super().__init__({name: In(shape) for name, (shape, _) in self._free.items()})

    def elaborate(self, platform):
        m = Module()
        m.submodules.sequencer = sequencer = self._sequencer
        for name, (_, port) in self._free.items():
            m.d.comb += port.eq(getattr(self, name))
        high = Cat(port for *_, port in sequencer.waits.signature.flatten(sequencer.waits))
        m.d.comb += Assert((high & (high - 1)[: len(high)]) == 0)
        return m


def test_a_cycle_of_streaming_waits_for_one_reason(tmp_path):
    """Whatever comes within 14 cycles: enough for the first contexts to reach the position that is issued."""
    prove(OneReason(StreamingSequencer(CFG, TIMING)), tmp_path, method="-seq 14")


def test_a_cycle_of_sequential_waits_for_one_reason(tmp_path):
    """By induction: for ever, whatever comes."""
    sequencer = SequentialSequencer(CFG.replace(schedule=Schedule.SEQUENTIAL, lookahead=0), TIMING)
    prove(OneReason(sequencer), tmp_path, method="-tempinduct -maxsteps 6")
