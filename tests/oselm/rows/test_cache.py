"""The cache of rows in gateware: whoever uses its slots finds what the rows would hold if all were on the chip."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module, ResetInserter, Signal
from skipwalk.hw.oselm.rows.cache import RowCache
from skipwalk.hw.oselm.rows.config import RowsConfig
from skipwalk.hw.oselm.rows.layouts import Kind
from skipwalk.sim.oselm.rows.directory import RowDirectory

from ...support.lora_blocks import bench
from ...support.memory_port import PlainPort

SHAPE = {"rows": 60, "words": 3, "pool": 4, "group_rows": 8, "groups": 3}
_MASK = 0xFFFFFFFF


def program(cfg: RowsConfig, rng: np.random.Generator, groups: int, hot: int):
    """(kind, row) of the cache's work, END between groups; a DROP names the row whose slot goes."""
    ops, pool = [], []
    for _ in range(groups):
        for _ in range(cfg.group_rows):
            row = int(rng.integers(0, hot if rng.random() < 0.6 else cfg.rows))
            if rng.random() < 0.4:
                ops.append((Kind.POOL, row))
                pool.append(row)
                if len(pool) > cfg.pool:
                    ops.append((Kind.DROP, pool.pop(0)))
            else:
                ops.append((Kind.WALK, row))
        ops.append((Kind.END, 0))
    return ops


class User:
    """Asks for rows, and uses those of a group once it is complete: reads and changes each of them, in order; the pool
    as the group left it besides. ``slow``: how often it does nothing."""

    def __init__(self, dut, cfg: RowsConfig, ops, rng: np.random.Generator, slow: float):
        self.dut, self.cfg, self.rng, self.slow = dut, cfg, rng, slow
        self.ops = list(ops)
        self.memory = PlainPort(dut.memory, rng, slow)
        self.plain = {row: [0] * cfg.words for row in range(cfg.rows)}
        self.store = [[int(x) for x in rng.integers(0, 1 << 30, cfg.words)] for _ in range(cfg.slots)]
        self.group: list[tuple[int, int]] = []
        self.pool: list[tuple[int, int]] = []
        self.fetched: list[list[tuple[int, int]]] = []
        self.asked: list[tuple[Kind, int]] = []  # whose slots are awaited
        self.complete = self.used = self.fill_at = self.flushed = 0
        self.reading: list[int] | None = None
        self.seen: dict[int, int] = {}
        self.most_waiting = False
        self._shown = self._words = False

    @property
    def done(self) -> bool:
        return not self.ops and not self.fetched and not self.group and self.flushed > 0

    def _next(self) -> tuple[int, int] | None:
        if not self.ops:
            return None
        kind, row = self.ops[0]
        if kind is Kind.DROP:
            # Its slot has to be known, and that of all rows before it, so that the pool is in order.
            if self.asked:
                return None
            return kind, self.pool[0][1]
        if kind is Kind.END and self.asked:
            return None
        if kind is Kind.FLUSH and self.used < self.n_groups:
            return None
        return kind, row

    def step(self, ctx) -> None:
        dut, rng = self.dut, self.rng
        may = [bool(rng.random() >= self.slow) for _ in range(5)]
        self.memory.drive(ctx)
        op = self._next()
        self._shown = op is not None and (self._shown or may[0])
        ctx.set(dut.ops.valid, int(self._shown))
        if self._shown:
            ctx.set(dut.ops.payload, {"kind": op[0], "row": op[1]})
        ctx.set(dut.slots.ready, int(may[1]))
        ctx.set(dut.evicted.slot.ready, int(may[2] and self.reading is None))
        self._words = bool(self.reading) and (self._words or may[3])
        ctx.set(dut.evicted.words.valid, int(self._words))
        if self._words:
            ctx.set(dut.evicted.words.payload, self.reading[0])
        ctx.set(dut.fills.ready, int(may[4]))
        uses = self.complete > self.used and bool(rng.random() >= self.lazy)
        ctx.set(dut.release, int(uses))
        # All is driven; what follows happens at the end of the cycle.
        self.memory.take(ctx)
        if may[1] and ctx.get(dut.slots.valid):
            self._given(ctx.get(dut.slots.payload))
        if self._shown and ctx.get(dut.ops.ready):
            self._taken()
        if uses:
            self._use(self.fetched.pop(0))
        self._move(ctx, may)
        self.most_waiting |= bool(ctx.get(dut.waiting))

    def _given(self, slot: int) -> None:
        kind, row = self.asked.pop(0)
        self.group.append((row, slot))
        self.seen[row] = slot
        if kind is Kind.POOL:
            self.pool.append((row, slot))

    def _taken(self) -> None:
        self._shown = False
        kind, row = self.ops.pop(0)
        if kind is Kind.DROP:
            self.pool.pop(0)
        elif kind is Kind.END:
            self.fetched.append([*self.group, *self.pool])
            self.group = []
        elif kind is not Kind.FLUSH:
            self.asked.append((kind, row))

    def _use(self, rows) -> None:
        self.used += 1
        for row, slot in rows:
            assert self.store[slot] == self.plain[row], f"row {row} in slot {slot}"
            for values in (self.store[slot], self.plain[row]):
                values[:] = [(5 * x + row + i + 1) & _MASK for i, x in enumerate(values)]

    def _move(self, ctx, may) -> None:
        """Words of slots that go and come."""
        dut = self.dut
        if self._words and ctx.get(dut.evicted.words.ready):
            self.reading.pop(0)
            self._words = False
            self.reading = self.reading or None
        elif may[2] and self.reading is None and ctx.get(dut.evicted.slot.valid):
            self.reading = list(self.store[ctx.get(dut.evicted.slot.payload)])
        if may[4] and ctx.get(dut.fills.valid):
            word = dut.fills.payload
            self.store[ctx.get(word.slot)][self.fill_at] = ctx.get(word.data)
            self.fill_at += 1
            assert (self.fill_at == self.cfg.words) == bool(ctx.get(word.last))
            self.fill_at %= self.cfg.words
        if ctx.get(dut.marked):
            if self.complete < self.n_groups:
                self.complete += 1
            else:
                self.flushed += 1

    n_groups = 0
    #: How often a group that is complete is not used yet.
    lazy = 0.0


def run(cfg: RowsConfig, ops, seed: int, slow: float, lazy: float = 0.0, resets=()):
    """The user at the end, all rows flushed; ``resets`` at these cycles, after each of which all begins anew."""
    rng = np.random.default_rng(seed)
    dut = RowCache(cfg)
    reset = Signal()
    begun, left = 0, list(resets)

    def user():
        new = User(dut, cfg, [*ops, (Kind.FLUSH, 0)], rng, slow)
        new.n_groups, new.lazy = sum(kind is Kind.END for kind, _ in ops), lazy
        return new

    now = user()

    def step(ctx, t):
        nonlocal now, begun
        again = bool(left) and t - begun == left[0]
        ctx.set(reset, int(again))
        if again:
            left.pop(0)
            begun = t + 1
            now = user()
            for stream in (dut.ops, dut.memory.read, dut.evicted.words):
                ctx.set(stream.valid, 0)
            ctx.set(dut.release, 0)
            return True
        now.step(ctx)
        return not now.done

    m = Module()
    m.submodules.dut = ResetInserter(reset)(dut)
    bench(m, step, limit=60_000)
    return now


@pytest.mark.parametrize(
    ("spare", "slow", "lazy"), [(0, 0, 0.998), (0, 0.5, 0.5), (1, 0.2, 0.9), (7, 0, 0), (40, 0.3, 0)]
)
def test_users_find_their_rows(spare, slow, lazy):
    """From the least number of slots on, whoever is slow; in the end memory has all rows."""
    cfg = RowsConfig(slots=12 + spare, **SHAPE)
    rng = np.random.default_rng(spare)
    user = run(cfg, program(cfg, rng, 10, hot=5 if spare == 7 else 60), spare, slow, lazy)
    assert user.used == 10
    for row, values in user.plain.items():
        assert [user.memory.words.get(row * cfg.words + i, 0) for i in range(cfg.words)] == values
    if not spare and not slow:
        assert user.most_waiting, "a group waited for those before it"


def test_slots_are_those_of_the_model_where_time_does_not_matter():
    """One group at a time: then it is known who uses what when a slot is asked for."""
    cfg = RowsConfig(slots=14, **{**SHAPE, "pool": 0})
    rng = np.random.default_rng(3)
    ops = [(Kind.WALK, int(row)) for row in rng.integers(0, 60, 14)] + [(Kind.END, 0)]
    user = run(cfg, ops, 0, 0.0)
    model = RowDirectory(cfg)
    expected = {row: model.look_up(row) for kind, row in ops if kind is Kind.WALK}
    assert user.seen == expected


def test_after_a_reset_no_row_has_a_slot():
    cfg = RowsConfig(slots=13, **SHAPE)
    rng = np.random.default_rng(8)
    user = run(cfg, program(cfg, rng, 4, hot=20), 1, 0.1, resets=(3, 100, 257, 700))
    assert user.used == 4
