"""Units of edge weights: from the smallest to the largest numbers there are."""

import math

import numpy as np
import pytest
from skipwalk.sw.errors import CapacityError, InputError
from skipwalk.sw.graph.weights import MOST, choose_unit, raw_weight, raw_weights

SIZES = {"weight_bits": 24, "nodes": 100}


@pytest.mark.parametrize("scale", [1e-290, 1.0, 1e290])
def test_a_scale_changes_no_bit(scale):
    """All but the power of two: raw weights are the same."""
    weights = np.array([1.0, 3.0, 17.0, 250.0])
    scale = 2.0 ** round(math.log2(scale))
    raw = [raw_weights(x, choose_unit(x, x.sum(), **SIZES)) for x in (weights, weights * scale)]
    assert raw[0].tolist() == raw[1].tolist()
    assert raw[0].min() >= 1
    assert raw[0].max() <= MOST


@pytest.mark.parametrize("weights", [[1e308] * 3, [1e308, 1.0], [5e-324] * 3, [1e-310, 2e-310], [1e308, 1e-320]])
def test_weights_without_finite_sums_or_units_are_refused(weights):
    weights = np.array(weights)
    with np.errstate(over="ignore"), pytest.raises(InputError, match=r"weights from .* cannot be added in double"):
        choose_unit(weights, float(weights.sum()), **SIZES)


def test_weights_too_far_apart_are_refused():
    with pytest.raises(InputError, match="weights from 1 to 1e\\+06 are too far apart for 16 bits"):
        choose_unit(np.array([1.0, 1e6]), 1e6 + 1, **SIZES)


@pytest.mark.parametrize("weight", [1e308, MOST + 0.5, 0.49, 1e-320])
def test_a_weight_outside_of_the_unit_is_refused(weight):
    for unit in (2.0**-1000, 1.0, 2.0**1000):
        if math.isfinite(weight * unit):
            with pytest.raises(CapacityError, match="this model keeps weights from"):
                raw_weight(weight * unit, unit)
    with pytest.raises(CapacityError, match="this model keeps weights from"):
        raw_weight(1e308, 2.0**-900)
    assert [raw_weight(x, 1.0) for x in (0.5, 1.49, MOST + 0.49)] == [1, 1, MOST]
