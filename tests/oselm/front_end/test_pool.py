"""The pool of negatives alone: which draws go where, in how many cycles, and what contexts find there."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.front_end.pool import NegativePool, Renewal
from skipwalk.hw.oselm.front_end.sampling import POOL_CONTEXT, POOL_SHIFT, Sampling

from ...support.lora_blocks import bench

CFG = preset("tiny").replace(pool=64, walks=5)


def fields(sampling: Sampling) -> dict[str, int]:
    return {
        "pool": sampling.pool.bit_length() - 1 - POOL_SHIFT if sampling.pool else 0,
        "replaced": sampling.replaced.bit_length() - 1,
    }


def sampling(pool: int, replaced: int) -> Sampling:
    return Sampling(window=2, negatives=1, per_positive=False, walks=5, pool=pool, replaced=replaced)


@pytest.mark.parametrize("how", [(16, 1), (16, 16), (32, 4), (64, 2), (64, 64)])
def test_the_draws_of_a_group_are_those_of_its_walks_or_all(how):
    """A group waits for the items before it, and takes 3 cycles and one a draw."""
    pool, replaced = how
    rng = np.random.default_rng(pool + replaced)
    dut = Renewal(CFG)
    groups = [(int(rng.choice([0, 3, 2**32 - 2])) + i, int(rng.integers(1, 6)), rng.random() < 0.4) for i in range(12)]
    want = []
    for i, (first, walks, stale) in enumerate(groups):
        whole = stale or i == 0
        numbers = range(first + walks - pool // replaced, first + walks) if whole else range(first, first + walks)
        want.append([(w % 2**32, k, (w * replaced + k) % pool) for w in numbers for k in range(replaced)])
    got = [[] for _ in groups]
    at, since, pause = 0, None, 3

    def step(ctx, t):
        nonlocal at, since, pause
        ctx.set(dut.sampling, fields(sampling(pool, replaced)))
        if ctx.get(dut.valid):
            counter = ctx.get(dut.counter) & (1 << 64) - 1
            assert counter >> 16 & 0xFFFF == POOL_CONTEXT
            got[at if since is not None else at - 1].append((counter >> 32, counter & 0xFFFF, ctx.get(dut.slot)))
        if at == len(groups):
            return False
        first, walks, stale = groups[at]
        ctx.set(dut.group.first, first % 2**32)
        ctx.set(dut.group.walks, walks)
        ctx.set(dut.stale, int(pause == 2 and stale))
        pause -= pause > 0
        ctx.set(dut.group.wanted, int(pause == 0))
        clear = since is not None or rng.random() < 0.3
        ctx.set(dut.group.clear, int(clear))
        if pause == 0 and clear and since is None:
            since = t
        if ctx.get(dut.group.done):
            assert since is not None, "done before the items of the group before it"
            assert t - since + 1 == 3 + len(want[at])
            at, since, pause = at + 1, None, 3
        return True

    bench(dut, step)
    assert got == want


def test_without_a_pool_nothing_is_drawn():
    dut = Renewal(CFG)

    def step(ctx, t):
        ctx.set(dut.group.wanted, 1)
        ctx.set(dut.group.walks, 3)
        assert ctx.get(dut.group.done)
        assert not ctx.get(dut.valid)
        return t < 5

    bench(dut, step)


@pytest.mark.parametrize("pool", [0, 16, 64])
def test_a_row_is_what_stands_in_the_slot(pool):
    """Or the row itself without a pool. A slot is written and read one cycle after the other."""
    rng = np.random.default_rng(pool)
    dut = NegativePool(CFG)
    held = [0] * 64
    want = []
    got = []

    def step(ctx, t):
        ctx.set(dut.sampling, fields(sampling(pool, 1)))
        row, bits, slot = (int(rng.integers(0, 64)) for _ in range(3))
        renews = bool(pool) and (t < 64 or rng.random() < 0.3)
        slot = (t if t < 64 else slot) % max(pool, 1)
        ctx.set(dut.row, row)
        ctx.set(dut.bits, bits)
        ctx.set(dut.renews, int(renews))
        ctx.set(dut.slot, slot)
        # Where a slot is read while it is written, the draws before it count no more.
        want.append(None if renews else held[bits * pool // 64] if pool else row)
        if renews:
            held[slot] = row
        got.append(ctx.get(dut.o))
        return t < 400

    bench(dut, step)
    late = got[dut.latency :]
    assert all(w is None or w == g for w, g in zip(want, late, strict=False))
    assert sum(w is not None for w in want[: len(late)]) > 150
