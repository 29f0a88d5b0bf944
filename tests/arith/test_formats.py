"""Number formats: what they hold, and what they refuse."""

import pytest
from skipwalk.hw.arith.formats import SQ, UQ


@pytest.mark.parametrize(
    ("fmt", "bits", "low", "high", "step", "shown"),
    [
        (SQ(4, 14), 18, -(1 << 17), (1 << 17) - 1, 2.0**-14, "Q4.14"),
        (SQ(-2, 20), 18, -(1 << 17), (1 << 17) - 1, 2.0**-20, "Q-2.20"),
        (SQ(6, -2), 4, -8, 7, 4.0, "Q6.-2"),
        (SQ(1, 1), 2, -2, 1, 0.5, "Q1.1"),
        (UQ(0, 8), 8, 0, 255, 2.0**-8, "UQ0.8"),
        (UQ(-3, 4), 1, 0, 1, 2.0**-4, "UQ-3.4"),
    ],
)
def test_range_and_step(fmt, bits, low, high, step, shown):
    assert (fmt.bits, fmt.min_raw, fmt.max_raw, fmt.step, str(fmt)) == (bits, low, high, step, shown)


@pytest.mark.parametrize(("fmt", "counts"), [(SQ, (1, 0)), (SQ, (20, 29)), (UQ, (0, 0)), (UQ, (24, 24))])
def test_impossible_widths(fmt, counts):
    with pytest.raises(ValueError, match=f"has {sum(counts)} bits"):
        fmt(*counts)


@pytest.mark.parametrize("fmt", [SQ, UQ])
@pytest.mark.parametrize("count", [1.0, "1", True, None])
def test_counts_are_integers(fmt, count):
    with pytest.raises(TypeError, match="integer must be an int"):
        fmt(count, 4)
    with pytest.raises(TypeError, match="fraction must be an int"):
        fmt(4, count)


def test_view_keeps_the_range():
    wide = SQ(4, 20)
    assert wide.view(18) == SQ(4, 14)
    assert wide.view(18).min_raw * wide.view(18).step == wide.min_raw * wide.step
    assert wide.view(24) is wide
