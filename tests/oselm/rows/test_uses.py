"""Which slots are in use: answers, how long each takes, and that whoever waits is told so."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, ResetInserter, Signal
from skipwalk.hw.oselm.rows.config import RowsConfig
from skipwalk.hw.oselm.rows.uses import Use, Uses
from skipwalk.sim.oselm.rows.directory import RowDirectory

from ...support.lora_blocks import bench

CFG = RowsConfig(rows=60, slots=12, words=1, pool=3, group_rows=5, groups=3)
N = 2  # latency of its memory
#: Groups before numbers of groups come again.
ROUND = 1 << CFG.age_bits


class Model(RowDirectory):
    """What :class:`Uses` makes of a :class:`Use`: the slot that is the answer of NEXT, and the slots passed by."""

    def __init__(self):
        super().__init__(CFG)
        self.hand = 0

    def do(self, kind: Use, slot: int) -> tuple[int | None, int]:
        if kind in (Use.WALK, Use.POOL):
            self._last[slot] = self.newest
            self._count[slot] += kind is Use.POOL
        elif kind is Use.DROP:
            self.drop(slot)
        elif kind is Use.END:
            self.end()
        else:
            passed = next(n for n in range(CFG.slots) if not self.uses((self.hand + n) % CFG.slots))
            given = (self.hand + passed) % CFG.slots
            self.hand = (given + 1) % CFG.slots
            return given, passed
        return None, 0

    @property
    def free(self) -> int:
        return sum(not self.uses(slot) for slot in range(CFG.slots))


def program(rng: np.random.Generator, groups: int):
    """(kind, slot), and "release" where the oldest group ends, with the answer and how many slots are passed by."""
    model, ops, pool = Model(), [], []

    def add(kind, slot=0):
        ops.append((kind, slot, *model.do(kind, slot)))
        return ops[-1][2]

    for group in range(groups):
        # In the second round nobody uses any: a slot would seem to be in use when the number of its group comes again.
        quiet = group // ROUND == 1
        for _ in range(0 if quiet else int(rng.integers(0, CFG.group_rows + 1))):
            slot = add(Use.NEXT) if model.free and rng.random() < 0.7 else int(rng.integers(CFG.slots))
            held = rng.random() < 0.4
            add(Use.POOL if held else Use.WALK, slot)
            if held:
                pool.append(slot)
            if len(pool) > CFG.pool:
                add(Use.DROP, pool.pop(int(rng.integers(len(pool)))))
        add(Use.END)
        while model.newest - model.oldest >= (1 if quiet else CFG.groups):
            model.release()
            ops.append(("release", 0, None, 0))
        if quiet:
            for _ in range(model.free):
                add(Use.NEXT)
    return ops


def run_block(step, limit: int = 20_000) -> None:
    """``step(ctx, t, dut, reset)`` in each cycle, as :func:`bench` says."""
    m, reset = Module(), Signal()
    dut = Uses(CFG)
    m.submodules.dut = ResetInserter(reset)(dut)
    bench(m, lambda ctx, t: step(ctx, t, dut, reset), limit=limit)


def run(parts):
    """Do all of each part, with a reset before each."""
    left = [list(part) for part in parts]
    begun, since, known = None, 0, False

    def step(ctx, t, dut, reset):
        nonlocal begun, since, known
        ctx.set(dut.release, 0)
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.o.ready, 1)
        ctx.set(reset, int(t == 0 or not left[0]))
        if t == 0 or not left[0]:
            if t:
                left.pop(0)
            since, known = t + 1, False
            return bool(left)
        assert not ctx.get(dut.waiting)
        if begun is not None:
            kind, slot, given, passed = left[0][0]
            if ctx.get(dut.o.valid):
                assert t - begun + 1 == N + 3 + (N + 1) * passed, (kind, slot)
                assert given is None or ctx.get(dut.o.payload) == given
                left[0].pop(0)
                begun = None
            return True
        if not ctx.get(dut.i.ready):
            return True
        if not known:
            # All slots are cleared after a reset.
            assert t - since == 1 << CFG.slot_bits
            known = True
        if left[0][0][0] == "release":
            ctx.set(dut.release, 1)
            left[0].pop(0)
            return True
        kind, slot, *_ = left[0][0]
        ctx.set(dut.i.payload, {"kind": kind, "slot": slot})
        ctx.set(dut.i.valid, 1)
        begun = t
        return True

    run_block(step)


def test_slots_in_use_and_cycles():
    """More groups than their numbers; then all anew after a reset, in the middle of which slots are in use."""
    rng = np.random.default_rng(5)
    run([program(rng, 2 * ROUND + 30), program(rng, 30)])


@pytest.mark.parametrize("late", [0, 1, 7, 40])
def test_who_waits_is_told_when_the_hand_has_been_round(late):
    """All slots are in use until a group is released, ``late`` cycles after that."""
    asked = [(Use.WALK, slot) for slot in range(CFG.slots)] + [(Use.END, 0), (Use.NEXT, 0)]
    begun = released = 0
    given = []

    def step(ctx, t, dut, reset):
        nonlocal begun, released
        ctx.set(reset, int(t == 0))
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, int(bool(asked) and t > 0))
        if t == 0:
            return True
        if asked:
            kind, slot = asked[0]
            ctx.set(dut.i.payload, {"kind": kind, "slot": slot})
            if ctx.get(dut.i.ready):
                asked.pop(0)
                begun = t
            return True
        # READ is ``N + 1`` cycles for each slot, and what has been counted stands in the cycle behind it.
        round_at = begun + CFG.slots * (N + 1) + 1
        assert ctx.get(dut.waiting) == (t >= round_at)
        ctx.set(dut.release, int(t == round_at + late))
        if t == round_at + late:
            released = t
        if ctx.get(dut.o.valid):
            given.append(ctx.get(dut.o.payload))
            assert released
            assert t - released <= 2 * (N + 1) + 1
        return not given

    run_block(step, limit=1_000)
    # The slot that is looked at when the release has been seen.
    assert given[0] == -(-late // (N + 1)) % CFG.slots
