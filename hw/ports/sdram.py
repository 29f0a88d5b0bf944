"""A core whose rows stand in an SDR SDRAM at the pins."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.held import held
from ..memory.port import widened
from ..memory.sdram import SdramController, SdramPins
from ..memory.sdram_config import SdramConfig

__all__ = ["CoreOnSdram"]


class CoreOnSdram(wiring.Component):
    """The core and the controller; a reset is one of both. It reaches the controller, which stands at the pins, out of
    a register of its own and a cycle later: the core asks for nothing so soon.

    Parameters
    ----------
    core : component
        With streams of words ``i`` and ``o``, and a ``memory`` port of words as the chip's.
    cfg : SdramConfig

    Members
    -------
    i : In(stream.Signature(32)), o : Out(stream.Signature(32))
    sdram : Out(SdramPins)

    Timing: streams pass through without latency.

    Raises ValueError for a memory that is too small for the rows.
    """

    def __init__(self, core: Any, cfg: SdramConfig):
        memory = core.signature.members["memory"].signature
        if memory.address_bits > cfg.address_bits:
            raise ValueError(f"the rows take 2^{memory.address_bits} words of the SDRAM's 2^{cfg.address_bits}")
        self._core = core
        self._controller = SdramController(cfg, memory.last_bits)
        words = stream.Signature(32)
        super().__init__({"i": In(words), "o": Out(words), "sdram": Out(SdramPins(cfg))})

    def elaborate(self, platform):
        m = Module()
        core, controller = self._core, self._controller
        m.submodules.core = core
        m.submodules.controller = held(m, controller, 0, name="reset_controller")
        wiring.connect(m, wiring.flipped(self.i), core.i)
        wiring.connect(m, core.o, wiring.flipped(self.o))
        wiring.connect(m, controller.pins, wiring.flipped(self.sdram))
        widened(m, core.memory, controller.port)
        return m
