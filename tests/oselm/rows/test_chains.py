"""The hash table of slots: its answers, and how long each takes."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, ResetInserter, Signal
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


def run(cfg: RowsConfig, parts) -> None:
    """All of each part, as :data:`ASKED`, with a reset before it, after which nothing is there any more."""
    dut, reset = Chains(cfg), Signal()
    left = [list(part) for part in parts]
    begun, since, known = None, 0, False

    def step(ctx, t):
        nonlocal begun, since, known
        again = t == 0 or not left[0]
        ctx.set(reset, int(again))
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 0)
        if again:
            if t:
                left.pop(0)
            since, known = t + 1, False
            return bool(left)
        if begun is None:
            kind, row, slot, *_ = left[0][0]
            if ctx.get(dut.i.ready):
                assert known or t - since == 1 << cfg.slot_bits, "all slots are cleared after a reset"
                known, begun = True, t
                ctx.set(dut.i.valid, 1)
                ctx.set(dut.i.payload, {"kind": kind, "row": row, "slot": slot})
        elif ctx.get(dut.o.valid):
            kind, row, slot, expected, cycles = left[0].pop(0)
            assert t - begun + 1 == cycles, (kind, row, slot)
            answer = ctx.get(dut.o.payload)
            if expected is not None:
                assert answer.there == (expected is not NONE), (kind, row, slot)
            if expected:
                assert (answer.row, answer.slot) == expected, (kind, row, slot)
            begun = None
        return True

    m = Module()
    m.submodules.dut = ResetInserter(reset)(dut)
    bench(m, step, limit=40_000)


def test_answers_and_their_cycles():
    run(CFG, [ASKED])


def program(cfg: RowsConfig, rng: np.random.Generator, n: int):
    """Of random rows, a few of which have a bucket to themselves and others none, as :data:`ASKED`."""
    chains: dict[int, list[tuple[int, int]]] = {}
    rows: dict[int, int] = {}  # by slot
    asked = []
    for _ in range(n):
        empty = [slot for slot in range(cfg.slots) if slot not in rows]
        kind = Find(int(rng.integers(4)))
        row, slot = int(rng.integers(cfg.rows)), int(rng.integers(cfg.slots))
        if rng.random() < 0.5:
            row = row >> cfg.slot_bits << cfg.slot_bits | int(rng.choice([0, 1]))
        known, found = rows.get(slot), next((s for s, r in rows.items() if r == row), None)
        chain = chains.setdefault((row if kind in (Find.FIND, Find.LINK) else known or 0) % (1 << cfg.slot_bits), [])
        if kind is Find.LINK:
            if found is not None or not empty:
                continue
            slot = int(rng.choice(empty))
            chain.insert(0, (row, slot))
            rows[slot] = row
            asked.append((kind, row, slot, None, N + 4))
        elif kind is Find.FIND:
            place = len(chain) if found is None else chain.index((row, found)) + 1
            asked.append((kind, row, slot, NONE if found is None else (row, found), at(place)))
        elif known is None or kind is Find.LOOK:
            asked.append((kind, row, slot, NONE if known is None else (known, slot), N + 4))
        else:
            before = chain.index((known, slot))
            del chain[before], rows[slot]
            asked.append((kind, row, slot, (known, slot), 2 * N + 6 + before * (N + 2)))
    return asked


def test_any_rows_in_any_slots():
    """Slots that are no power of two, more rows of a bucket, and of others; twice, each from where nothing is there."""
    cfg = RowsConfig(rows=60, slots=12, words=1, group_rows=4, groups=1)
    rng = np.random.default_rng(2)
    run(cfg, [program(cfg, rng, 700), program(cfg, rng, 200)])
