"""What the words of both units have in common. Standard library only."""

from dataclasses import astuple, dataclass

__all__ = ["UnitIdentity", "checked_field"]


@dataclass(frozen=True)
class UnitIdentity:
    """What every unit says of itself first: which kind it is, the version of its words, and the digest of its
    configuration. Subclasses add fields."""

    magic: int
    version: int
    digest: int

    @property
    def words(self) -> list[int]:
        """The reply to INFO: the fields in their order."""
        return list(astuple(self))


def checked_field(what: str, value: int, bits: int) -> int:
    """``value``, which goes into a field of a header word. Raises ValueError if it does not fit."""
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{what} must fit {bits} bits, not {value}")
    return value
