"""An exported core in a LiteX SoC: the peripheral, its port for the driver in C, and an SoC to simulate it in."""

from pathlib import Path

__all__ = ["DRIVER"]

#: The folder of ``skipwalk_litex.h`` and ``skipwalk_litex.c``.
DRIVER = Path(__file__).parent
