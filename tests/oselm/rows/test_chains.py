"""The hash table of slots: its answers, and how long each takes."""

import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.oselm.rows.chains import Chains, Find
from skipwalk.hw.oselm.rows.config import RowsConfig

from ...support.lora_blocks import bench

CFG = RowsConfig(rows=64, slots=8, words=1, group_rows=4, groups=1)
N = 2  # latency of its memories
NONE = ()


def at(place: int) -> int:
    """Cycles of FIND for the row that is the ``place``-th of its chain."""
    return N + 4 + (N + 2) * place


#: What is asked: kind, row, slot; the row and the slot that are the answer; its cycles. LINK has none.
ASKED = [
    (Find.FIND, 3, 0, NONE, at(0)),
    (Find.LOOK, 0, 5, NONE, N + 4),
    (Find.UNLINK, 0, 5, NONE, N + 4),
    (Find.LINK, 3, 5, None, N + 4),
    (Find.LINK, 11, 6, None, N + 4),
    (Find.LINK, 19, 7, None, N + 4),
    (Find.FIND, 19, 0, (19, 7), at(1)),
    (Find.FIND, 3, 0, (3, 5), at(3)),
    (Find.FIND, 27, 0, NONE, at(3)),
    (Find.LOOK, 0, 6, (11, 6), N + 4),
    (Find.UNLINK, 0, 5, (3, 5), 2 * N + 6 + 2 * (N + 2)),
    (Find.FIND, 3, 0, NONE, at(2)),
    (Find.UNLINK, 0, 7, (19, 7), 2 * N + 6),
    (Find.FIND, 11, 0, (11, 6), at(1)),
    (Find.UNLINK, 0, 6, (11, 6), 2 * N + 6),
    (Find.LINK, 11, 6, None, N + 4),
    (Find.FIND, 11, 0, (11, 6), at(1)),
    (Find.FIND, 19, 0, NONE, at(1)),
]


def test_answers_and_their_cycles():
    dut = Chains(CFG)
    left = list(ASKED)
    begun = None

    def step(ctx, t):
        nonlocal begun
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 0)
        if begun is None:
            kind, row, slot, *_ = left[0]
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, {"kind": kind, "row": row, "slot": slot})
            if ctx.get(dut.i.ready):
                begun = t
        elif ctx.get(dut.o.valid):
            kind, row, slot, expected, cycles = left.pop(0)
            assert t - begun + 1 == cycles, (kind, row, slot)
            answer = ctx.get(dut.o.payload)
            if expected is not None:
                assert answer.there == (expected is not NONE), (kind, row, slot)
            if expected:
                assert (answer.row, answer.slot) == expected, (kind, row, slot)
            begun = None
        return bool(left)

    bench(dut, step, limit=1_000)
