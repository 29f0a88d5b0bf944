"""Named ports between the blocks of the Skip2-LoRA unit, each seen from the block that begins."""

from amaranth.hdl import signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import clog2
from .config import LoraConfig
from .ops import RINGS, LaneOp, SampleLayout, ring_words

__all__ = [
    "Activations",
    "Backbone",
    "Beats",
    "CommandEvents",
    "FrozenOutputs",
    "Gradient",
    "GradientWrites",
    "HostWrites",
    "LaneLoan",
    "Parameters",
    "SampleFlow",
    "Sums",
]


class SampleFlow(wiring.Signature):
    """From the interpreter: ``samples`` whose activations are in the rings; ``retired``: an entry is free again."""

    def __init__(self):
        super().__init__({"samples": Out(stream.Signature(SampleLayout())), "retired": In(1)})


class Parameters(wiring.Signature):
    """From the interpreter: factor of the learning ``rate``; bits dropped behind each layer of the backbone."""

    def __init__(self, cfg: LoraConfig):
        super().__init__({"rate": Out(cfg.RATE.bits), "shifts": Out(cfg.SHIFT_BITS).array(cfg.layers)})


class CommandEvents(wiring.Signature):
    """From the interpreter: a sample was in the Skip-Cache (``hit``), or came from elsewhere (``miss``); a command or a
    sample was ``rejected``."""

    def __init__(self):
        super().__init__({"hit": Out(1), "miss": Out(1), "rejected": Out(1)})


class Activations(wiring.Signature):
    """From the interpreter to the lanes' rings and Skip-Cache.

    ``group``, ``one`` : put ``data`` into the staging registers, a packed word into a group of lanes or one activation
    into a lane, which ``select`` names.
    ``ring``, ``cache`` : write the staged word into the rings at ``ring_addr``, or into the Skip-Cache at
    ``cache_addr``; ``ring`` clears it.
    ``copy`` : write into the rings what ``cache_rd_addr`` read :attr:`.LoraLanes.cache_latency` cycles ago.
    """

    def __init__(self, cfg: LoraConfig):
        cache_addr = clog2(cfg.cache_samples * cfg.x_words)
        super().__init__(
            {
                "group": Out(1),
                "one": Out(1),
                "select": Out(clog2(cfg.lanes)),
                "data": Out(32),
                "ring": Out(1),
                "cache": Out(1),
                "copy": Out(1),
                "ring_addr": Out(clog2(ring_words(cfg))),
                "cache_addr": Out(cache_addr),
                "cache_rd_addr": Out(cache_addr),
            }
        )


class FrozenOutputs(wiring.Signature):
    """From the interpreter to the head: with ``en``, ``value`` is c of class ``class_`` of the sample in ``ring``."""

    def __init__(self, cfg: LoraConfig):
        members = {"en": Out(1), "ring": Out(clog2(RINGS)), "class_": Out(4), "value": Out(signed(cfg.y.bits))}
        super().__init__(members)


class Backbone(wiring.Signature):
    """From the interpreter to the backbone and back.

    ``start`` : compute, with x_1 in entry ``ring`` of the rings; ``done`` is high for a cycle when all is stored.
    ``x_valid`` : ``x`` is the activation that goes into lane ``x_lane`` of the staging registers.
    ``x_store`` : the staged word is complete; it is the sample's word ``x_word``.
    ``c_valid`` : ``c`` is the output of class ``c_class``.
    """

    def __init__(self, cfg: LoraConfig):
        super().__init__(
            {
                "start": Out(1),
                "ring": Out(clog2(RINGS)),
                "x_valid": In(1),
                "x_lane": In(clog2(cfg.lanes)),
                "x": In(cfg.x_bits),
                "x_store": In(1),
                "x_word": In(clog2(cfg.x_words)),
                "c_valid": In(1),
                "c_class": In(4),
                "c": In(signed(cfg.y.bits)),
                "done": In(1),
            }
        )


class HostWrites(wiring.Signature):
    """From the interpreter, only while there are no beats.

    ``adapters``, ``weights``, ``biases`` : ``data`` replaces the element of that space in word ``addr`` and ``lane``.
    ``read`` : the word of the adapters at ``addr`` comes into the read chain.
    """

    def __init__(self, cfg: LoraConfig):
        super().__init__(
            {
                "adapters": Out(1),
                "weights": Out(1),
                "biases": Out(1),
                "read": Out(1),
                "addr": Out(cfg.SAMPLE_BITS),
                "lane": Out(clog2(cfg.lanes)),
                "data": Out(32),
            }
        )


class LaneLoan(wiring.Signature):
    """From the backbone: ``request`` while it wants the lanes. It has them while ``granted``, until it lets go."""

    def __init__(self):
        super().__init__({"request": Out(1), "granted": In(1)})


class Beats(wiring.Signature):
    """From the sequencer: a beat, and the ``sample`` whose y it gives if it is a HEAD beat."""

    def __init__(self, cfg: LoraConfig):
        super().__init__({"op": Out(LaneOp(cfg)), "sample": Out(SampleLayout())})


class Sums(wiring.Signature):
    """From the lanes: with ``valid``, ``value`` is the sum that ended with beat ``op``, of kind HEAD or DENSE."""

    def __init__(self, cfg: LoraConfig, bits: int):
        super().__init__({"valid": Out(1), "value": Out(signed(bits)), "op": Out(LaneOp(cfg))})


class Gradient(wiring.Signature):
    """From the lanes: ``value`` is g of class ``class_`` of the sample in ``ring``, in the same cycle."""

    def __init__(self, cfg: LoraConfig):
        super().__init__({"ring": Out(clog2(RINGS)), "class_": Out(4), "value": In(signed(cfg.g.bits))})


class GradientWrites(wiring.Signature):
    """From the softmax: with ``en``, ``value`` is g of class ``class_`` of the sample at hand."""

    def __init__(self, cfg: LoraConfig):
        super().__init__({"en": Out(1), "class_": Out(4), "value": Out(signed(cfg.g.bits))})
