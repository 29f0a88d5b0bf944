"""Where the lanes' multipliers and block RAMs go on the chip: lane by lane, along a ring. Standard library only.

Left alone, placement scatters the 128 multipliers of ``ecp5-85f`` over the chip and wires them up afterwards. Lanes
hand operations and sums on to their neighbours (``CoreConfig.group``), so neighbours are put side by side: the first
half of the lanes from left to right around one row of block RAMs, the second half back again around the next, and the
last lane ends where the first one began, next to the control.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..fabric.ram_grid import BlockGrid
from ..oselm.config import CoreConfig

__all__ = ["LFE5U_85F", "Sites", "floorplan", "floorplan_script"]

#: A lane's multipliers: the errors in the row that both halves share, the rest in the row of the own half.
SHARED, OWN = ("samples.dot",), ("samples.step", "sweep.step", "sweep.dot")


@dataclass(frozen=True, kw_only=True)
class Sites:
    """Places of an ECP5 that a core's lanes are laid out on.

    Attributes
    ----------
    columns : tuple of int
        Where the blocks begin, each with four multipliers in a row of multipliers, four block RAMs in a row of those.
    dsp_rows : (int, int, int)
        Rows of multipliers: above the first half of the lanes, between the halves, below the second.
    ram_rows : (int, int)
        Rows of block RAMs, one for each half.
    """

    columns: tuple[int, ...]
    dsp_rows: tuple[int, int, int]
    ram_rows: tuple[int, int]

    @property
    def width(self) -> int:
        """Multipliers, and block RAMs, of a row."""
        return 4 * len(self.columns)

    def multiplier(self, row: int, number: int) -> str:
        """nextpnr's name of a place in a row; they are numbered from the left."""
        block, place = divmod(number, 4)
        offset = (0, 1, 4, 5)[place]
        return f"X{self.columns[block] + offset}/Y{row}/MULT18_{offset}"

    def ram(self, row: int, number: int) -> str:
        """Likewise for a block RAM."""
        block, place = divmod(number, 4)
        return f"X{self.columns[block] + 2 * place}/Y{row}/EBR{place}"


#: As nextpnr 0.11 names them; the clock's spine is between the seventh and the eighth block.
LFE5U_85F = Sites(
    columns=tuple(4 + 9 * block + (2 if block > 6 else 0) for block in range(13)),
    dsp_rows=(10, 34, 58),
    ram_rows=(22, 46),
)


def floorplan(cfg: CoreConfig, sites: Sites) -> dict[str, str]:
    """Cells of the lanes, each with the name of its place.

    The keys are paths below the core, such as ``samples.dot.multipliers.lane_5.cell.cell``.

    Raises
    ------
    ValueError
        The lanes do not fit into two rows; the message says what they need.
    """
    # With rows outside, those that are in slots.
    blocks = BlockGrid.cheapest(cfg.engine.nodes * cfg.chunks, cfg.beta.bits)
    half = cfg.lanes // 2
    own = OWN if cfg.has_p else tuple(role for role in OWN if not role.startswith("sweep."))
    # Places that a lane takes in each row.
    share = max(len(own), blocks.blocks)
    if half * share > sites.width:
        raise ValueError(
            f"a lane takes {share} places of a row (row store: {blocks.blocks} block RAMs), so {half} lanes take "
            f"{half * share}; a row has {sites.width}"
        )
    plan = {}
    for lane in range(cfg.lanes):
        second, place = divmod(lane, half)
        first = share * (half - 1 - place if second else place)
        for index, role in enumerate(own):
            row = sites.dsp_rows[2 if second else 0]
            plan[f"{role}.multipliers.lane_{lane}.cell.cell"] = sites.multiplier(row, first + index)
        for role in SHARED:
            # The two halves take turns in the row between them.
            plan[f"{role}.multipliers.lane_{lane}.cell.cell"] = sites.multiplier(sites.dsp_rows[1], first + second)
        for index in range(blocks.blocks):
            row, column = divmod(index, blocks.columns)
            name = f"samples.store_{lane}.block_{row}_{column}.cell"
            plan[name] = sites.ram(sites.ram_rows[second], first + index)
    return plan


def floorplan_script(cfg: CoreConfig, sites: Sites) -> Iterator[str]:
    """Yosys commands for after synthesis, which give the cells their places."""
    for path, place in floorplan(cfg, sites).items():
        # Amaranth may have put a number behind the name of the engine.
        engine, _, rest = path.partition(".")
        yield f'setattr -set BEL "{place}" c:*.{engine}*.{rest}'
