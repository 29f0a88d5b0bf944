"""Configurations and a clocked bench that blocks of the Skip2-LoRA unit are tried with."""

from collections.abc import Callable
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable
from skipwalk.hw.arith.formats import SQ
from skipwalk.hw.fabric.vendor import Vendor
from skipwalk.hw.lora.config import LoraConfig, lora_preset

from .simulator import simulator_of

__all__ = ["SHAPES", "TINY", "bench", "with_extremes"]

TINY = lora_preset("tiny").replace(vendor=Vendor.ECP5)
#: As it comes; two formats of words, wide activations; everything narrow, so that it saturates; one layer.
SHAPES = {
    "tiny": TINY,
    "mixed": LoraConfig(
        widths=(7, 9, 3), classes=5, rank=1, lanes=4, lag=3, cache_samples=9, x_bits=16, a=SQ(3, 13), b=SQ(2, 16),
        x_integer=(0, 1, 2), gradient_bits=40, broadcast=1,
    ),
    "saturating": TINY.replace(
        lag=5, z=SQ(3, 7), y=SQ(3, 6), gz=SQ(2, 12), g=SQ(1, 14), gradient_bits=24, rate_shift=2, broadcast=3
    ),
    "one layer": LoraConfig(widths=(5,), classes=2, rank=1, lanes=4, cache_samples=3),
}  # fmt: skip


def with_extremes(rng, low, high, shape):
    """Uniform, with one in four at either end."""
    x = rng.integers(low, high + 1, shape)
    return np.where(rng.random(shape) < 0.25, rng.choice([low, high], shape), x)


def bench(dut: Elaboratable, step: Callable[[Any, int], bool], *, limit: int = 200_000) -> int:
    """Call ``step(ctx, cycle)`` in each cycle, to look at outputs and drive inputs, until it returns False.

    Returns the number of cycles. Raises AssertionError after ``limit`` of them.
    """
    cycles = 0

    async def run(ctx):
        nonlocal cycles
        while step(ctx, cycles):
            cycles += 1
            assert cycles < limit, f"not done after {limit} cycles"
            await ctx.tick()

    simulator = simulator_of(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(run)
    simulator.run()
    return cycles
