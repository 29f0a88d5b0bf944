"""Sizes of a core as the C driver in ``sw/clib`` takes them."""

from collections.abc import Sequence
from enum import IntEnum

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import LoraCounter, Space, element_bits, space_elements
from ...hw.oselm.config import CoreConfig
from ...hw.oselm.protocol import counters_of

__all__ = ["CValues", "lora_values", "oselm_values"]

#: Fields of a unit's configuration, and its counters.
CValues = tuple[dict[str, int | str], Sequence[IntEnum]]


def oselm_values(cfg: CoreConfig) -> CValues:
    """Of the struct of the driver."""
    values: dict[str, int | str] = {
        "nodes": cfg.nodes,
        "dim": cfg.dim,
        "max_samples": cfg.max_samples,
        "beta_bits": cfg.beta.bits,
        "beta_fraction": cfg.beta.fraction,
        "p_bits": cfg.p.bits,
        "p_fraction": cfg.p.fraction,
        "mu_shift": cfg.mu_shift,
        "walks": cfg.walks,
        "max_walk": cfg.max_walk,
        "walk_rows": cfg.walk_rows,
        "edge_ends": cfg.edge_ends,
        "weight_bits": cfg.weight_bits,
    }
    return values, counters_of(cfg)


def lora_values(cfg: LoraConfig) -> CValues:
    """Of the struct of the driver."""
    values: dict[str, int | str] = {
        "cache_samples": cfg.cache_samples,
        "inputs": cfg.widths[0],
        "classes": cfg.classes,
        "lanes": cfg.lanes,
        "adapter_words": cfg.adapter_words,
        "a_words": cfg.a_words,
        "elements": "{" + ", ".join(str(space_elements(cfg, s)) for s in Space) + "}",
        "bits": "{" + ", ".join(str(element_bits(cfg, s)) for s in Space) + "}",
        "x_bits": cfg.x_bits,
        "x_chunks": cfg.chunks[0],
        "y_bits": cfg.y.bits,
        "y_fraction": cfg.y.fraction,
        "loss_fraction": cfg.loss_fraction,
        "layers": cfg.layers,
    }
    return values, list(LoraCounter)
