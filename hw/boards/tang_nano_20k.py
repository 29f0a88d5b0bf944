"""Sipeed Tang Nano 20K, which amaranth-boards does not have: the clock and the serial port of its USB bridge."""

from amaranth.build import Attrs, Clock, Pins, Resource, Subsignal
from amaranth.vendor import GowinPlatform

__all__ = ["TangNano20kPlatform"]


class TangNano20kPlatform(GowinPlatform):
    """GW2AR-18 in QN88; pins as on the maker's drawings."""

    part = "GW2AR-LV18QN88C8/I7"
    family = "GW2AR-18C"
    #: The die, as open tools call it: without the memory that shares its package.
    _chipdb_device = "GW2A-18C"
    default_clk = "clk27"
    resources = [  # noqa: RUF012 - that is how a platform is written
        Resource("clk27", 0, Pins("4", dir="i"), Clock(27e6), Attrs(IO_TYPE="LVCMOS33")),
        Resource(
            "uart",
            0,
            Subsignal("rx", Pins("70", dir="i")),
            Subsignal("tx", Pins("69", dir="o")),
            Attrs(PULL_MODE="UP", IO_TYPE="LVCMOS33"),
        ),
    ]
    connectors: list = []  # noqa: RUF012
