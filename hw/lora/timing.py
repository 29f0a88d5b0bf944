"""Latencies of the Skip2-LoRA unit as formulas of its configuration: gateware and cycle formulas read the same ones.

Standard library only; tests hold the components to them.
"""

from dataclasses import dataclass

from ..arith.latency import MULTIPLIER, RECIPROCAL
from ..fabric.ram_grid import BlockGrid
from .config import LoraConfig

__all__ = ["FINISH", "UPDATE", "Latencies", "softmax_cycles"]

#: From the operands of an update to the new word: product, sum, saturation, rounding, difference.
UPDATE = MULTIPLIER + 4
#: Behind a sum of the backbone: bias, shift, saturation.
FINISH = 3


def softmax_cycles(cfg: LoraConfig) -> int:
    """From the last y at the softmax to the first cycle in which all of g is known."""
    table = BlockGrid.cheapest(cfg.exp_entries, cfg.exp_bits + 1).latency
    exponentials = 1 + cfg.classes + 1 + table + 1
    errors = cfg.classes + MULTIPLIER + 1
    # Between them the reciprocal, and its product with the rate; behind them the label.
    return exponentials + RECIPROCAL + (MULTIPLIER + 1) + errors + 1


@dataclass(frozen=True)
class Latencies:
    """Latencies of a slot, in cycles.

    Attributes
    ----------
    broadcast : int
        From a beat's issue to the lanes.
    read : int
        In the lanes, from an address to the operands of the update.
    new : int
        In the lanes, from an address to the updated word, which is written and multiplied in that cycle.
    dot : int
        From the updated word to the end of its dot product.
    softmax : int
        From the last y to the cycle in which all of g can be read.
    """

    broadcast: int
    read: int
    new: int
    dot: int
    softmax: int

    @classmethod
    def of(cls, cfg: LoraConfig) -> "Latencies":
        # LUT RAM waits for the gradient's scalar as long as one block does.
        read = BlockGrid.cheapest(cfg.adapter_words, max(cfg.a.bits, cfg.b.bits)).latency
        return cls(
            broadcast=cfg.broadcast,
            read=read,
            new=read + UPDATE,
            dot=MULTIPLIER + (cfg.lanes - 1).bit_length() + 1,
            softmax=1 + softmax_cycles(cfg),
        )

    @property
    def layer_gap(self) -> int:
        """Without a beat between two layers of the backbone: its last sum is finished, written and read."""
        return self.broadcast + self.new + self.dot + FINISH + 2
