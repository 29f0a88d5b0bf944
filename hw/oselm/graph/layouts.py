"""Words of the graph store: headers of rows, entries of neighbour lists, edits and what became of them."""

from enum import IntEnum

from amaranth.hdl import Cat, Const, Value
from amaranth.lib import data

from ...fabric.pipeline import clog2
from ..config import CoreConfig

__all__ = ["DoneLayout", "EditLayout", "EntryLayout", "HeaderLayout", "Outcome", "address_bits", "first_entry"]


class Outcome(IntEnum):
    """What became of an edit."""

    DONE = 0
    REFUSED = 1  # no room for a list, or a sum of weights too large
    REJECTED = 2  # unsound: a row out of range, no such edge, a store that has not been cleared, ...


class HeaderLayout(data.StructLayout):
    """Of a row: its list begins at entry ``4 * place`` and has ``degree`` entries; its room has
    ``4 << (room - 1)``, none with ``room`` 0; ``known``: the row is a node of the graph."""

    def __init__(self, cfg: CoreConfig):
        room_bits = cfg.room_classes.bit_length()
        super().__init__({"place": cfg.place_bits, "degree": cfg.row_bits, "room": room_bits, "known": 1})


class EntryLayout(data.StructLayout):
    """One neighbour of a row, and where edges have weights their ``sum`` up to and including this one."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"row": cfg.row_bits} | ({"sum": cfg.weight_bits} if cfg.weight_bits else {}))


class EditLayout(data.StructLayout):
    """An :class:`~skipwalk.hw.oselm.protocol.Edit` with its operands as they come from the host, in words that are
    not looked at where the edit has none: ``operand`` is row v or a number of rows."""

    def __init__(self):
        super().__init__({"function": 4, "u": CoreConfig.ROW_BITS, "operand": 32, "weight": 32})


class DoneLayout(data.StructLayout):
    """The :class:`Outcome` of an edit, and the degrees of both ends after ADD_EDGE and REMOVE_EDGE; 0 if it was not
    done, and after any other edit."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"outcome": 2, "degree_u": cfg.row_bits, "degree_v": cfg.row_bits})


def address_bits(cfg: CoreConfig) -> int:
    """Width of the address of an entry."""
    return clog2(cfg.edge_ends)


def first_entry(cfg: CoreConfig, place: Value) -> Value:
    """Address of the first entry of the room at ``place``."""
    return Cat(Const(0, 2), place)[: address_bits(cfg)]
