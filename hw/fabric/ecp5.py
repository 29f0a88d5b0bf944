"""Lattice ECP5 cells with their registers switched on, as far as the core uses them.

Ports and parameters are those of Lattice's FPGA-TN-02205 (sysDSP) and FPGA-TN-02204 (memory); placement in the word of
initial contents follows Yosys' techlibs/lattice/brams_map_16kd.v. ``skipwalk.sim`` has models (``ecp5.v``) of the same
modes for simulation.
"""

from collections.abc import Sequence

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["DP16KD", "MULT18X18D"]


def _bits(prefix: str, value, width: int) -> dict:
    """Connections of a bus whose bits are ports of their own: ``i_A0``, ``i_A1``, ..."""
    return {f"{prefix}{i}": value[i] for i in range(width)}


class MULT18X18D(wiring.Component):
    """Signed 18 x 18 multiplier with operand, pipeline and output registers on the clock of domain sync.

    Members: ``a``, ``b`` In(signed(18)); ``p`` Out(signed(36)), 3 cycles later. No reset: neither the reset ports nor
    the global set/reset reach the registers.
    """

    def __init__(self):
        super().__init__({"a": In(signed(18)), "b": In(signed(18)), "p": Out(signed(36))})

    def elaborate(self, platform):
        m = Module()
        parameters = {"p_GSR": "DISABLED", "p_RESETMODE": "SYNC", "p_MULT_BYPASS": "DISABLED"}
        for stage in ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT"):
            parameters |= {f"p_REG_{stage}_CLK": "CLK0", f"p_REG_{stage}_CE": "CE0", f"p_REG_{stage}_RST": "RST0"}
        # SRIA and SRIB are wires between neighbours, which SOURCE = 0 turns off; the clocks, enables and resets 1 to 3
        # are not chosen by any parameter. Both stay open: tied, they would take routes of their own.
        m.submodules.cell = Instance(
            "MULT18X18D",
            **parameters,
            **_bits("i_A", self.a, 18),
            **_bits("i_B", self.b, 18),
            **_bits("i_C", Const(0, 18), 18),
            i_SIGNEDA=Const(1),
            i_SIGNEDB=Const(1),
            i_SOURCEA=Const(0),
            i_SOURCEB=Const(0),
            i_CLK0=ClockSignal(),
            i_CE0=Const(1),
            i_RST0=Const(0),
            **_bits("o_P", self.p, 36),
        )
        return m


class DP16KD(wiring.Component):
    """18-kbit block RAM, port A writes and port B reads, through the output register.

    Parameters
    ----------
    width : int
        Bits of a word: 1, 2, 4, 9, 18 or 36 (pseudo dual port); the depth follows.
    init : sequence of int
        Contents after configuration; undefined where none is given.

    Members: ``wr_en`` In(1), ``wr_addr`` and ``rd_addr`` In(9 to 14), ``wr_data`` In(width); ``rd_data`` Out(width),
    2 cycles after its address. A word that is written and read in the same cycle reads undefined.
    """

    ADDRESS_BITS = 14
    #: Lowest address bit in use, by width.
    SHIFT = {1: 0, 2: 1, 4: 2, 9: 3, 18: 4, 36: 5}  # noqa: RUF012

    def __init__(self, width: int, *, init: Sequence[int] = ()):
        if width not in self.SHIFT:
            raise ValueError(f"a DP16KD is 1, 2, 4, 9, 18 or 36 bits wide, not {width}")
        self._width = width
        self._init = list(init)
        address_bits = self.ADDRESS_BITS - self.SHIFT[width]
        super().__init__(
            {
                "wr_en": In(1),
                "wr_addr": In(address_bits),
                "wr_data": In(width),
                "rd_addr": In(address_bits),
                "rd_data": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        unused = self.SHIFT[self._width]
        # Of the address bits that a wide word leaves over, those of the write port enable its bytes of 9 bits.
        enables = max(1, self._width // 9) if self._width >= 18 else 0
        wr_addr = Cat(Const((1 << enables) - 1, enables), Const(0, unused - enables), self.wr_addr)
        rd_addr = Cat(Const(0, unused), self.rd_addr)
        wr_data = Signal(36)
        rd_data = Signal(36)
        m.d.comb += wr_data.eq(self.wr_data)
        if self._width == 36:
            # Pseudo dual port: the lower half comes out at A.
            m.d.comb += self.rd_data.eq(rd_data)
        else:
            m.d.comb += self.rd_data.eq(rd_data[18:])
        m.submodules.cell = Instance(
            "DP16KD",
            p_DATA_WIDTH_A=self._width,
            p_DATA_WIDTH_B=self._width,
            p_REGMODE_A="OUTREG",
            p_REGMODE_B="OUTREG",
            p_WRITEMODE_A="NORMAL",
            p_WRITEMODE_B="NORMAL",
            p_RESETMODE="SYNC",
            p_ASYNC_RESET_RELEASE="SYNC",
            p_CSDECODE_A="0b000",
            p_CSDECODE_B="0b000",
            p_CLKAMUX="CLKA",
            p_CLKBMUX="CLKB",
            p_GSR="DISABLED",
            **self._init_parameters(),
            i_CLKA=ClockSignal(),
            i_CEA=Const(1),
            i_OCEA=Const(1),
            i_WEA=self.wr_en,
            i_RSTA=Const(0),
            **_bits("i_CSA", Const(0, 3), 3),
            **_bits("i_ADA", wr_addr, 14),
            **_bits("i_DIA", wr_data[:18], 18),
            **_bits("o_DOA", rd_data[:18], 18),
            i_CLKB=ClockSignal(),
            i_CEB=Const(1),
            i_OCEB=Const(1),
            i_WEB=Const(0),
            i_RSTB=Const(0),
            **_bits("i_CSB", Const(0, 3), 3),
            **_bits("i_ADB", rd_addr, 14),
            **_bits("i_DIB", wr_data[18:], 18),
            **_bits("o_DOB", rd_data[18:], 18),
        )
        return m

    def _init_parameters(self) -> dict:
        """INITVAL_00 to INITVAL_3F: 16 words of 18 bits each, every one in a field of 20."""
        if not self._init:
            return {}
        # A word of 1, 2 or 4 bits leaves the parity bit of its byte out.
        useful = 18 if self._width >= 9 else 16
        row = 0
        for i, word in enumerate(self._init):
            row |= word << (i * self._width)
        parameters = {}
        for line in range(64):
            value = 0
            for i in range(16):
                bits = row >> ((line * 16 + i) * useful) & ((1 << useful) - 1)
                if useful == 16:
                    bits = (bits >> 8) << 9 | bits & 0xFF
                value |= bits << (20 * i)
            parameters[f"p_INITVAL_{line:02X}"] = Const(value, 320)
        return parameters
