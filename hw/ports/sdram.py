"""A core whose rows stand in an SDR SDRAM at the pins."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.held import held
from ..memory.crossing import PortCrossing, across
from ..memory.port import widened
from ..memory.sdram import SdramController, SdramPins
from ..memory.sdram_config import SdramConfig

__all__ = ["CoreOnSdram"]


class CoreOnSdram(wiring.Component):
    """The core and the controller; a reset is one of both.

    With one clock it reaches the controller, which stands at the pins, out of a register of its own and a cycle later:
    the core asks for nothing so soon. With two, controller and pins are in the domain ``memory``, which has no reset,
    and :class:`PortCrossing` stands between.

    Parameters
    ----------
    core : component
        With streams of words ``i`` and ``o``, and a ``memory`` port of words as the chip's.
    cfg : SdramConfig
    clock_hz : int, optional
        Of the core; that of the SDRAM, if not given.

    Members
    -------
    i : In(stream.Signature(32)), o : Out(stream.Signature(32))
    sdram : Out(SdramPins)

    Timing: streams pass through without latency.

    Raises ValueError for a memory that is too small for the rows.
    """

    def __init__(self, core: Any, cfg: SdramConfig, clock_hz: int | None = None):
        memory = core.signature.members["memory"].signature
        if memory.address_bits > cfg.address_bits:
            raise ValueError(f"the rows take 2^{memory.address_bits} words of the SDRAM's 2^{cfg.address_bits}")
        self._core = core
        self._controller = SdramController(cfg, memory.last_bits)
        self._crossing = PortCrossing.between(memory, clock_hz, cfg.clock_hz)
        words = stream.Signature(32)
        super().__init__({"i": In(words), "o": Out(words), "sdram": Out(SdramPins(cfg))})

    def elaborate(self, platform):
        m = Module()
        core, controller = self._core, self._controller
        m.submodules.core = core
        if self._crossing is None:
            m.submodules.controller = held(m, controller, 0, name="reset_controller")
            widened(m, core.memory, controller.port)
        else:
            across(m, core.memory, self._crossing, controller)
        wiring.connect(m, wiring.flipped(self.i), core.i)
        wiring.connect(m, core.o, wiring.flipped(self.o))
        wiring.connect(m, controller.pins, wiring.flipped(self.sdram))
        return m
