"""How a memory is put together from block RAMs. Standard library only: models count blocks and latencies with it."""

from dataclasses import dataclass

__all__ = ["BlockGrid"]


@dataclass(frozen=True)
class BlockGrid:
    """How a memory is put together from 18-kbit block RAMs.

    Attributes
    ----------
    rows, columns : int
        Banks one after another in address, and slices of a word side by side.
    block_depth, block_width : int
        Mode of every block.
    """

    rows: int
    columns: int
    block_depth: int
    block_width: int

    #: Modes of an 18-kbit block: (depth, width).
    MODES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
    #: Bits to choose between two rows that are as dear as a block: many rows are few blocks and far more wires.
    CHOICE_BITS = 128

    @classmethod
    def cheapest(cls, depth: int, width: int) -> "BlockGrid":
        """The grid for ``depth`` words of ``width`` bits that takes the fewest blocks, the choice between its rows
        counted by :data:`CHOICE_BITS`; of those with the fewest rows."""
        grids = (cls(-(-depth // d), -(-width // w), d, w) for d, w in cls.MODES)
        return min(grids, key=lambda g: (g.blocks * cls.CHOICE_BITS + (g.rows - 1) * width, g.rows))

    @property
    def blocks(self) -> int:
        return self.rows * self.columns

    @property
    def latency(self) -> int:
        """Cycles of a read: array and output register; with several banks, also the choice of one."""
        return 2 if self.rows == 1 else 3
