"""What the words of both units have in common. Standard library only."""

from dataclasses import astuple, dataclass

__all__ = ["CLEAR", "FLUSH", "GET", "INFO", "UnitIdentity", "checked_field", "common_header"]

#: Opcodes that mean the same to every unit: its identity, a counter, counters to 0, a barrier that answers its header.
INFO, GET, CLEAR, FLUSH = 1, 3, 4, 10


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


def common_header(opcode: int, argument: int = 0) -> int:
    """Header of one of these commands. Raises ValueError for an argument that does not fit 28 bits."""
    return opcode << 28 | checked_field("the argument of a command", argument, 28)


def checked_field(what: str, value: int, bits: int) -> int:
    """``value``, which goes into a field of a header word. Raises ValueError if it does not fit."""
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{what} must fit {bits} bits, not {value}")
    return value
