"""Beats of rows between the operations of a sequencer that always has one, and of one that has none now and then."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, ResetInserter, Signal
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.ops import ReadKind, UpdateKind
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
    reset = Signal()
    waits, places, gone, longest = [0, 0], [(0, 0), (0, 0)], 0, 0
    # Cycles until the row that a beat asked for, if one is under way: no other beat is read until then. The host reads
    # rows, too, while none is.
    row_in, kinds, for_host = 0, (ReadKind.HOST, UpdateKind.FILL), 0

    def rows(ctx):
        nonlocal row_in, for_host
        comes = row_in == 1 or (row_in == 0 and rng.random() < 0.1)
        value = int(rng.integers(-100, 100))
        ctx.set(dut.row.en, int(comes))
        ctx.set(dut.row.data[0], value)
        assert ctx.get(dut.beats.en) == (comes and row_in > 0)
        assert ctx.get(dut.host_row) == (comes and row_in == 0)
        assert ctx.get(dut.beats.row[0]) == value
        for_host += comes and row_in == 0
        row_in = max(0, row_in - 1)

    def step(ctx, t):
        nonlocal gone, longest, row_in
        ctx.set(reset, int(t == 0))
        if t == 0:
            return True
        sequencer.step(ctx, dut)
        was_under_way = row_in > 0
        rows(ctx)
        for i, (beat, busy, op) in enumerate(sides):
            if not waits[i]:
                ctx.set(beat.valid, int(rng.random() < 0.1 and not (i == 0 and was_under_way)))
                place = {"slot": int(rng.integers(CFG.slots)), "chunk": int(rng.integers(CFG.chunks))}
                ctx.set(beat.payload, place)
                places[i] = place["slot"], place["chunk"]
            goes = ctx.get(beat.valid) and ctx.get(beat.ready)
            assert ctx.get(op.valid) == goes
            assert not (goes and ctx.get(busy)), "the engine has an operation"
            if goes:
                assert (ctx.get(op.row), ctx.get(op.chunk)) == places[i]
                assert ctx.get(op.kind) == kinds[i]
            if i == 1:
                assert ctx.get(dut.forget.en) == goes
                assert not goes or ctx.get(dut.forget.slot) == places[1][0]
            elif goes:
                row_in = 1 + int(rng.integers(5))
            waits[i] = 0 if goes or not ctx.get(beat.valid) else waits[i] + 1
            longest = max(longest, waits[i])
            gone += goes
        return t < CYCLES

    m = Module()
    m.submodules.dut = ResetInserter(reset)(dut)
    bench(m, step)
    assert gone > CYCLES / 20
    assert for_host
    # Until the position ends, the request out of its register, the pause on its way; twice, where it was for the other.
    assert longest <= 2 * (beats / (1 - idle) * 3 + behind + 3)
    if not idle:
        assert longest <= beats + behind + 2
        assert sequencer.pauses <= gone
