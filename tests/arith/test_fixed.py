"""Rounding and saturation of the models against exact fractions, every input of small widths."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skipwalk.hw.arith.formats import SQ, UQ
from skipwalk.sim.arith.fixed import from_raw, requantize, saturate, to_raw

FORMATS = [SQ(2, 0), SQ(3, 1), SQ(1, 4), SQ(6, -2), UQ(1, 0), UQ(2, 2), UQ(5, -1)]


def half_up(x: Fraction) -> int:
    return floor(x + Fraction(1, 2))


def clamp(x: int, fmt) -> int:
    return min(max(x, fmt.min_raw), fmt.max_raw)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("shift", range(9))
def test_requantize_every_input(fmt, shift):
    x = np.arange(-512, 512)
    want = [clamp(half_up(Fraction(int(v), 2**shift)), fmt) for v in x]
    np.testing.assert_array_equal(requantize(x, shift, fmt), want)


@given(x=st.integers(-(1 << 61), 1 << 61), shift=st.integers(0, 40), bits=st.integers(2, 48))
def test_requantize_wide(x, shift, bits):
    fmt = SQ(bits, 0)
    assert requantize(np.int64(x), shift, fmt) == clamp(half_up(Fraction(x, 2**shift)), fmt)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_saturate_every_input(fmt):
    x = np.arange(-300, 300)
    np.testing.assert_array_equal(saturate(x, fmt), [clamp(int(v), fmt) for v in x])


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_to_raw_takes_the_nearest(fmt):
    # Sixteenths: every tie of every format here is among them.
    x = np.arange(-800, 800) / 16
    want = [clamp(half_up(Fraction(float(v)) / Fraction(fmt.step)), fmt) for v in x]
    np.testing.assert_array_equal(to_raw(x, fmt), want)


@pytest.mark.parametrize("fmt", [*FORMATS, SQ(4, 28), SQ(-2, 20)], ids=str)
def test_raw_there_and_back(fmt):
    raw = np.unique(np.linspace(fmt.min_raw, fmt.max_raw, 1000).astype(np.int64))
    np.testing.assert_array_equal(to_raw(from_raw(raw, fmt), fmt), raw)
    assert [Fraction(float(v)) for v in from_raw(raw, fmt)] == [Fraction(int(v)) * Fraction(fmt.step) for v in raw]


def test_just_below_a_tie_is_not_a_tie():
    np.testing.assert_array_equal(
        to_raw([np.nextafter(0.5, 0), 0.5, -0.5, np.nextafter(-0.5, -1)], SQ(4, 0)), [0, 1, 0, -1]
    )


def test_huge_values_saturate():
    fmt = SQ(4, 28)
    np.testing.assert_array_equal(to_raw([1e308, -1e308], fmt), [fmt.max_raw, fmt.min_raw])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=r"not finite and has no place in Q4\.14"):
        to_raw([0.0, bad], SQ(4, 14))
