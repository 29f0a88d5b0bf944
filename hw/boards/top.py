"""The top module of a board: its clock, its serial port, and the device behind it."""

from amaranth.hdl import ClockDomain, Instance, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import ResetSynchronizer

from ..fabric.vendor import Vendor
from ..ports.serial import serial_device
from .table import Board, Pll

__all__ = ["BoardTop"]


class BoardTop(wiring.Component):
    """Everything on the chip; its pins are those of the platform that it is elaborated for.

    Parameters
    ----------
    board : Board
        A row of the table.
    """

    def __init__(self, board: Board):
        self._board = board
        self._device = serial_device(
            board.cores, board.uart, board.link, primitives=board.core.vendor is not Vendor.GENERIC
        )
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        if self._board.pll is not None:
            self._elaborate_pll(m, platform, self._board.pll)
        m.submodules.device = device = self._device
        # The other signals of the port (RTS, DTR) are asked for too, and left alone.
        uart = platform.request("uart", dir={part.name: "-" for part in platform.lookup("uart").ios})
        m.submodules.rx_pin = rx = io.Buffer("i", uart.rx)
        m.submodules.tx_pin = tx = io.Buffer("o", uart.tx)
        m.d.comb += [device.rx.eq(rx.i), tx.o.eq(device.tx)]
        return m

    def _elaborate_pll(self, m: Module, platform, pll: Pll) -> None:
        m.submodules.clock_pin = pin = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        # The tools work out its frequency from the pin's and the divisors.
        m.domains.sync = sync = ClockDomain()
        locked = Signal()
        m.submodules.pll = Instance(
            "EHXPLLL",
            a_FREQUENCY_PIN_CLKI=f"{pll.input_hz / 1e6:g}",
            a_FREQUENCY_PIN_CLKOP=f"{pll.output_hz / 1e6:g}",
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=pll.output,
            p_CLKOP_CPHASE=pll.output - 1,
            p_CLKOP_FPHASE=0,
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=pll.reference,
            p_CLKFB_DIV=pll.feedback,
            i_RST=0,
            i_STDBY=0,
            i_PHASESEL0=0,
            i_PHASESEL1=0,
            i_PHASEDIR=1,
            i_PHASESTEP=1,
            i_PHASELOADREG=1,
            i_PLLWAKESYNC=0,
            i_ENCLKOP=0,
            i_CLKI=pin.i,
            i_CLKFB=sync.clk,
            o_CLKOP=sync.clk,
            o_LOCK=locked,
        )
        m.submodules.reset = ResetSynchronizer(~locked)
