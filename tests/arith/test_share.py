"""Share: exact for every width, at once and after its latency."""

import numpy as np
import pytest
from skipwalk.hw.arith.share import Share
from skipwalk.hw.fabric.vendor import Vendor

from ..support.pysim import clocked

ENDS = (0, 1, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


@pytest.mark.parametrize("n_bits", [1, 12, 17, 18, 24, 34])
@pytest.mark.parametrize("vendor", Vendor)
def test_upper_half_of_the_product(n_bits, vendor):
    rng = np.random.default_rng(n_bits)
    top = (1 << n_bits) - 1
    pairs = [(bits, n) for bits in ENDS for n in {0, 1, top, top >> 1, min(top, 1 << 17)}]
    pairs += [(int(rng.integers(0, 1 << 32)), int(rng.integers(0, top + 1))) for _ in range(300)]
    bits, n = zip(*pairs, strict=True)
    share = Share(n_bits, vendor=vendor)
    assert share.latency == (4 if n_bits <= 17 else 5)
    empty = (0,) * share.latency
    got = clocked(share, {"bits": bits + empty, "n": n + empty}, ["o"])["o"][share.latency :]
    assert got.tolist() == [(b * m) >> 32 for b, m in pairs]


@pytest.mark.parametrize("n_bits", [0, 35])
def test_a_width_out_of_range(n_bits):
    with pytest.raises(ValueError, match=f"n_bits must be 1 to 34, not {n_bits}"):
        Share(n_bits)
