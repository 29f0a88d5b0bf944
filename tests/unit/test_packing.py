"""Packing and unpacking of elements: every width, pauses on both sides, ends that are padded."""

import numpy as np
import pytest

pytest.importorskip("amaranth")

from skipwalk.hw.unit.packing import Packer, Unpacker
from skipwalk.sim.arith.words import packed_run

from ..support.simulator import simulator_of

WIDTHS = (1, 7, 8, 18, 31, 32)


def streamed(dut, runs, pause_in, pause_out, seed=0):
    """What comes out of a component for runs of (select, payloads in, payloads expected), and in how many cycles."""
    rng = np.random.default_rng(seed)
    got, cycles, begun = [[] for _ in runs], 0, 0

    async def feed(ctx):
        nonlocal begun
        for run, (select, payloads, expected) in enumerate(runs):
            if hasattr(dut, "select"):
                ctx.set(dut.select, select)
            for payload in payloads:
                while rng.random() < pause_in:
                    await ctx.tick()
                ctx.set(dut.i.payload, payload)
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)
            while len(got[run]) < expected:
                await ctx.tick()
            if hasattr(dut, "clear"):
                ctx.set(dut.clear, 1)
                await ctx.tick()
                ctx.set(dut.clear, 0)
            begun += 1

    async def take(ctx):
        nonlocal cycles
        for run, (_, _, expected) in enumerate(runs):
            while len(got[run]) < expected:
                ready = rng.random() >= pause_out
                ctx.set(dut.o.ready, ready)
                _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
                cycles += 1
                if valid and ready:
                    got[run].append(payload)
            # What is left of an unpacker's last word is dropped before the next run.
            ctx.set(dut.o.ready, 0)
            while begun <= run:
                await ctx.tick()
        ctx.set(dut.o.ready, 1)
        for _ in range(5):
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            assert not valid

    simulator = simulator_of(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed)
    simulator.add_testbench(take)
    simulator.run()
    return got, cycles


@pytest.mark.parametrize(("pause_in", "pause_out"), [(0, 0), (0.5, 0), (0, 0.7), (0.4, 0.4)])
def test_unpacker(pause_in, pause_out):
    rng = np.random.default_rng(1)
    elements = [rng.integers(0, 1 << bits, n) for bits, n in zip(WIDTHS, (70, 9, 13, 33, 33, 5), strict=True)]
    runs = [(s, packed_run(e, WIDTHS[s]).tolist(), len(e)) for s, e in enumerate(elements)]
    got, cycles = streamed(Unpacker(WIDTHS), runs, pause_in, pause_out)
    for select, (found, want) in enumerate(zip(got, elements, strict=True)):
        assert [v & (1 << WIDTHS[select]) - 1 for v in found] == want.tolist(), WIDTHS[select]
    if not pause_in and not pause_out:
        # Two cycles for each word and one for each element; three between the runs.
        assert cycles <= sum(len(e) + 2 * len(words) + 3 for e, (_, words, _) in zip(elements, runs, strict=True))


@pytest.mark.parametrize(("pause_in", "pause_out"), [(0, 0), (0.5, 0), (0, 0.7), (0.4, 0.4)])
def test_packer(pause_in, pause_out):
    """The bits above an element's are set, and change nothing."""
    rng = np.random.default_rng(2)
    elements = [rng.integers(0, 1 << 32, n) for n in (70, 9, 13, 33, 33, 5, 64)]
    runs = []
    for select, run in enumerate(elements):
        select = min(select, len(WIDTHS) - 1)
        payloads = [{"element": int(v), "last": i == len(run) - 1} for i, v in enumerate(run)]
        runs.append((select, payloads, len(packed_run(run, WIDTHS[select]))))
    got, cycles = streamed(Packer(WIDTHS), runs, pause_in, pause_out)
    for (select, _, _), found, run in zip(runs, got, elements, strict=True):
        assert found == packed_run(run, WIDTHS[select]).tolist(), WIDTHS[select]
    if not pause_in and not pause_out:
        assert cycles <= sum(2 * len(e) + words + 3 for e, (_, _, words) in zip(elements, runs, strict=True))


def test_a_single_width_needs_no_choice():
    raw = np.arange(40) % 19
    words = packed_run(raw, 5).tolist()
    payloads = [{"element": int(v), "last": i == 39} for i, v in enumerate(raw)]
    assert streamed(Packer([5]), [(0, payloads, len(words))], 0, 0)[0] == [words]
    assert streamed(Unpacker([5]), [(0, words, 40)], 0, 0)[0] == [raw.tolist()]


@pytest.mark.parametrize("kind", [Packer, Unpacker])
def test_refuses(kind):
    with pytest.raises(ValueError, match="1 to 32 bits can be packed, not of 33"):
        kind([8, 33])
    with pytest.raises(ValueError, match="no width"):
        kind([])
