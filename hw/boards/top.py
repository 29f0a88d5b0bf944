"""The top module of a board: its clock, its serial port, its SDRAM, and the device behind them."""

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, Signal
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
            board.cores,
            board.uart,
            board.link,
            primitives=board.core.vendor is not Vendor.GENERIC,
            sdram=board.sdram,
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
        if self._board.sdram is not None:
            apart = self._board.pll is not None and self._board.pll.second
            self._elaborate_sdram(m, platform, device.sdram, "memory" if apart else "sync")
        return m

    @staticmethod
    def _elaborate_sdram(m: Module, platform, pins, domain: str) -> None:
        """A register in the I/O cell of each pin (:data:`PIN_REGISTERS`). The clock comes from such a cell too, and so
        takes as long to the pin as all others; which clock, says :meth:`_other_outputs`."""
        sdram = platform.request("sdram", dir={part.name: "-" for part in platform.lookup("sdram").ios})
        for name in ("clk_en", "cs", "ras", "cas", "we", "ba", "a", "dqm"):
            m.submodules[f"sdram_{name}"] = pin = io.FFBuffer("o", getattr(sdram, name), o_domain=domain)
            m.d.comb += pin.o.eq(getattr(pins, name))
        m.submodules.sdram_dq = dq = io.FFBuffer("io", sdram.dq, i_domain=domain, o_domain=domain)
        m.d.comb += [dq.o.eq(pins.dq_o), dq.oe.eq(pins.dq_oe), pins.dq_i.eq(dq.i)]
        m.submodules.sdram_clk = clk = io.Buffer("o", sdram.clk)
        m.submodules.sdram_clk_cell = Instance(
            "ODDRX1F", i_SCLK=ClockSignal("sdram"), i_RST=0, i_D0=1, i_D1=0, o_Q=clk.o
        )

    def _other_outputs(self, m: Module, pll: Pll) -> dict:
        """Of the PLL: the clock of the SDRAM's controller, in the domain ``memory``, if it is another than the core's;
        and that of the SDRAM, in the domain ``sdram``.

        The latter leads the controller's by ``sdram_lead_ns``. The chip takes what comes from the pins' registers,
        which change with the controller's clock, a period less that lead later; and what the chip says after one of its
        edges is taken in a period and that lead later. With d the lead, T the period, t the time from a clock's edge to
        a change at a pin, the same for all pins but for s, and h, u what a register at a pin needs::

            into the chip    T - d - s >= tDS (1.5 ns)      d - s >= tDH (0.8 ns)
            from the chip    T + d >= t + tAC (6 ns) + u    tOH (2.5 ns) + t - d >= h
        """
        if self._board.sdram is None:
            return {}
        m.domains.sdram = sdram = ClockDomain(reset_less=True)
        lead = pll.phase(self._board.sdram_lead_ns)
        if not pll.second:
            return self._output("CLKOS", "B", sdram, pll.output, lead)
        # Its reset is the core's, by way of the crossing.
        m.domains.memory = memory = ClockDomain(reset_less=True)
        return {
            **self._output("CLKOS", "B", memory, pll.second, (pll.output - 1, 0)),
            **self._output("CLKOS2", "C", sdram, pll.second, lead),
        }

    @staticmethod
    def _output(name: str, letter: str, domain: ClockDomain, divisor: int, phase: tuple[int, int]) -> dict:
        """An output of the PLL, the clock of a domain."""
        return {
            f"p_OUTDIVIDER_MUX{letter}": f"DIV{letter}",
            f"p_{name}_ENABLE": "ENABLED",
            f"p_{name}_DIV": divisor,
            f"p_{name}_CPHASE": phase[0],
            f"p_{name}_FPHASE": phase[1],
            f"o_{name}": domain.clk,
        }

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
            **self._other_outputs(m, pll),
            o_CLKOP=sync.clk,
            o_LOCK=locked,
        )
        m.submodules.reset = ResetSynchronizer(~locked)
