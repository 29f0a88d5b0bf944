"""Which row stands in which slot: what ``hw.oselm.rows.directory`` decides, without its memories and its time."""

from dataclasses import dataclass

from ....hw.oselm.rows.config import RowsConfig

__all__ = ["Move", "NoSlotError", "RowDirectory"]


class NoSlotError(Exception):
    """All slots are in use; a group has to end first."""


@dataclass(frozen=True)
class Move:
    """``row`` comes into ``slot``, from which the row ``out`` goes (None: it was empty)."""

    slot: int
    row: int
    out: int | None


class RowDirectory:
    """Rows by slot. The hand goes round the slots and takes the first one that nobody uses.

    Attributes
    ----------
    moves : list of Move
        All so far.
    hits : int
    """

    def __init__(self, cfg: RowsConfig):
        self._cfg = cfg
        self.slot_of: dict[int, int] = {}
        self.row_in: list[int | None] = [None] * cfg.slots
        self._last = [-1] * cfg.slots  # group that used it last
        self._count = [0] * cfg.slots  # how often it is in the pool
        self._hand = 0
        self.newest = self.oldest = 0
        self.moves: list[Move] = []
        self.hits = 0

    def uses(self, slot: int) -> bool:
        """Whether the pool or a group that has not ended does."""
        return self._count[slot] > 0 or self._last[slot] >= self.oldest

    def look_up(self, row: int, *, pool: bool = False) -> int:
        """The slot of a row, for the group that is being fetched, and for the pool. Raises NoSlotError."""
        slot = self.slot_of.get(row)
        if slot is None:
            slot = self._free()
            out = self.row_in[slot]
            if out is not None:
                del self.slot_of[out]
            self.slot_of[row], self.row_in[slot] = slot, row
            self.moves.append(Move(slot, row, out))
        else:
            self.hits += 1
        self._last[slot] = self.newest
        self._count[slot] += pool
        return slot

    def drop(self, slot: int) -> None:
        """The pool does not hold it any more, from the group that is being fetched on."""
        self._count[slot] -= 1
        self._last[slot] = max(self._last[slot], self.newest - 1)

    def end(self) -> None:
        """The group has all its rows; those that follow are the next one's."""
        self.newest += 1

    def release(self) -> None:
        """The oldest group has ended, and all its updates have been written."""
        assert self.oldest < self.newest
        self.oldest += 1

    def _free(self) -> int:
        for i in range(self._cfg.slots):
            slot = (self._hand + i) % self._cfg.slots
            if self.row_in[slot] is None or not self.uses(slot):
                self._hand = (slot + 1) % self._cfg.slots
                return slot
        raise NoSlotError(f"{self._cfg.slots} slots are in use")
