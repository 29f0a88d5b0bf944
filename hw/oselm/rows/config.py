"""How many rows there are, and how many slots hold those in use. Standard library only."""

from dataclasses import dataclass

__all__ = ["RowsConfig"]


@dataclass(frozen=True, kw_only=True)
class RowsConfig:
    """A cache of rows.

    Attributes
    ----------
    rows : int
        In memory.
    slots : int
        On the chip.
    words : int
        Of a row, as the port of the memory counts them.
    word_bits : int
    pool : int
        Rows that the pool of negatives holds at a time; 0: there is none.
    group_rows : int
        Rows that a group of walks asks for at most, those that it puts into the pool included.
    held_rows : int
        Rows of groups before it that end only when the group has all of its own; 0 if they end by themselves.
    groups : int
        Groups that have rows at a time: one being fetched, one in use, one whose last updates are under way, say.

    Raises
    ------
    ValueError
        There are so few slots that a group could wait for itself, or a number is out of range.
    """

    rows: int
    slots: int
    words: int
    word_bits: int = 32
    pool: int = 0
    group_rows: int
    held_rows: int = 0
    groups: int = 3

    def __post_init__(self):
        least = {"rows": 2, "slots": 2, "words": 1, "pool": 0, "group_rows": 1, "held_rows": 0, "groups": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name} must be at least {low}, not {getattr(self, name)}")
        if self.slots < self.least_slots:
            names = ("pool", "group_rows", "held_rows") if self.held_rows else ("pool", "group_rows")
            numbers = " + ".join(str(getattr(self, name)) for name in names)
            raise ValueError(
                f"{self.slots} slots could all be wanted by one group: it needs {' + '.join(names)}, "
                f"{numbers} = {self.least_slots}"
            )
        if self.groups >= self.slots:
            raise ValueError(f"groups must be below slots ({self.slots}), not {self.groups}")

    @property
    def least_slots(self) -> int:
        """With so many there is always a slot once the groups before have ended, as far as they end by themselves: a
        group holds what it has asked for, rows that it puts into the pool among it, and the pool what was there
        before. A group waits for those before it alone, which have all their rows, so nothing waits for ever."""
        return min(self.pool + self.group_rows + self.held_rows, self.rows)

    @property
    def free_slots(self) -> int:
        """With so many no group waits for another: all of them, and the pool, have room."""
        return self.pool + self.groups * self.group_rows

    @property
    def slot_bits(self) -> int:
        return (self.slots - 1).bit_length()

    @property
    def row_bits(self) -> int:
        return (self.rows - 1).bit_length()

    @property
    def age_bits(self) -> int:
        """Of the number of a group: what has not been used for as many groups as there are slots has been looked at and
        marked as old before numbers come again."""
        return self.slot_bits + 2

    @property
    def count_bits(self) -> int:
        """Of how often a row is in the pool, and once more while it is replaced by itself."""
        return (self.pool + 1).bit_length()

    @property
    def address_bits(self) -> int:
        """Of a word of a row in memory: row r has the words ``r * words`` ... ."""
        return (self.rows * self.words - 1).bit_length()
