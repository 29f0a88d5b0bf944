"""Cycles of the Skip2-LoRA unit: what its timetable costs, and the least that its multipliers allow.

Needs Amaranth, whose components know their latencies; the tests hold the RTL to these numbers.
"""

from dataclasses import dataclass

from ...hw.lora.config import LoraConfig
from ...hw.lora.protocol import chunk_words
from ...hw.lora.schedule import Timetable
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
    times : Timetable
        The unit's, :attr:`skipwalk.hw.lora.core.LoraCore.timetable`.
    layer_gap : int
        The unit's cycles between two layers of the backbone.
    """

    cfg: LoraConfig
    times: Timetable
    layer_gap: int

    @property
    def cached(self) -> int:
        """A sample from the Skip-Cache, while they follow each other."""
        return self.times.length

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
        return max(taken, self.times.length) + cfg.dense_words + cfg.layers * self.layer_gap + 3
