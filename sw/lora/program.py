"""Words that try a unit: a random network and adapters, two epochs, and the adapters read back."""

import numpy as np

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import LoraOpcode, LoraParameter, Space, space_elements
from . import words as lora

__all__ = ["random_program"]


def random_program(cfg: LoraConfig, rng: np.random.Generator, n: int) -> np.ndarray:
    """Command words, uint32: ``n`` samples in two epochs."""
    n = min(n, cfg.cache_samples)
    top = 1 << cfg.weight_bits - 2
    inputs = rng.integers(0, 1 << cfg.x_bits, (n, cfg.widths[0]))
    shifts = [lora.set_parameter(LoraParameter(LoraParameter.SHIFT_1 + k), cfg.x_bits - 1) for k in range(cfg.layers)]
    return np.concatenate(
        [
            lora.command(LoraOpcode.INFO),
            lora.write(cfg, Space.WEIGHTS, rng.integers(-top, top, space_elements(cfg, Space.WEIGHTS))),
            lora.write(cfg, Space.BIASES, np.zeros(space_elements(cfg, Space.BIASES), np.int64)),
            lora.write(cfg, Space.ADAPTERS, rng.integers(-8, 8, space_elements(cfg, Space.ADAPTERS))),
            lora.set_parameter(LoraParameter.RATE, 1 << cfg.RATE.fraction),
            *shifts,
            lora.load(cfg, inputs, rng.integers(0, cfg.classes, n)),
            lora.epochs(n, 2, 4),
            lora.read(Space.ADAPTERS, cfg.adapter_words),
        ]
    )
