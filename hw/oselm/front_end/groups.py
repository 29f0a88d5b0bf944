"""The two groups of walks: one is filled while contexts are made of the other."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig

__all__ = ["Groups"]


class Groups(wiring.Component):
    """Which group is being filled, and which ones wait for their contexts.

    Parameters
    ----------
    cfg : CoreConfig
        With ``walks``.

    Members
    -------
    group : Out(1), room : Out(1)
        The group to be filled; it is not in use.
    hand_over : In(1), n : In
        The group has ``n`` walks, at least one, and is complete; only while ``room``.
    full : Out(2), walks : Out array
        Groups that have been handed over, and how many walks they have.
    free : In(2)
        The group is not needed any more; for one cycle.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                "group": Out(1),
                "room": Out(1),
                "hand_over": In(1),
                "n": In(range(cfg.walks + 1)),
                "full": Out(2),
                "walks": Out(range(cfg.walks + 1)).array(2),
                "free": In(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.room.eq(~self.full.bit_select(self.group, 1))
        m.d.sync += self.full.eq(self.full & ~self.free)
        with m.If(self.hand_over):
            m.d.sync += self.group.eq(~self.group)
            with m.Switch(self.group):
                for i in range(2):
                    with m.Case(i):
                        m.d.sync += [self.full[i].eq(1), self.walks[i].eq(self.n)]
        return m
