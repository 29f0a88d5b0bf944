"""Starts in gateware: the rows of the golden model, in all three kinds of commands."""

import numpy as np
import pytest
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.starts import StartKind, Starts
from skipwalk.sim.oselm.graph.starts import round_starts

from ...support.graph_service import KEYS, Service, random_store
from ...support.queries import Bench

TINY = preset("tiny").replace(edge_ends=1024)


def rig(cfg, store, gap=0.0):
    service, dut = Service(cfg, store), Starts(cfg)
    bench = Bench(dut, gap=gap, seed=3)
    bench.drive(dut.extent, rows=store.rows, open=int(store.open))
    service.serve(bench, dut.draws, "draws", 20)
    service.serve(bench, dut.headers, "headers")
    return dut, bench


@pytest.mark.parametrize("gap", [0.0, 0.4])
@pytest.mark.parametrize("nodes", [2, 5, 33, 64])
def test_rounds_of_the_golden_model(nodes, gap):
    rng = np.random.default_rng(nodes)
    store = random_store(TINY.replace(nodes=nodes), rng, nodes=nodes)
    if not store.arrays.degree.any():
        store.add_edge(0, 1)
    # Into the third round, or, of many nodes, into the second.
    n = int((2.4 if nodes < 64 else 1.2) * (store.arrays.degree > 0).sum())
    want = round_starts(store.arrays, KEYS[2], 0, 0, n).rows
    dut, bench = rig(TINY.replace(nodes=nodes), store, gap)
    # Where one command ends, the next one goes on.
    bench.source(dut.port.commands, [{"kind": StartKind.ROUND, "count": count} for count in (n // 2, 0, n - n // 2)])
    got = bench.sink(dut.port.rows, n)
    bench.run()
    assert got == want.tolist()


@pytest.mark.parametrize(("round_", "place"), [(0xFFFF_FFFF, 60), (7, 0xFFFFF), (7, 63)])
def test_a_round_and_a_place_that_have_been_set(round_, place):
    store = random_store(TINY, np.random.default_rng(1))
    want = round_starts(store.arrays, KEYS[2], round_, place, 12).rows
    dut, bench = rig(TINY, store)

    async def write(ctx):
        for port, value in ((dut.place.set_round, round_), (dut.place.set_place, place)):
            ctx.set(dut.place.value, value)
            ctx.set(port, 1)
            await ctx.tick()
            ctx.set(port, 0)
        ctx.set(dut.port.commands.payload, {"kind": StartKind.ROUND, "count": 12})
        ctx.set(dut.port.commands.valid, 1)
        await ctx.tick()
        ctx.set(dut.port.commands.valid, 0)

    bench.testbench(write)
    got = bench.sink(dut.port.rows, 12)
    bench.run()
    assert got == want.tolist()


def test_given_rows_but_those_without_an_edge():
    store = random_store(TINY, np.random.default_rng(2))
    degree = store.arrays.degree
    alone, some = int(np.flatnonzero(degree == 0)[0]), np.flatnonzero(degree)[:2].tolist()
    dut, bench = rig(TINY, store)
    commands = [
        {"kind": StartKind.START, "count": 3, "u": some[0]},
        {"kind": StartKind.START, "count": 3, "u": alone},
        {"kind": StartKind.START, "count": 3, "u": TINY.nodes + some[0]},
        {"kind": StartKind.ENDS, "count": 2, "u": some[0], "v": some[1]},
        {"kind": StartKind.ENDS, "count": 2, "u": alone, "v": some[1]},
        {"kind": StartKind.ENDS, "count": 0, "u": some[0], "v": some[1]},
        {"kind": StartKind.ENDS, "count": 1, "u": some[1], "v": alone},
    ]
    bench.source(dut.port.commands, commands)
    want = [some[0]] * 3 + some * 2 + [some[1]] * 3
    got = bench.sink(dut.port.rows, len(want))
    bench.run()
    assert got == want


def test_a_graph_without_edges_gives_up_after_a_whole_round():
    for edges in (False, True):
        store = random_store(TINY, np.random.default_rng(0))
        store.clear()
        store.make_known(0, 7)
        if edges:
            store.add_edge(3, 6)
        dut, bench = rig(TINY, store)
        bench.source(dut.port.commands, [{"kind": StartKind.ROUND, "count": 3}] * 2)
        dropped = bench.watch(dut.port.dropped, dut.port.dropped, 0 if edges else 2)
        got = bench.sink(dut.port.rows, 6 if edges else 0)
        bench.run()
        assert len(dropped) == (0 if edges else 2)
        assert got == round_starts(store.arrays, KEYS[2], 0, 0, 6).rows.tolist()


def test_before_the_store_is_open_no_row_has_an_edge():
    store = random_store(TINY, np.random.default_rng(3))
    dut, bench = rig(TINY, store)
    row = int(np.flatnonzero(store.arrays.degree)[0])
    bench.drive(dut.extent, open=0)
    commands = [{"kind": StartKind.START, "count": 2, "u": row}, {"kind": StartKind.START, "count": 0}]
    bench.source(dut.port.commands, commands)
    offered = []

    async def look(ctx):
        for _ in range(80):
            *_, valid = await ctx.tick().sample(dut.port.rows.valid)
            offered.append(valid)

    bench.testbench(look)
    bench.run()
    assert not any(offered)
