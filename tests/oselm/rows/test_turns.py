"""Beats of rows between the operations of a sequencer that always has one, and of one that has none now and then."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.rows.turns import BeatTurns

from ...support.lora_blocks import bench

CFG = preset("tiny").replace(walks=2, max_walk=8, nodes=200, pool=16, replaced=4, slots=88)
CYCLES = 300


class Sequencer:
    """Positions of so many ``beats``, one after another; its reads come out ``behind`` cycles after its updates."""

    def __init__(self, beats: int, behind: int, idle: float, rng):
        self.beats, self.idle, self.rng = beats, idle, rng
        self.beat = self.pauses = 0
        self.updates, self.reads = [0], [0] * (1 + behind)

    def step(self, ctx, dut):
        begins = self.beat == 0
        asked = ctx.get(dut.pause.read) or ctx.get(dut.pause.update)
        fires = not (begins and asked) and self.rng.random() >= self.idle
        self.pauses += begins and asked
        ctx.set(dut.busy_update, self.updates.pop(0))
        ctx.set(dut.busy_read, self.reads.pop(0))
        ctx.set(dut.pause.updates, int(begins))
        ctx.set(dut.pause.reads, int(begins))
        self.updates.append(int(fires))
        self.reads.append(int(fires))
        if fires:
            self.beat = (self.beat + 1) % self.beats


@pytest.mark.parametrize("idle", [0.0, 0.3])
@pytest.mark.parametrize(("beats", "behind"), [(1, 0), (1, 6), (4, 6)])
def test_beats_go_where_the_engine_is_free_and_none_waits_for_ever(beats, behind, idle):
    dut = BeatTurns(CFG.engine, CFG.rows_outside)
    rng = np.random.default_rng(beats + behind)
    sequencer = Sequencer(beats, behind, idle, rng)
    sides = [(dut.beats.reads, dut.busy_read, dut.read), (dut.beats.writes, dut.busy_update, dut.update)]
    waits, gone, longest = [0, 0], 0, 0

    def step(ctx, t):
        nonlocal gone, longest
        sequencer.step(ctx, dut)
        for i, (beat, busy, op) in enumerate(sides):
            if not waits[i]:
                ctx.set(beat.valid, int(rng.random() < 0.1))
            goes = ctx.get(beat.valid) and ctx.get(beat.ready)
            assert ctx.get(op.valid) == goes
            assert not (goes and ctx.get(busy)), "the engine has an operation"
            waits[i] = 0 if goes or not ctx.get(beat.valid) else waits[i] + 1
            longest = max(longest, waits[i])
            gone += goes
        return t < CYCLES

    bench(dut, step)
    assert gone > CYCLES / 20
    # Until the position ends, the request out of its register, the pause on its way; twice, where it was for the other.
    assert longest <= 2 * (beats / (1 - idle) * 3 + behind + 3)
    if not idle:
        assert longest <= beats + behind + 2
        assert sequencer.pauses <= gone
