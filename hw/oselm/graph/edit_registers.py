"""What is known of an edit while it is carried out."""

from enum import IntEnum

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data

from ..config import CoreConfig
from .allocator import RoomLayout
from .edge_finder import EdgeLayout
from .layouts import EditLayout, HeaderLayout, Outcome

__all__ = ["EditRegisters", "EndLayout", "Phase"]


class Phase(IntEnum):
    """What is done for one end of an edge, and then for the other."""

    LOAD = 0
    FIND = 1
    ROOM = 2
    KNOW = 3
    LIST = 4


class EndLayout(data.StructLayout):
    """What is known of one end of an edge: its row and header, and how the edge looks from there; ``moves``: its list
    goes to a room of the next class, at ``fresh``."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "row": cfg.row_bits,
                "header": HeaderLayout(cfg),
                "edge": EdgeLayout(cfg),
                "moves": 1,
                "fresh": cfg.place_bits,
            }
        )


class EditRegisters:
    """What the states of the edit engine share.

    Attributes
    ----------
    edit, outcome : Signal
        What is carried out, and what becomes of it.
    near, far : Signal
        The end at hand, and the other one; ``second``: the one at hand is v.
    phase : Signal
        What has been done for the end at hand, as of TURN.
    change : Signal
        Added to the sums: the weight, less what it was before.
    freed : Signal
        The room that is given back.
    """

    def __init__(self, cfg: CoreConfig):
        self.edit = Signal(EditLayout(), reset_less=True)
        self.outcome = Signal(Outcome, reset_less=True)
        self.near, self.far = Signal(EndLayout(cfg), reset_less=True), Signal(EndLayout(cfg), reset_less=True)
        self.second, self.phase = Signal(reset_less=True), Signal(Phase, reset_less=True)
        self.change = Signal(signed(cfg.weight_bits + 1), reset_less=True)
        self.freed = Signal(RoomLayout(cfg), reset_less=True)

    def end(self, m: Module, outcome: Outcome) -> None:
        """The edit is over."""
        m.d.sync += self.outcome.eq(outcome)
        m.next = "DONE"

    def end_phase(self, m: Module, phase: Phase) -> None:
        """The end at hand is through."""
        m.d.sync += self.phase.eq(phase)
        m.next = "TURN"
