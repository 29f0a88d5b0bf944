"""Beats of the Skip2-LoRA lanes and samples on their way: the payloads between its blocks."""

from amaranth.lib import data, enum

from ..fabric.pipeline import clog2
from .config import LoraConfig

__all__ = ["RINGS", "BeatKind", "LaneOp", "SampleLayout", "dense_bits", "neuron_bits", "ring_words", "word_bits"]

#: Samples whose activations are at hand: those in flight and those that wait for their slot.
RINGS = 8


class BeatKind(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What a beat does in the lanes."""

    SWEEP = 0  # a word of A: updated by x gz, then multiplied by x
    BACK = 1  # a column of B times an element of g: gz
    HEAD = 2  # a column of B: updated by z g, then multiplied by z
    DENSE = 3  # a word of backbone weights times x


def word_bits(cfg: LoraConfig) -> int:
    return clog2(cfg.adapter_words)


def dense_bits(cfg: LoraConfig) -> int:
    return clog2(cfg.dense_words)


def neuron_bits(cfg: LoraConfig) -> int:
    return clog2(sum(cfg.outputs))


def ring_words(cfg: LoraConfig) -> int:
    """Words of a ring of activations."""
    return RINGS * cfg.x_words


class SampleLayout(data.StructLayout):
    """A sample with its activations in ring entry ``ring``; ``first`` and ``last`` frame a mini-batch. One that is
    ``counted`` belongs to an epoch, which it ``ends`` or not."""

    def __init__(self):
        flags = dict.fromkeys(("valid", "train", "first", "last", "counted", "ends"), 1)
        super().__init__({**flags, "label": 4, "ring": clog2(RINGS)})


class LaneOp(data.StructLayout):
    """One beat.

    ``word`` addresses A and B, ``dense_word`` the backbone, ``x`` a word of activations; ``ahead`` and ``behind`` are
    the ring entries of the sample that is multiplied and of the one that updates. ``first`` and ``last`` frame a sum,
    whose number is ``index`` (of z, or class) or ``neuron``. ``start`` begins a slot. ``forward``: the product is
    wanted; ``update``: a gradient is added, to a sum that is ``fresh``, and is applied where ``apply``.
    """

    def __init__(self, cfg: LoraConfig):
        super().__init__(
            {
                "valid": 1,
                "kind": BeatKind,
                "word": word_bits(cfg),
                "dense_word": dense_bits(cfg),
                "x": clog2(cfg.x_words),
                "ahead": clog2(RINGS),
                "behind": clog2(RINGS),
                "first": 1,
                "last": 1,
                "index": 5,
                "layer": 2,
                "neuron": neuron_bits(cfg),
                "start": 1,
                "forward": 1,
                "update": 1,
                "fresh": 1,
                "apply": 1,
            }
        )
