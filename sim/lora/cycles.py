"""Cycles of the Skip2-LoRA unit: what its timetable costs, and the least that its multipliers allow.

Tests hold the RTL to these numbers.
"""

from dataclasses import dataclass
from functools import cached_property

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import chunk_words
from ...hw.lora.schedule import timetable
from ...hw.lora.timing import Latencies
from ..arith.permutation import bits_for

__all__ = ["LoraCycles", "roofline_backbone", "roofline_cached"]


def roofline_cached(cfg: LoraConfig) -> int:
    """Cycles of a cached training sample if neither group of ``lanes`` multipliers ever rests.

    The dots have x A and z B, the updates g B^T, z^T g and x^T gz; the busier group counts. Full lanes are assumed
    even where widths are no multiple of them.
    """
    x, z = cfg.rank * sum(cfg.widths), cfg.z_size * cfg.classes
    return -(-x // cfg.lanes) + 2 * -(-z // cfg.lanes)


def roofline_backbone(cfg: LoraConfig) -> int:
    """Cycles of the backbone's forward pass on ``lanes`` multipliers."""
    return -(-sum(n * o for n, o in zip(cfg.widths, cfg.outputs, strict=True)) // cfg.lanes)


@dataclass(frozen=True)
class LoraCycles:
    """Cycles a sample of one unit.

    Attributes
    ----------
    cfg : LoraConfig
    """

    cfg: LoraConfig

    @cached_property
    def cached(self) -> int:
        """A sample from the Skip-Cache, while they follow each other."""
        return timetable(self.cfg, Latencies.of(self.cfg)).length

    def numbered(self, n: int) -> float:
        """A sample of an epoch of ``n``, until its number is found, on average; meanwhile others are learned. Where it
        is below :attr:`cached`, it costs nothing."""
        bits = bits_for(n)
        return (3 * bits + 7) * 2**bits / n

    @property
    def uncached(self) -> int:
        """A sample through the backbone, while they follow each other: its input is taken while the lanes have the
        slot of the sample before, whichever is longer, then they are the backbone's."""
        cfg = self.cfg
        # Header and admission, then x_1.
        taken = 2 + 1 + chunk_words(cfg) * cfg.chunks[0]
        # The sample is handed over, the lanes go from the slot to the backbone and back.
        return max(taken, self.cached) + cfg.dense_words + cfg.layers * Latencies.of(cfg).layer_gap + 3
