"""An SDRAM at the pins of a simulated board, which holds the board to the chip's data sheet."""

from ...hw.memory.sdram_config import SdramConfig
from ..memory.sdram import Pins, SdramChip, SdramRules, SdramViolation

__all__ = ["DATA_SHEET_PS", "SDRAM_PINS", "SdramAtPins"]

#: Pins but the clock and the data, the lowest bit first, and how many there are of each.
SDRAM_PINS = ("clk_en", "cs", "ras", "cas", "we", "ba", "a", "dqm")
#: Of parts of the -7 class, ps: inputs are steady from so long before an edge until so long after it; data are there so
#: long after the edge before theirs, and stay so long after theirs.
DATA_SHEET_PS = {"setup": 1500, "hold": 800, "access": 6000, "keep": 2500}


class SdramAtPins:
    """The chip, as ``harness.cpp`` calls it.

    Parameters
    ----------
    cfg : SdramConfig
        Its size and its clock; rules are those of the data sheet.
    """

    def __init__(self, cfg: SdramConfig):
        rules = SdramRules(banks=1 << cfg.bank_bits, columns=1 << cfg.column_bits)
        self.chip = SdramChip(rules, 1e9 / cfg.clock_hz)
        self._widths = self.widths(cfg)
        self._broken: SdramViolation | None = None

    @staticmethod
    def widths(cfg: SdramConfig) -> dict[str, int]:
        """Of :data:`SDRAM_PINS`."""
        wide = {"ba": cfg.bank_bits, "a": max(cfg.row_bits, 11), "dqm": cfg.DATA_BITS // 8}
        return {name: wide.get(name, 1) for name in SDRAM_PINS}

    def edge(self, idle: int, packed: int, dq: int) -> int:
        """An edge of the clock after ``idle`` ones at which nothing happened; see ``harness.cpp``."""
        if self._broken is not None:
            return 0
        values = {}
        for name, width in self._widths.items():
            values[name] = packed & (1 << width) - 1
            packed >>= width
        chip = self.chip
        try:
            if idle:
                chip.rest(idle)
            if not values["clk_en"]:
                # The controller has been reset.
                chip.forsake()
            chip.step(Pins(**values, dq=None if dq < 0 else dq))
        except SdramViolation as broken:
            self._broken = broken
            return 0
        return (chip.data() if chip.drives else 0) | chip.drives << 16 | chip.busy << 17

    def check(self, unsettled: int) -> None:
        """Raises SdramViolation if a rule has been broken, or a pin has changed too close to an edge."""
        if self._broken is not None:
            raise self._broken
        if unsettled:
            raise SdramViolation(f"pins have changed {unsettled} times within setup or hold time of the clock")
