"""The walk loader and its groups, against plain Python: nodes, what walks give, groups handed over, tables."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from amaranth.hdl import Module
from amaranth.lib import wiring
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.front_end.groups import Groups
from skipwalk.hw.oselm.front_end.layouts import slot_bits
from skipwalk.hw.oselm.front_end.sampling import Sampling
from skipwalk.hw.oselm.front_end.walk_loader import WalkLoader
from skipwalk.hw.oselm.protocol import Opcode

from ...support.lora_blocks import bench

TINY = preset("tiny")
CLOSE = "close"


def walk(rows):
    """WALK: two rows a word."""
    pairs = [*rows, 0] if len(rows) % 2 else list(rows)
    return [Opcode.WALK << 28 | len(rows), *(a | b << 16 for a, b in zip(pairs[::2], pairs[1::2], strict=True))]


def table(entries):
    """WRITE_TABLE of (threshold, alias)."""
    return [Opcode.WRITE_TABLE << 28 | len(entries), *(int(v) for entry in entries for v in entry)]


class Plain:
    """What a loader has to do, command by command."""

    def __init__(self, cfg, sampling):
        self.cfg, self.sampling = cfg, sampling
        self.columns = self.rejected = 0
        self.entries, self.groups, self.group = {}, [], []

    def walk(self, rows):
        s, cfg = self.sampling, self.cfg
        sound = len(rows) <= cfg.max_walk and all(row < cfg.nodes for row in rows) and s.window > 0
        if not sound or (s.negatives and not self.columns):
            self.rejected += 1
            return
        positives = min(len(rows), s.window) - 1 if len(rows) > 1 else 0
        samples = positives * (1 + s.negatives) if s.per_positive else positives + s.negatives
        gives = (len(rows) - positives, positives, samples) if len(rows) > 1 else (0, None, None)
        self.group.append((tuple(rows), gives))
        if len(self.group) == s.walks:
            self.close()

    def close(self):
        if self.group:
            self.groups.append(self.group)
            self.group = []

    def table(self, entries):
        n = len(entries)
        if not 0 < n <= self.cfg.nodes:
            self.rejected += 1
            return
        self.columns = 0
        self.entries |= dict(enumerate(entries))
        if all(threshold < 1 << 24 and alias < n for threshold, alias in entries):
            self.columns = n
        else:
            self.rejected += 1


class Loading(wiring.Component):
    """A loader, and the groups that it fills."""

    def __init__(self, cfg):
        self.loader, self.groups = WalkLoader(cfg), Groups(cfg)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.loader, m.submodules.groups = self.loader, self.groups
        wiring.connect(m, self.loader.fill, self.groups.fillers[0])
        m.d.comb += self.groups.rules.sampling.eq(self.loader.rules.sampling)
        return m


def commands(cfg, rng):
    """Walks of every length, too long ones and ones with rows that are not there; tables good and bad; closings."""
    out = []
    for _ in range(120):
        kind = rng.random()
        if kind < 0.75:
            n = int(rng.choice([0, 1, 2, 3, 5, cfg.max_walk - 1, cfg.max_walk, cfg.max_walk + 1, cfg.max_walk + 6]))
            rows = rng.integers(0, cfg.nodes, n)
            if n and rng.random() < 0.15:
                rows[rng.integers(n)] = rng.choice([cfg.nodes, 65535])
            out.append(("walk", rows.tolist()))
        elif kind < 0.9:
            n = int(rng.choice([0, 1, 7, cfg.nodes, cfg.nodes + 1]))
            entries = np.stack([rng.integers(0, 1 << 24, n), rng.integers(0, max(n, 1), n)], axis=1)
            if n and rng.random() < 0.4:
                entries[rng.integers(n)] = (1 << 24, 0) if rng.random() < 0.5 else (0, n)
            out.append(("table", [tuple(e) for e in entries.tolist()]))
        else:
            out.append((CLOSE, None))
    return [*out, (CLOSE, None)]


@pytest.mark.parametrize(("gap", "late"), [(0.0, 0.0), (0.6, 0.0), (0.0, 0.95)])
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(window=4, negatives=2, per_positive=False, walks=2),
        Sampling(window=3, negatives=1, per_positive=True, walks=1),
        Sampling(window=2, negatives=0, per_positive=False, walks=4),
        Sampling(window=0, negatives=0, per_positive=False, walks=1),
    ],
    ids=str,
)
def test_walk_loader(sampling, gap, late):
    """With pauses before words, and groups that are let go late."""
    cfg = TINY.replace(walks=4, max_walk=9, nodes=12)
    rng = np.random.default_rng(7)
    plain, program = Plain(cfg, sampling), commands(cfg, rng)
    for name, argument in program:
        getattr(plain, name)(*([] if argument is None else [argument]))
    top, slots = Loading(cfg), slot_bits(cfg)
    dut, held = top.loader, top.groups.use
    nodes, groups, entries = {}, [], {}
    state = {"words": [], "at": 0, "offers": False, "full": 0, "rejected": 0, "quiet": 0}

    def look_at_groups(ctx, full):
        """A group that was just handed over, as its memories hold it then."""
        for g in range(2):
            if full >> g & 1 and not state["full"] >> g & 1:
                group = []
                for slot in range(ctx.get(held.walks[g])):
                    ctx.set(held.walk_address, slot | g << slots)
                    w = ctx.get(held.walk)
                    contexts, positives, samples = w.contexts, w.positives, w.samples
                    n = contexts + positives if contexts else None
                    rows = tuple(nodes[g, slot, i] for i in range(n)) if n else None
                    group.append((rows, (contexts, positives, samples)))
                groups.append(group)

    def step(ctx, t):
        ctx.set(dut.rules.sampling, {name: int(getattr(sampling, name)) for name in
                               ("window", "negatives", "per_positive", "walks")})  # fmt: skip
        ctx.set(dut.rules.settled, int(t % 3 != 1))
        busy = ctx.get(dut.turn.busy)
        ctx.set(dut.turn.close, 0)
        if not state["words"] and not state["offers"] and not busy and t % 2 and state["at"] < len(program):
            name, argument = program[state["at"]]
            state["at"] += 1
            if name == CLOSE:
                ctx.set(dut.turn.close, 1)
            else:
                state["words"] = (walk if name == "walk" else table)(argument)
        if not state["offers"]:
            state["offers"] = bool(state["words"]) and rng.random() >= gap
        ctx.set(dut.turn.work.valid, int(state["offers"]))
        if state["offers"]:
            ctx.set(dut.turn.work.payload, state["words"][0])
        full = ctx.get(held.full)
        look_at_groups(ctx, full)
        state["full"] = full
        free = sum((full >> g & 1 and rng.random() >= late) << g for g in range(2))
        ctx.set(held.free, free)
        ctx.set(dut.rules.drawable, int(sampling.negatives == 0 or ctx.get(dut.table.columns) != 0))
        if ctx.get(dut.fill.node_en):
            a = ctx.get(dut.fill.address)
            assert not full >> a.group & 1, "a group in use is written"
            nodes[a.group, a.slot, a.index] = ctx.get(dut.fill.node)
        if ctx.get(dut.table.en):
            entries[ctx.get(dut.table.column)] = (ctx.get(dut.table.threshold), ctx.get(dut.table.alias))
        state["rejected"] += ctx.get(dut.rejected)
        if state["offers"] and ctx.get(dut.turn.work.ready):
            state["words"].pop(0)
            state["offers"] = False
        moved = state["words"] or busy or full or ctx.get(dut.turn.pending) or state["at"] < len(program)
        state["quiet"] = 0 if moved else state["quiet"] + 1
        if state["quiet"] > 5:
            state["columns"] = ctx.get(dut.table.columns)
        return state["quiet"] <= 5

    bench(top, step)
    assert state["rejected"] == plain.rejected
    assert state["columns"] == plain.columns
    assert len(groups) == len(plain.groups)
    for got, want in zip(groups, plain.groups, strict=True):
        assert len(got) == len(want)
        for (rows, numbers), (wanted_rows, wanted_numbers) in zip(got, want, strict=True):
            assert numbers[0] == wanted_numbers[0]
            if numbers[0]:
                assert (rows, numbers) == (wanted_rows, wanted_numbers)
    if plain.columns:
        assert {c: entries[c] for c in range(plain.columns)} == {c: plain.entries[c] for c in range(plain.columns)}
