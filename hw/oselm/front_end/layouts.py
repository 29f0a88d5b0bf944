"""Payloads of the front end."""

from amaranth.lib import data

from ...fabric.pipeline import clog2
from ..config import CoreConfig
from .sampling import FIELDS

__all__ = ["ItemLayout", "SamplingLayout", "WalkAddress", "WalkLayout", "slot_bits"]


def slot_bits(cfg: CoreConfig) -> int:
    """Width of a walk's place in its group."""
    return max(1, clog2(cfg.walks))


class WalkAddress(data.StructLayout):
    """A node in the memory of walks: its ``index`` in the walk, the walk's ``slot`` in its group, and the group."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"index": clog2(cfg.max_walk), "slot": slot_bits(cfg), "group": 1})


class SamplingLayout(data.StructLayout):
    """The word of :class:`~skipwalk.hw.oselm.front_end.sampling.Sampling`."""

    def __init__(self):
        super().__init__(FIELDS)


class WalkLayout(data.StructLayout):
    """What a walk gives: how many ``contexts``, each with so many ``samples``, the first of them ``positives``."""

    def __init__(self, cfg: CoreConfig):
        samples = clog2(cfg.max_samples + 1)
        super().__init__({"contexts": clog2(cfg.max_walk + 1), "positives": samples, "samples": samples})


class ItemLayout(data.StructLayout):
    """The ``centre`` of a context or a sample of it, with ``label``; ``ends``: the context has no more. With
    ``cfg.slots``, ``row`` is the slot."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"row": cfg.engine.row_bits, "label": 1, "centre": 1, "ends": 1})
