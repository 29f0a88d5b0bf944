"""Configurations and numbers that blocks of the OS-ELM core are tried with."""

import numpy as np
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.oselm.config import Schedule, preset

__all__ = ["ENGINES", "SHAPES", "TINY", "with_extremes"]

TINY = preset("tiny").replace(vendor=Vendor.ECP5)
#: Two beats a row; five, with P, row FIFO and history in block RAM; one.
SHAPES = {
    "two beats": TINY,
    "five beats": TINY.replace(dim=20, max_samples=15, broadcast=3),
    "one beat": TINY.replace(lanes=8, lookahead=6, broadcast=1),
}
#: Both schedules.
ENGINES = SHAPES | {
    "sequential": TINY.replace(schedule=Schedule.SEQUENTIAL, lookahead=0),
    "five beats sequential": SHAPES["five beats"].replace(schedule=Schedule.SEQUENTIAL, lookahead=0),
}


def with_extremes(rng, low, high, shape):
    """Uniform, with one in four at either end."""
    x = rng.integers(low, high + 1, shape)
    return np.where(rng.random(shape) < 0.25, rng.choice([low, high], shape), x)
