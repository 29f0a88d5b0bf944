"""What stands where in the memory outside. Standard library only."""

from dataclasses import dataclass

__all__ = ["MemoryMap", "Region"]


@dataclass(frozen=True)
class Region:
    """``items`` of ``words`` words each: item i has those from ``base + i * words`` on."""

    base: int
    items: int
    words: int

    @property
    def end(self) -> int:
        """The first word behind it."""
        return self.base + self.items * self.words

    def behind(self, items: int, words: int) -> "Region":
        """The next region, at a multiple of its size, rounded up to a power of two: so that the bits of its base and
        those of a place in it have none in common."""
        size = 1 << (items * words - 1).bit_length()
        return Region(-(-self.end // size) * size, items, words)


@dataclass(frozen=True)
class MemoryMap:
    """In words of the memory's port: ``rows`` of beta, and where lists are outside ``headers`` by row and ``entries``,
    each in the lowest bits of its words."""

    rows: Region
    headers: Region | None = None
    entries: Region | None = None

    @property
    def words(self) -> int:
        """From the first one to the last."""
        return (self.entries or self.rows).end

    @property
    def address_bits(self) -> int:
        return (self.words - 1).bit_length()
