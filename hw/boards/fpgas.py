"""What the FPGAs of the boards have: how many multipliers, block RAMs, LUTs and flip-flops. Standard library only."""

from dataclasses import dataclass

from .table import Board

__all__ = ["FPGAS", "Fpga", "fpga_of"]


@dataclass(frozen=True, kw_only=True)
class Fpga:
    """An FPGA, counted as nextpnr counts it.

    Attributes
    ----------
    name : str
        Of the part, without package and speed.
    family : str
        A key of :data:`skipwalk.sim.rtl.synthesis.FAMILIES`.
    dsp : int
        Multipliers of 18 x 18 bits.
    bram : int
        Block RAMs of 18 kbit.
    lut, ff : int
        Four-input look-up tables, and flip-flops.
    """

    name: str
    family: str
    dsp: int
    bram: int
    lut: int
    ff: int


#: By name; a LFE5U-12F is the die of a 25F, and nextpnr uses all of it.
FPGAS = {
    d.name: d
    for d in (
        Fpga(name="LFE5U-12F", family="ecp5", dsp=28, bram=56, lut=24288, ff=24288),
        Fpga(name="LFE5U-25F", family="ecp5", dsp=28, bram=56, lut=24288, ff=24288),
        Fpga(name="LFE5U-45F", family="ecp5", dsp=72, bram=108, lut=43848, ff=43848),
        Fpga(name="LFE5U-85F", family="ecp5", dsp=156, bram=208, lut=83640, ff=83640),
        Fpga(name="LFE5UM5G-85F", family="ecp5", dsp=156, bram=208, lut=83640, ff=83640),
        Fpga(name="GW1NR-9C", family="gowin", dsp=20, bram=26, lut=8640, ff=6480),
        Fpga(name="GW2AR-18C", family="gowin", dsp=48, bram=46, lut=20736, ff=15552),
    )
}


def fpga_of(board: Board) -> Fpga:
    """The FPGA that the board's title names. Raises ValueError, with those there are, if it names none."""
    # The longest name first: one may be part of another.
    for name in sorted(FPGAS, key=len, reverse=True):
        if name in board.title:
            return FPGAS[name]
    raise ValueError(
        f"the title of board {board.name} ({board.title!r}) names no FPGA that is known here: {', '.join(FPGAS)}"
    )
