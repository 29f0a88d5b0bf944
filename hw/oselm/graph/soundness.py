"""Whether an edit can be carried out at all, whatever is stored."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from ..protocol import Edit
from .layouts import EditLayout

__all__ = ["Soundness"]


class Soundness(wiring.Component):
    """Looks at the operands of an edit.

    Parameters
    ----------
    cfg : CoreConfig
        With ``edge_ends``.

    Members
    -------
    edit : In(EditLayout), open : In(1)
        What is looked at, and whether the store has been cleared.
    sound : Out(1)
        Rows are in range and differ, the weight of an edge is 1 ... 65535, the function exists; :attr:`LATENCY`
        cycles later.
    """

    LATENCY = 2

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__({"edit": In(EditLayout()), "open": In(1), "sound": Out(1)})

    def elaborate(self, platform):
        cfg, edit = self._cfg, self.edit
        m = Module()
        v = edit.operand[: cfg.ROW_BITS]
        u_exists, v_exists, differ, weighs, short = (
            Signal(reset_less=True, name=name) for name in ("u_exists", "v_exists", "differ", "weighs", "short")
        )
        end = Signal(cfg.ROW_BITS + 2, reset_less=True)
        m.d.sync += [
            u_exists.eq(edit.u < cfg.nodes),
            v_exists.eq(v < cfg.nodes),
            differ.eq(edit.u != v),
            weighs.eq((edit.weight != 0) & (edit.weight < 1 << cfg.WEIGHT_BITS) if cfg.weight_bits else 1),
            short.eq(edit.operand < 1 << cfg.ROW_BITS + 1),
            end.eq(edit.u + edit.operand[: cfg.ROW_BITS + 1]),
        ]
        of_edge = self.open & u_exists & v_exists & differ
        with m.Switch(edit.function):
            with m.Case(Edit.CLEAR):
                m.d.sync += self.sound.eq(1)
            with m.Case(Edit.NODES):
                m.d.sync += self.sound.eq(self.open & u_exists & short & (end <= cfg.nodes))
            with m.Case(Edit.ADD_EDGE):
                m.d.sync += self.sound.eq(of_edge & weighs)
            with m.Case(Edit.REMOVE_EDGE):
                m.d.sync += self.sound.eq(of_edge)
            with m.Case(Edit.FREE_NODE):
                m.d.sync += self.sound.eq(self.open & u_exists)
            with m.Default():
                m.d.sync += self.sound.eq(0)
        return m
