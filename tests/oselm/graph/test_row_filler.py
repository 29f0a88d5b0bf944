"""First values of rows: those of the golden model, one write for each element."""

import pytest
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.row_filler import RowFiller
from skipwalk.sim.oselm.graph.rows import first_values

from ...support.graph_service import KEYS, Service
from ...support.queries import Bench

TINY = preset("tiny").replace(edge_ends=1024)


@pytest.mark.parametrize("gap", [0.0, 0.5])
@pytest.mark.parametrize(("dim", "scale"), [(8, 1000), (8, 0), (32, 65535), (4, 1)])
def test_values_of_the_golden_model(dim, scale, gap):
    cfg = TINY.replace(dim=dim)
    rows = [0, 63, 5, 5]
    service, dut = Service(cfg, None), RowFiller(cfg)
    bench = Bench(dut, gap=gap, seed=dim)
    bench.drive(scale=scale)
    service.serve(bench, dut.draws, "draws", 20)
    service.serve(bench, dut.candidates, "candidates", 5)
    bench.source(dut.i, rows)
    got = bench.watch(dut.o.en, dut.o, dim * len(rows))
    cycles = bench.run()
    assert [(e.row, e.index) for e in got] == [(row, j) for row in rows for j in range(dim)]
    want = [first_values(KEYS[3], row, 1, dim, scale)[0].tolist() for row in rows]
    assert [e.value for e in got] == [value for row in want for value in row]
    if not gap:
        assert cycles <= len(rows) * (dim * 22 // RowFiller.UNDER_WAY + 22 + 5 + 10)


def test_busy_until_the_last_element():
    service, dut = Service(TINY, None), RowFiller(TINY)
    bench = Bench(dut)
    service.serve(bench, dut.draws, "draws", 20)
    service.serve(bench, dut.candidates, "candidates", 5)
    bench.source(dut.i, [3])
    seen = []

    async def look(ctx):
        for _ in range(120):
            *_, busy, en = await ctx.tick().sample(dut.busy, dut.o.en)
            seen.append((busy, en))

    bench.testbench(look)
    bench.run()
    busy = [n for n, (b, _) in enumerate(seen) if b]
    written = [n for n, (_, en) in enumerate(seen) if en]
    assert len(written) == TINY.dim
    assert busy == list(range(busy[0], busy[-1] + 1))
    assert busy[-1] == written[-1]
