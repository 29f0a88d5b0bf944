"""What a core of the design space takes of a device, by synthesis."""

from dataclasses import asdict
from typing import Any

from ...hw.boards.fpgas import fpga_of
from ...hw.boards.table import Board
from ...hw.fabric.vendor import Vendor
from ...hw.oselm.config import CoreConfig
from ...sim.oselm.resources import netlist_needs
from ...sim.rtl.synthesis import SynthesisError, synthesise
from ..errors import DeviceError

__all__ = ["needs_of"]


def needs_of(core: CoreConfig, board: Board | None) -> dict[str, int]:
    """Cells of the core's netlist, and with a board those of link and UART too.

    Raises DeviceError if a tool is missing or fails.
    """
    family = fpga_of(board).family if board else "ecp5"
    primitives = core.vendor is not Vendor.GENERIC
    try:
        if board is None:
            from ...hw.oselm.core import OSELMCore

            component: Any = OSELMCore(core, primitives=primitives)
        else:
            from ...hw.ports.serial import serial_device

            component = serial_device([core], board.uart, board.link, primitives=primitives)
        return asdict(netlist_needs(synthesise(component, family, timeout=3600), family))
    except ModuleNotFoundError as error:
        raise DeviceError(f'{error.name} is not installed: pip install "skipwalk[rtl,synth]"') from None
    except SynthesisError as error:
        raise DeviceError(str(error)) from error
