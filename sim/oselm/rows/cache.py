"""Rows in memory, slots on the chip, and what moves between them: values and all."""

import numpy as np

from ....hw.oselm.rows.config import RowsConfig
from .directory import NoSlotError, RowDirectory

__all__ = ["RowCache"]


class RowCache:
    """Groups ask for their rows, one group after another, and use them in the same order.

    A group that is being fetched and finds no slot waits until the oldest group before it has ended. What a group finds
    in its slots is what the rows would hold if all of them were on the chip.

    Attributes
    ----------
    memory : (rows, ...) ndarray
        What stands outside; rows in slots are older here.
    slots : (slots, ...) ndarray
    directory : RowDirectory
    """

    def __init__(self, cfg: RowsConfig, memory: np.ndarray):
        if len(memory) != cfg.rows:
            raise ValueError(f"memory must have {cfg.rows} rows, not {len(memory)}")
        self.memory = memory
        self.slots = np.zeros((cfg.slots, *memory.shape[1:]), memory.dtype)
        self.directory = RowDirectory(cfg)

    def look_up(self, row: int, *, pool: bool = False) -> int:
        """As of the directory; if the row was not there, another one went to memory and it came. Raises NoSlotError."""
        moves = self.directory.moves
        before = len(moves)
        slot = self.directory.look_up(row, pool=pool)
        for move in moves[before:]:
            if move.out is not None:
                self.memory[move.out] = self.slots[slot]
            self.slots[slot] = self.memory[row]
        return slot

    def fetch(self, rows: list[int], *, pool: bool = False) -> list[int]:
        """Slots of some rows for the group that is being fetched. Raises NoSlotError if that would wait for ever: if
        groups before it could end, they have to first."""
        slots = []
        for row in rows:
            while True:
                try:
                    slots.append(self.look_up(row, pool=pool))
                    break
                except NoSlotError:
                    if self.directory.oldest == self.directory.newest:
                        raise
                    self.before_release()
                    self.directory.release()
        return slots

    def before_release(self) -> None:
        """Whatever the oldest group has still to do; for whoever simulates its user."""

    def flush(self) -> None:
        """All rows that stand in slots to memory; they stay."""
        for row, slot in self.directory.slot_of.items():
            self.memory[row] = self.slots[slot]
