"""Runs in the simulator, started by test_context_queue.py: words of contexts in, whole contexts and samples out."""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, ReadOnly, Timer
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.context_queue import ContextLayout
from skipwalk.hw.oselm.ops import SampleLayout

from tests.support.runner import parameters
from tests.support.streams import StreamSink, assert_same, start, wait

CFG = CoreConfig.from_dict(parameters()["cfg"])


def random_contexts(rng, n):
    """(centre, [(row, label, sound), ...]); a sample that is not sound was dropped by the interpreter."""
    nodes = int(rng.choice([3, 12, CFG.nodes]))
    out = []
    for _ in range(n):
        count = int(rng.integers(0, CFG.max_samples + 1))
        samples = [(int(rng.integers(0, nodes)), int(rng.integers(0, 2)), rng.random() < 0.9) for _ in range(count)]
        out.append((int(rng.integers(0, nodes)), samples))
    return out


def expected(contexts, before=()):
    """Contexts and samples as they have to come, from a list of all rows so far."""
    rows, centres, samples = list(before), [], []

    def latest(row):
        window = rows[-CFG.ring :]
        if row not in window:
            return 0, None
        return 1, (len(rows) - 1 - window[::-1].index(row)) % CFG.ring

    for centre, listed in contexts:
        found = (centre, sum(sound for *_, sound in listed), *latest(centre))
        begin = len(rows)
        for row, label, sound in listed:
            if sound:
                hit, source = latest(row)
                # The same row within the context.
                repeat = int(row in rows[begin:])
                samples.append((row, label, len(rows) % CFG.ring, hit, source, repeat))
                rows.append(row)
        centres.append(found)
    return centres, samples, rows


async def feed(dut, contexts, rng, gap):
    """The words of contexts as the interpreter offers them: only while ``ready``."""
    words = []
    for centre, listed in contexts:
        words.append({"centre": 1, "row": centre, "ends": int(not listed)})
        for i, (row, label, sound) in enumerate(listed):
            ends = int(i == len(listed) - 1)
            words.append({"sample": int(sound), "row": row, "label": label, "ends": ends})
    for word in words:
        while True:
            for name in ("centre", "sample", "row", "label", "ends"):
                getattr(dut, f"i__{name}").value = 0
            await ReadOnly()
            ready = bool(dut.i__ready.value)
            if ready and rng.random() >= gap:
                break
            await FallingEdge(dut.clk)
        # ``ready`` is a register: what was read holds for the rest of this cycle.
        await Timer(1, "ns")
        for name, value in word.items():
            getattr(dut, f"i__{name}").value = value
        await FallingEdge(dut.clk)
        for name in word:
            getattr(dut, f"i__{name}").value = 0


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(gap=[0.0, 0.5], slow=[0.0, 0.9], seed=[1, 2])
async def contexts_come_whole(dut, gap, slow, seed):
    rng = np.random.default_rng(seed)
    dut.clear.value = 0
    contexts = random_contexts(rng, 60)
    centres, samples, _ = expected(contexts)
    # What an earlier test left in the queue goes with the reset.
    await start(dut)
    heads = StreamSink(dut, "contexts", shape=ContextLayout(CFG), gap=slow, seed=seed)
    tails = StreamSink(dut, "samples", shape=SampleLayout(CFG), gap=slow, seed=seed)
    cocotb.start_soon(feed(dut, contexts, rng, gap))
    got = await heads.receive(len(centres))
    assert_same([(c.row, c.count, c.hit) for c in got], [c[:3] for c in centres], seed=seed)
    hits = [i for i, c in enumerate(centres) if c[2]]
    assert_same([got[i].source for i in hits], [centres[i][3] for i in hits], seed=seed)
    got = await tails.receive(len(samples))
    assert_same([(s.row, s.label, s.n, s.hit, s.repeat) for s in got], [(*s[:4], s[5]) for s in samples], seed=seed)
    hits = [i for i, s in enumerate(samples) if s[3]]
    assert_same([got[i].source for i in hits], [samples[i][4] for i in hits], seed=seed)
    await heads.silent(20)
    await tails.silent(1)
    assert bool(dut.empty.value)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def nothing_is_lost_when_nobody_takes(dut):
    """The queue fills up, says so in time, and gives all of it later."""
    rng = np.random.default_rng(5)
    dut.clear.value = 0
    full = [(1, [(int(rng.integers(0, CFG.nodes)), 1, True) for _ in range(CFG.max_samples)]) for _ in range(40)]
    dut.contexts__ready.value = dut.samples__ready.value = 0
    await start(dut)
    feeding = cocotb.start_soon(feed(dut, full, rng, 0.0))
    await wait(dut, 60 + 2 * CFG.queue)
    assert not bool(dut.i__ready.value)
    assert not feeding.done()
    heads = StreamSink(dut, "contexts", shape=ContextLayout(CFG))
    tails = StreamSink(dut, "samples", shape=SampleLayout(CFG))
    assert len(await heads.receive(40)) == 40
    assert_same([s.row for s in await tails.receive(40 * CFG.max_samples)], [s[0] for _, c in full for s in c])


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def enough_contexts_wait_for_the_lookahead(dut):
    """All samples of the contexts that a sequencer has to see at once fit, with no one taking samples."""
    rng = np.random.default_rng(6)
    dut.clear.value = 0
    seen = CFG.lookahead + 1
    full = [(1, [(int(rng.integers(0, CFG.nodes)), 1, True) for _ in range(CFG.max_samples)]) for _ in range(seen)]
    dut.samples__ready.value = 0
    await start(dut)
    heads = StreamSink(dut, "contexts", shape=ContextLayout(CFG))
    await feed(dut, full, rng, 0.0)
    assert len(await heads.receive(seen)) == seen


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def clear_forgets_rows(dut):
    rng = np.random.default_rng(7)
    dut.clear.value = 0
    await start(dut)
    heads = StreamSink(dut, "contexts", shape=ContextLayout(CFG))
    tails = StreamSink(dut, "samples", shape=SampleLayout(CFG))
    one = [(3, [(4, 1, True)])]
    for hit in (0, 1):
        await feed(dut, one, rng, 0.0)
        await heads.receive(1)
        assert (await tails.receive(1))[0].hit == hit
    dut.clear.value = 1
    await wait(dut, 1)
    dut.clear.value = 0
    await feed(dut, one, rng, 0.0)
    assert (await heads.receive(1))[0].hit == 0
    assert (await tails.receive(1))[0].hit == 0
