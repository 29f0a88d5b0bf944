"""The generator that all share, the queue of a walk's draws, and what is made of a draw."""

import numpy as np
import pytest
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.front_end.threefry import Threefry
from skipwalk.hw.oselm.graph.candidates import Candidates, share_bits
from skipwalk.hw.oselm.graph.draws import DrawQueue, Draws, Key

from ...support.graph_service import KEYS, Service, bits_at
from ...support.queries import Bench

TINY = preset("tiny").replace(edge_ends=1024)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_negatives_are_never_refused_and_all_others_come_between(share):
    rng = np.random.default_rng(int(share * 10))
    dut = Draws()
    bench = Bench(dut)
    bench.drive(keys=sum(key << 64 * n for n, key in enumerate(KEYS)))
    urgent = [(n, int(rng.integers(0, 1 << 62))) for n in range(150) if rng.random() < share]
    seen = {}

    async def negatives(ctx):
        counters = dict(urgent)
        for n in range(150 + dut.latency):
            ctx.set(dut.urgent, int(n in counters))
            ctx.set(dut.counter, counters.get(n, 0))
            *_, seen[n] = await ctx.tick().sample(dut.o)

    bench.testbench(negatives)
    requests = [{"counter": int(rng.integers(0, 1 << 62)), "key": int(rng.integers(1, len(Key)))} for _ in range(40)]
    bench.source(dut.port.request, requests)
    got = bench.watch(dut.port.response.valid, dut.port.response.payload, len(requests))
    bench.run()
    assert got == [bits_at(KEYS[request["key"]], request["counter"]) for request in requests]
    for n, counter in urgent:
        assert seen[n + dut.latency] == bits_at(KEYS[0], counter)


def test_a_generator_needs_a_key():
    with pytest.raises(ValueError, match="at least one key, not 0"):
        Threefry(0)


@pytest.mark.parametrize("gap", [0.0, 0.5])
def test_a_queue_gives_the_draws_of_its_walk_in_order(gap):
    """Also where the next walk begins while draws of the one before are under way."""
    service, dut = Service(TINY, None), DrawQueue()
    bench = Bench(dut, gap=gap, seed=2)
    service.serve(bench, dut.port, "draws", 20)
    got, walks = [], [(7, 12), (0xFFFF_FFFF, 0), (8, 1), (9, 30)]

    async def take(ctx):
        for number, n in walks:
            ctx.set(dut.number, number)
            ctx.set(dut.begin, 1)
            await ctx.tick()
            ctx.set(dut.begin, 0)
            for _ in range(n):
                while bench.pauses():
                    await ctx.tick()
                ctx.set(dut.o.ready, 1)
                *_, bits = await ctx.tick().sample(dut.o.payload).until(dut.o.valid)
                ctx.set(dut.o.ready, 0)
                got.append(bits)

    bench.testbench(take)
    bench.run()
    assert got == [bits_at(KEYS[1], number << 32 | j + 1) for number, n in walks for j in range(n)]


@pytest.mark.parametrize("weight_bits", [0, 24])
def test_shares_and_limits(weight_bits):
    cfg = TINY.replace(weight_bits=weight_bits)
    rng = np.random.default_rng(weight_bits)
    limits = (0xFFFF_FFFF, 1 << 31, 0)
    dut = Candidates(cfg)
    service = Service(cfg, None, limits)
    bench = Bench(dut)
    bench.drive(limits=list(limits))
    top = (1 << share_bits(cfg)) - 1
    ends = [0, 1, 1 << 31, (1 << 31) + 1, 0xFFFF_FFFF]
    requests = [{"bits": high << 32 | low, "n": n} for high in ends for low in ends for n in (0, 1, top)]
    requests += [{"bits": int(rng.integers(0, 1 << 63)), "n": int(rng.integers(0, top))} for _ in range(50)]
    bench.source(dut.port.request, requests)
    response = dut.port.response
    got = bench.watch(response.valid, response.payload, len(requests))
    cycles = bench.run()
    layout = response.payload.shape()
    want = [service.candidates(layout_of(dut, request)) for request in requests]
    assert [(c.share, c.accepts) for c in got] == [(w["share"], w["accepts"]) for w in want]
    assert layout.size == share_bits(cfg) + 3
    assert cycles <= len(requests) + dut.latency + 3


def layout_of(dut, request):
    return dut.port.request.payload.shape().const(request)
