"""Requantize against exact fractions and against the golden model, every input of small widths."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.arith.requantize import Requantize, requantize
from skipwalk.sim.arith import fixed

from ..support.pysim import clocked


def expected(x: int, shift: int, fmt: SQ) -> tuple[int, bool]:
    """Round half up and saturate, from the definition."""
    whole = floor(Fraction(x, 2**shift) + Fraction(1, 2))
    clamped = min(max(whole, fmt.min_raw), fmt.max_raw)
    return clamped, clamped != whole


@pytest.mark.parametrize("register", [False, True])
@pytest.mark.parametrize(
    ("in_bits", "shift", "out_bits"),
    [(9, 0, 9), (9, 0, 12), (9, 0, 5), (9, 1, 8), (9, 1, 9), (9, 3, 4), (9, 3, 6), (9, 3, 7), (9, 8, 2), (9, 11, 3)],
)
def test_every_input(in_bits, shift, out_bits, register):
    fmt = SQ(out_bits, 0)
    x = np.arange(-(1 << (in_bits - 1)), 1 << (in_bits - 1))
    dut = Requantize(in_bits, shift=shift, fmt=fmt, register=register)
    # Twice, so that the registered answers to the last inputs are seen too.
    got = clocked(dut, {"i": np.tile(x, 2)}, ["o", "saturated"])
    answers = slice(dut.latency, dut.latency + len(x))
    want = np.array([expected(int(v), shift, fmt) for v in x])
    np.testing.assert_array_equal(got["o"][answers], want[:, 0])
    np.testing.assert_array_equal(got["saturated"][answers], want[:, 1])
    np.testing.assert_array_equal(fixed.requantize(x, shift, fmt), want[:, 0])


class Narrow(wiring.Component):
    """requantize of an unsigned number."""

    def __init__(self, in_bits: int, shift: int, fmt: SQ):
        self._how = {"shift": shift, "fmt": fmt}
        super().__init__({"i": In(unsigned(in_bits)), "o": Out(signed(fmt.bits))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(requantize(m, self.i, **self._how))
        return m


@pytest.mark.parametrize(("shift", "out_bits"), [(0, 9), (0, 8), (0, 6), (2, 7), (2, 6), (2, 5), (7, 2)])
def test_unsigned_input(shift, out_bits):
    fmt = SQ(out_bits, 0)
    x = np.arange(256)
    o = clocked(Narrow(8, shift, fmt), {"i": x}, ["o"])["o"]
    np.testing.assert_array_equal(o, [expected(int(v), shift, fmt)[0] for v in x])


def test_wide_products_keep_every_bit():
    x = np.random.default_rng(1).integers(-(1 << 40), 1 << 40, 300)
    fmt = SQ(4, 20)
    o = clocked(Requantize(42, shift=17, fmt=fmt, register=False), {"i": x}, ["o"])["o"]
    np.testing.assert_array_equal(o, fixed.requantize(x, 17, fmt))


def test_no_logic_where_nothing_narrows():
    assert " cell " not in rtlil.convert(Requantize(9, shift=0, fmt=SQ(9, 0), register=False))


def test_negative_shift_is_refused():
    with pytest.raises(ValueError, match="shift must not be negative, it is -1"):
        requantize(Module(), Signal(signed(8)), shift=-1, fmt=SQ(4, 4))
