"""Weights of edges as a device keeps them: integers of 16 bits, in units of a power of two.

The unit is chosen once, from the graph that is learned first, with room for heavier edges to come, and belongs to the
model. What it cannot hold is refused, not clipped.
"""

import math

import numpy as np

from ...hw.oselm.config import CoreConfig
from ..errors import CapacityError, InputError

__all__ = ["choose_unit", "raw_weight", "raw_weights"]

#: Largest raw weight.
MOST = (1 << CoreConfig.WEIGHT_BITS) - 1
#: Room kept above the heaviest edge and row, in powers of two: the first with which light edges are still precise.
_ROOM = (3, 1, 0)
#: What the lightest edge has to be in units, so that a rounded weight is within 3 % of the given one.
_PRECISE = 16
#: Between these a unit, and a weight in units, is a normal number.
_FINITE = 2.0**-1000, 2.0**1000


def choose_unit(weights: np.ndarray | None, heaviest_row: float, *, weight_bits: int, nodes: int) -> float:
    """A power of two.

    Parameters
    ----------
    weights : (m,) or None
        Of all edges; None: each is 1.
    heaviest_row : float
        Largest sum of a node's weights.
    weight_bits : int
        Width of a raw sum.
    nodes : int
        Without weights, a node next to all others still fits.

    Raises
    ------
    InputError
        The weights are too far apart, or so large or small that their sums or units are no finite numbers.
    """
    if weights is None or not len(weights):
        return 2.0 ** -max(0, min(12, weight_bits - (nodes - 1).bit_length()))
    low, high = float(weights.min()), float(weights.max())
    smallest = max(high / MOST, heaviest_row / ((1 << weight_bits) - 1 - len(_ROOM)))
    if not _FINITE[0] <= smallest <= _FINITE[1]:
        raise InputError(f"weights from {low:g} to {high:g} cannot be added in double precision; scale them")
    unit = 0.0
    for room in _ROOM:
        unit = 2.0 ** (math.ceil(math.log2(smallest)) + room)
        if low / unit >= _PRECISE:
            return unit
    if low / unit < 0.5:
        raise InputError(
            f"weights from {low:g} to {high:g} are too far apart for {CoreConfig.WEIGHT_BITS} bits; "
            "scale them, by their logarithm for instance, or leave the light edges out"
        )
    return unit


def raw_weights(weights: np.ndarray, unit: float) -> np.ndarray:
    """(m,) int64, rounded to the nearest; at least 1, as :func:`choose_unit` has seen them."""
    return np.maximum(np.rint(weights / unit).astype(np.int64), 1)


def raw_weight(weight: float, unit: float) -> int:
    """Of one more edge. Raises CapacityError for a weight that the unit cannot hold."""
    units = weight / unit + 0.5
    if not 1 <= units < MOST + 1:
        raise CapacityError(
            f"a weight of {weight:g}; this model keeps weights from {unit:g} to {MOST * unit:g}, as chosen from its "
            "first graph: scale it, or fit the whole graph anew"
        )
    return math.floor(units)
