"""Rows and runs of packed integers against big integers."""

import numpy as np
import pytest
from skipwalk.hw.arith.formats import SQ
from skipwalk.sim.arith.words import from_packed, packed, packed_run, unpacked_run


def plain(raw, bits):
    """One row: the bits of its elements one after another, as words."""
    number = sum((int(x) & (1 << bits) - 1) << i * bits for i, x in enumerate(raw))
    return [number >> 32 * i & 0xFFFFFFFF for i in range(-(-len(raw) * bits // 32))]


@pytest.mark.parametrize("bits", [2, 3, 8, 17, 18, 31, 32])
@pytest.mark.parametrize(("n", "dim"), [(1, 1), (3, 5), (7, 32), (40, 500), (2, 20000), (0, 4), (2, 0)])
def test_rows(bits, n, dim):
    rng = np.random.default_rng(bits)
    raw = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (n, dim))
    raw[:, :1], raw[:, -1:] = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    fmt = SQ(1, bits - 1)
    words = packed(raw, fmt)
    assert words.dtype == np.uint32
    assert words.tolist() == [plain(row, bits) for row in raw]
    found = from_packed(words, dim, fmt)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, raw)
    for row in raw[:2]:
        assert packed_run(row, bits).tolist() == plain(row, bits)
        np.testing.assert_array_equal(unpacked_run(packed_run(row, bits), bits, dim), row)


def test_what_is_beyond_the_bits_and_behind_the_elements_does_not_count():
    raw = np.array([[5, -3, 100]])
    words = packed(raw, SQ(1, 3))
    assert words.tolist() == [[0x4D5]]
    assert from_packed(words | np.uint32(0xFFFFF000), 3, SQ(1, 3)).tolist() == [[5, -3, 4]]
    # Any layout in memory, and whatever came from a file.
    wide = np.full((4, 6), 7)[::2, ::2]
    assert packed(wide, SQ(2, 2)).tolist() == [[0x777]] * 2
    assert from_packed(np.full((2, 4), 0x777, ">u4")[:, ::2], 3, SQ(2, 2)).tolist() == [[7, 7, 7]] * 2
