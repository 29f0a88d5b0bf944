"""What ``skipwalk info`` says of units and boards: what each is, and what fits."""

from collections.abc import Iterator

from ...hw.boards.fpgas import fpga_of
from ...hw.boards.table import BOARDS, Board
from ...hw.unit.config import UnitConfig
from ...sim.oselm.resources import core_needs
from ..results.report import aligned
from ..units import UNITS

__all__ = ["describe_core", "named", "overview"]

#: Lines of a unit that say where it fits, which a board's description leaves out.
PLACES = ("fits", "boards")


def overview() -> str:
    """Every preset and every board, one a line."""
    lines = [[name, unit.name, unit.short(cfg)] for unit in UNITS.values() for name, cfg in unit.presets.items()]
    for name, board in BOARDS.items():
        lines += [[name, "board", f"{board.title}; {' and '.join(_of_unit(cfg) for cfg in board.cores)}"]]
    return "\n".join(aligned(lines, words={0, 1, 2}))


def named(name: str) -> Iterator[dict[str, str]]:
    """What has this name: presets of any unit, or a board."""
    for unit in UNITS.values():
        if name in unit.presets:
            yield unit.describe(unit.presets[name])
    if name in BOARDS:
        yield _describe_board(BOARDS[name])


def describe_core(cfg: UnitConfig) -> dict[str, str]:
    return UNITS.of(cfg).describe(cfg)


def _describe_board(board: Board) -> dict[str, str]:
    fpga, needs = fpga_of(board), core_needs(board.core, board.link)
    lines = {
        "board": board.title,
        "clock": f"{board.uart.clock_hz / 1e6:g} MHz",
        "serial line": f"{board.baud} bit/s",
        "device": f"{fpga.name}: {fpga.dsp} multipliers, {fpga.bram} block RAMs of 18 kbit, {fpga.lut:,} LUTs",
        **_sdram(board),
        **_on_board(board.core),
        "needs": f"{needs.dsp} multipliers, {needs.bram} block RAMs, the link's with them",
        "opened by": f"--board {board.name} --backend serial:PORT@{board.baud}",
    }
    for cfg in board.beside:
        lines |= {f"{UNITS.of(cfg).name} {name}": text for name, text in _on_board(cfg).items()}
    return lines


def _sdram(board: Board) -> dict[str, str]:
    sdram = board.sdram
    if sdram is None:
        return {}
    size = (1 << sdram.address_bits) * sdram.word_bits // 8 >> 20
    return {"SDRAM": f"{size} MB, {sdram.DATA_BITS} bits at {sdram.clock_hz / 1e6:g} MHz, a latency of {sdram.cas}"}


def _on_board(cfg: UnitConfig) -> dict[str, str]:
    return {name: text for name, text in describe_core(cfg).items() if name not in PLACES}


def _of_unit(cfg: UnitConfig) -> str:
    unit = UNITS.of(cfg)
    return f"{unit.name}: {unit.short(cfg)}"
