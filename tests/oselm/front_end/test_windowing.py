"""Windowing alone: the items of every context, in the order that plain Python gives, and groups kept until they are
done with."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.front_end.layouts import slot_bits
from skipwalk.hw.oselm.front_end.windowing import Windowing

from ...support.lora_blocks import bench

TINY = preset("tiny")


def shape(nodes, window, negatives, per_positive):
    """(contexts, positives, samples) of a walk."""
    positives = min(nodes, window) - 1 if nodes > 1 else 0
    each = positives if per_positive else 1
    return (nodes - positives if nodes > 1 else 0, positives, positives + each * negatives)


def expected(groups, first):
    """Items of groups of walks, each (contexts, positives, samples): what Windowing gives, in order."""
    items = []
    for g, walks in enumerate(groups):
        for t in range(max(contexts for contexts, _, _ in walks)):
            for slot, (contexts, positives, samples) in enumerate(walks):
                if t >= contexts:
                    continue
                number = (first + slot) & 0xFFFFFFFF
                for i in range(samples + 1):
                    j = i - 1 - positives
                    where = (t + i, slot, g % 2) if j < 0 else None
                    counter = number << 32 | t << 16 | j if j >= 0 else None
                    items.append((i == 0, j >= 0, i == samples, where, counter))
        first += len(walks)
    return items


def items_of(cfg, groups, first, go, late=0.0, slow=0.0, seed=0):
    """What Windowing gives, and for each group the item after which it was let go; in how many cycles.

    A group's memory is made unreadable as soon as the group is free. With ``slow`` its nodes come one after another,
    each walk at a pace of its own.
    """
    rng = np.random.default_rng(seed)
    dut = Windowing(cfg)
    slots = slot_bits(cfg)
    waiting, held, there = list(groups), [None, None], [[], []]
    got, freed = [], []
    turn = 0

    def step(ctx, t):
        nonlocal turn
        ctx.set(dut.next_walk.en, int(t == 0))
        ctx.set(dut.next_walk.value, first)
        # Groups are handed over in turn, as the loader does, as soon as there is room, or later.
        if t > 2 and waiting and held[turn] is None and rng.random() >= late:
            held[turn] = waiting.pop(0)
            there[turn] = [0 if slow else cfg.max_walk for _ in held[turn]]
            turn ^= 1
        ctx.set(dut.groups.full, sum((held[i] is not None) << i for i in range(2)))
        for i in range(2):
            ctx.set(dut.groups.walks[i], len(held[i] or ()))
        ctx.set(dut.items.go, int(rng.random() < go))
        address = ctx.get(dut.groups.walk_address)
        group, slot = held[address >> slots], address & (1 << slots) - 1
        contexts, positives, samples = group[slot] if group and slot < len(group) else (0, 0, 0)
        ctx.set(dut.groups.walk, {"contexts": contexts, "positives": positives, "samples": samples})
        ctx.set(dut.groups.there, there[address >> slots][slot] if samples else 0)
        for counts in there:
            counts[:] = [min(n + int(rng.random() >= slow), cfg.max_walk) for n in counts]
        if cfg.pool:
            clear = ctx.get(dut.draws.wanted) & ctx.get(dut.draws.clear)
            ctx.set(dut.draws.done, clear)
            # A new row goes into the pool at once; the item that comes now looks for its own there in the same cycle.
            assert not (clear and ctx.get(dut.items.valid)), f"the pool changes under item {len(got)}"
        if ctx.get(dut.items.valid):
            a, negative = ctx.get(dut.items.address), ctx.get(dut.items.negative)
            where = None if negative else (a.index, a.slot, a.group)
            assert where is None or held[a.group] is not None, f"item {len(got)} is of a group that was let go"
            assert where is None or a.index < there[a.group][a.slot], f"item {len(got)} has not come yet"
            counter = ctx.get(dut.items.counter) & (1 << 64) - 1 if negative else None
            got.append((bool(ctx.get(dut.items.centre)), bool(negative), bool(ctx.get(dut.items.ends)), where, counter))
        free = ctx.get(dut.groups.free)
        for i in range(2):
            if free >> i & 1:
                assert held[i] is not None, "a group was let go twice"
                held[i] = None
                freed.append(len(got))
        # Later than a cycle after it stands nothing in the pipeline any more.
        return bool(waiting or held != [None, None] or ctx.get(dut.busy))

    cycles = bench(dut, step)
    return got, freed, cycles


@pytest.mark.parametrize("go", [1.0, 0.6, 0.1])
@pytest.mark.parametrize("walks", [1, 3])
@pytest.mark.parametrize("per_positive", [False, True])
def test_windowing(go, walks, per_positive):
    """Walks of no context, of one, of many; groups of few walks; numbers that wrap."""
    cfg = TINY.replace(walks=walks)
    rng = np.random.default_rng(walks)
    lengths = [1, 2, 3, 4, 0, 1, 9, 30, 2, 5, 1, 1, 1, *rng.integers(0, 12, 20).tolist()]
    groups, at = [], 0
    while at < len(lengths):
        n = int(rng.integers(1, walks + 1))
        groups.append([shape(v, 4, 1 if per_positive else 2, per_positive) for v in lengths[at : at + n]])
        at += n
    first = 2**32 - 5
    want = expected(groups, first)
    for slow in (0.0, 0.9):
        got, freed, _ = items_of(cfg, groups, first, go, late=0.5, slow=slow, seed=walks)
        assert got == want
        assert len(freed) == len(groups)


@pytest.mark.parametrize("window", [2, 3, 4])
def test_a_group_is_kept_until_its_last_context_is_given(window):
    """Walks of exactly a window, one in flight, and a slow consumer: the only context of a group has been found long
    before it is given, and all that is between is that it lies ahead."""
    cfg = TINY.replace(walks=1)
    groups = [[shape(window, window, 2, False)] for _ in range(120)]
    got, freed, _ = items_of(cfg, groups, 0, go=0.1)
    want = expected(groups, 0)
    assert got == want
    each = len(want) // 120
    # The item that is given in this very cycle comes out in the next.
    assert all(items >= each * (i + 1) - 1 for i, items in enumerate(freed))


@pytest.mark.parametrize("go", [1.0, 0.3])
def test_the_pool_is_renewed_after_the_last_look(go):
    """Groups of a context or two, each of which may change the pool while the items before it are on their way."""
    cfg = TINY.replace(walks=2, pool=16)
    groups = [[shape(nodes, 2, 2, False), shape(3, 2, 2, False)] for nodes in (2, 3, 2, 5) * 20]
    got, freed, _ = items_of(cfg, groups, 0, go)
    assert got == expected(groups, 0)
    assert len(freed) == len(groups)


def test_an_item_a_cycle():
    """Contexts of many samples follow each other without a gap, from walk to walk and group to group."""
    cfg = TINY.replace(walks=2)
    groups = [[shape(12, 4, 4, False)] * 2 for _ in range(6)]
    got, _, cycles = items_of(cfg, groups, 0, go=1.0)
    assert got == expected(groups, 0)
    assert cycles <= len(got) + 20
