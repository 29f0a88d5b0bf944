"""Multiplier: products, latency, and the proof that twin and cell are the same."""

import itertools

import numpy as np
import pytest
from amaranth.hdl import Module
from skipwalk.hw.arith.multiplier import Multiplier
from skipwalk.hw.fabric.pipeline import delay
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.sim.rtl.synthesis import SynthesisError, prove_equal

from ..support.cycles import check_cycles
from ..support.pysim import clocked

WIDTHS = [(18, 18), (15, 13), (9, 18), (1, 7)]


def operands(a_bits: int, b_bits: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the ranges in all combinations, then random numbers."""
    rng = np.random.default_rng([a_bits, b_bits])
    ends = [(-(1 << (bits - 1)), -1, 0, (1 << (bits - 1)) - 1) for bits in (a_bits, b_bits)]
    a, b = np.array(list(itertools.product(*ends))).T
    return (
        np.concatenate([a, rng.integers(ends[0][0], ends[0][-1], n, endpoint=True)]),
        np.concatenate([b, rng.integers(ends[1][0], ends[1][-1], n, endpoint=True)]),
    )


@pytest.mark.parametrize(("a_bits", "b_bits"), WIDTHS)
@pytest.mark.parametrize("vendor", Vendor)
def test_product_after_three_cycles(a_bits, b_bits, vendor):
    a, b = operands(a_bits, b_bits, 200)
    p = clocked(Multiplier(a_bits, b_bits, vendor=vendor), {"a": a, "b": b}, ["p"])["p"]
    assert Multiplier.LATENCY == 3
    np.testing.assert_array_equal(p[3:], (a * b)[:-3])


def test_reset_leaves_products_alone():
    a, b = operands(18, 18, 40)
    reset = np.arange(len(a)) % 5 == 2
    p = clocked(Multiplier(18, 18), {"a": a, "b": b}, ["p"], reset=reset)["p"]
    np.testing.assert_array_equal(p[3:], (a * b)[:-3])


@pytest.mark.parametrize(("a_bits", "b_bits"), WIDTHS)
def test_cell_is_proven_equal_to_twin(a_bits, b_bits):
    cell = Multiplier(a_bits, b_bits, vendor=Vendor.ECP5, primitives=True)
    prove_equal(cell, Multiplier(a_bits, b_bits, vendor=Vendor.ECP5), timeout=60)


def test_proof_finds_a_difference():
    class ForgetsASign(Multiplier):
        def elaborate(self, platform):
            m = Module()
            product = self.a.as_unsigned() * self.b
            m.d.comb += self.p.eq(delay(m, product, self.LATENCY, name="product"))
            return m

    with pytest.raises(SynthesisError, match="proof did fail"):
        prove_equal(Multiplier(6, 6, vendor=Vendor.ECP5, primitives=True), ForgetsASign(6, 6), timeout=60)


@pytest.mark.parametrize(("a_bits", "b_bits"), [(19, 18), (18, 0)])
def test_widths_that_no_cell_has(a_bits, b_bits):
    with pytest.raises(ValueError, match=r"must be 1 to 18, not (19|0)"):
        Multiplier(a_bits, b_bits)


def test_compiled_with_resets_in_between(tmp_path):
    a, b = operands(18, 18, 500)
    reset = np.random.default_rng(0).random(len(a)) < 0.1
    check_cycles(Multiplier(18, 18), tmp_path, {"a": a, "b": b}, {"p": (3, a * b)}, reset=reset)
