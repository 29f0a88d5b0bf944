"""Rows between lanes and words: their elements, who gets which beat, and after how many cycles."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, ResetInserter, Signal
from skipwalk.hw.oselm.rows.config import RowsConfig
from skipwalk.hw.oselm.rows.mover import RowMover
from skipwalk.sim.arith.words import packed_run

from ...support.lora_blocks import bench

LANES, CHUNKS, BITS = 4, 2, 18
STAYS, WRITTEN = 3, 6
CFG = RowsConfig(rows=60, slots=12, words=5, group_rows=4, groups=1)
PAUSES = [0.0, 0.5]


def random_rows(rng, n: int):
    """(slot, elements) of rows that go or come."""
    top = 1 << BITS - 1
    return [(int(rng.integers(CFG.slots)), rng.integers(-top, top, LANES * CHUNKS)) for _ in range(n)]


def words_of(row) -> list[int]:
    return packed_run(row & (1 << BITS) - 1, BITS).tolist()


def run(step) -> None:
    """``step(ctx, t, dut)`` in each cycle after a first reset."""
    dut = RowMover(CFG, lanes=LANES, chunks=CHUNKS, bits=BITS, groups=1, fill_latency=STAYS, written=WRITTEN)
    m, reset = Module(), Signal()
    m.submodules.dut = ResetInserter(reset)(dut)

    def step_or_reset(ctx, t):
        ctx.set(reset, int(t == 0))
        return t == 0 or step(ctx, t, dut)

    bench(m, step_or_reset, limit=20_000)


@pytest.mark.parametrize("pause", PAUSES)
def test_rows_that_come(pause):
    """Beat by beat; each stays as long as it has to, and a mark is told when reads see what came before it."""
    rng = np.random.default_rng(1)
    rows = random_rows(rng, 30)
    words = [(slot, word, n == CFG.words - 1) for slot, row in rows for n, word in enumerate(words_of(row))]
    beats = [(slot, c, row[c * LANES : (c + 1) * LANES].tolist()) for slot, row in rows for c in range(CHUNKS)]
    taken: list[int] = []
    mark_at, marks = None, 0
    stays_until, fill = 0, []

    def step(ctx, t, dut):
        nonlocal mark_at, marks, stays_until, fill
        # Whoever has words offers them until they are taken.
        offered = bool(words) and ((ctx.get(dut.fills.valid) and not accepted[0]) or rng.random() >= pause)
        ctx.set(dut.fills.valid, int(offered))
        if offered:
            slot, word, last = words[0]
            ctx.set(dut.fills.payload, {"slot": slot, "data": word, "last": last})
        ctx.set(dut.beats.writes.ready, int(rng.random() >= pause))
        accepted[0] = offered and bool(ctx.get(dut.fills.ready))
        marked = accepted[0] and words[0][2] and len(words) % (3 * CFG.words) == 1
        ctx.set(dut.marked, int(marked))
        marks += marked
        if marked:
            assert mark_at is None
            mark_at = t
        if accepted[0]:
            words.pop(0)
        now = [ctx.get(dut.beats.fill[i]) for i in range(LANES)]
        assert t >= stays_until or now == fill, "an element moved while the engine looks at it"
        if ctx.get(dut.beats.writes.valid) and ctx.get(dut.beats.writes.ready):
            slot, chunk, fill = beats.pop(0)
            place = dut.beats.writes.payload
            assert (ctx.get(place.slot), ctx.get(place.chunk), now) == (slot, chunk, fill)
            if not pause and chunk:
                assert t - taken[-1] == STAYS + LANES + 2
            stays_until = t + 1 + STAYS
            taken.append(t)
        if ctx.get(dut.landed):
            # The row that came with the mark: all its beats, the last one for as long as reads do not see it.
            assert len(taken) % (3 * CHUNKS) == 0
            assert t - taken[-1] == WRITTEN + 3
            assert mark_at is not None
            mark_at = None
            landed.append(t)
        return bool(beats) or mark_at is not None

    accepted, landed = [False], []
    run(step)
    assert marks == len(landed) == 10


@pytest.mark.parametrize("pause", PAUSES)
def test_rows_that_go(pause):
    """Each beat is asked for when the one before has left; words come as they are taken."""
    rng = np.random.default_rng(2)
    rows = random_rows(rng, 20)
    want = [word for _, row in rows for word in words_of(row)]
    asked = [(slot, c, row[c * LANES : (c + 1) * LANES].tolist()) for slot, row in rows for c in range(CHUNKS)]
    slots, got, times = [slot for slot, _ in rows], [], []
    comes: list[tuple[int, list[int]]] = []
    shown = False

    def step(ctx, t, dut):
        nonlocal shown
        shown = bool(slots) and (shown or rng.random() >= pause)
        ctx.set(dut.evicted.slot.valid, int(shown))
        if shown:
            ctx.set(dut.evicted.slot.payload, slots[0])
        ctx.set(dut.beats.reads.ready, int(rng.random() >= pause))
        ctx.set(dut.evicted.words.ready, int(rng.random() >= pause))
        here = bool(comes) and comes[0][0] == t
        ctx.set(dut.beats.en, int(here))
        if here:
            for i, value in enumerate(comes.pop(0)[1]):
                ctx.set(dut.beats.row[i], value)
        if shown and ctx.get(dut.evicted.slot.ready):
            slots.pop(0)
            shown = False
        place = dut.beats.reads.payload
        if ctx.get(dut.beats.reads.valid) and ctx.get(dut.beats.reads.ready):
            slot, chunk, row = asked.pop(0)
            assert (ctx.get(place.slot), ctx.get(place.chunk)) == (slot, chunk)
            assert not comes
            comes.append((t + 5, row))
        if ctx.get(dut.evicted.words.valid) and ctx.get(dut.evicted.words.ready):
            got.append(ctx.get(dut.evicted.words.payload))
            times.append(t)
        return len(got) < len(want)

    run(step)
    assert got == want
    if not pause:
        # A beat: it is asked for, comes 5 cycles later, and leaves element by element.
        assert (times[-1] - times[CFG.words - 1]) / (len(rows) - 1) == CHUNKS * (5 + LANES + 1) + 1
