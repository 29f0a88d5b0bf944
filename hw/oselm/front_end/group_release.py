"""When a group of walks has ended: all updates of its contexts have been written."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

__all__ = ["GroupRelease"]


class GroupRelease(wiring.Component):
    """Counts samples that are given and rows that are updated; both come in the same order.

    Members
    -------
    begins : In(1)
        Another group has asked for all its rows; only with ``room``.
    given : In(1), ends : In(1)
        A sample of a context was given; all contexts of the oldest group that has not ended have been, this sample
        included.
    updated : In(1)
        The row of the oldest sample has been written.
    release : Out(1)
        All rows of the oldest group have, for a cycle.
    room : Out(1)
        Another group may begin.

    Timing: a release comes 2 cycles after the update, or after the one before it.
    """

    #: Groups that have begun and not been released. Each has a context, and no more than ``lookahead + 1`` contexts
    #: wait for others, so there is always room in the end.
    GROUPS = 16
    #: Of a number of samples: more than can be under way.
    BITS = 16

    def __init__(self):
        super().__init__(
            {
                "begins": In(1),
                "given": In(1),
                "ends": In(1),
                "updated": In(1),
                "release": Out(1),
                "room": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.lasts = lasts = SyncFIFO(width=self.BITS, depth=self.GROUPS)
        given, updated = Signal(self.BITS), Signal(self.BITS)
        groups = Signal(range(self.GROUPS + 1))
        behind = Signal(self.BITS)
        m.d.comb += [
            lasts.w_data.eq(given + self.given),
            lasts.w_en.eq(self.ends),
            behind.eq(updated - lasts.r_data),
            self.release.eq(lasts.r_rdy & ~behind[-1]),
            lasts.r_en.eq(self.release),
        ]
        m.d.sync += [
            given.eq(given + self.given),
            updated.eq(updated + self.updated),
            groups.eq(groups + self.begins - self.release),
            self.room.eq(groups < self.GROUPS - 2),
        ]
        return m
