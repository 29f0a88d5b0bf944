"""The two groups of walks: one is filled while contexts are made of the other."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ...fabric.ram import Ram
from ..config import CoreConfig
from .walk_shape import SamplingLayout, WalkLayout, WalkShape

__all__ = ["FillPort", "Groups", "WalkAddress", "slot_bits"]


def slot_bits(cfg: CoreConfig) -> int:
    """Width of a walk's place in its group."""
    return max(1, clog2(cfg.walks))


class WalkAddress(data.StructLayout):
    """A node in the memory of walks: its ``index`` in the walk, the walk's ``slot`` in its group, and the group."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"index": clog2(cfg.max_walk), "slot": slot_bits(cfg), "group": 1})


class FillPort(wiring.Signature):
    """Seen from who fills a group with walks.

    Members
    -------
    group : In(1), room : In(1)
        The group to be filled; it is not in use.
    n : Out, hand_over : Out(1)
        So many walks are in it; it is complete, and has at least one. Only with ``room``.
    count : Out(1), nodes : Out, counted : In(1)
        Find out what a walk of so many nodes gives; that is known. ``nodes`` stay from ``count`` on as long as walks
        of that length are added.
    walk_en : Out(1)
        Another walk of ``nodes`` nodes belongs to the group; ``n`` rises in the next cycle.
    node_en : Out(1), address : Out(WalkAddress), node : Out
        Write a node.
    """

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "group": In(1),
                "room": In(1),
                "n": Out(range(cfg.walks + 1)),
                "hand_over": Out(1),
                "count": Out(1),
                "nodes": Out(range(cfg.max_walk + 1)),
                "counted": In(1),
                "walk_en": Out(1),
                "node_en": Out(1),
                "address": Out(WalkAddress(cfg)),
                "node": Out(cfg.row_bits),
            }
        )


class Groups(wiring.Component):
    """Which group is being filled, which ones wait for their contexts, and what their walks give.

    Parameters
    ----------
    cfg : CoreConfig
        With ``walks``.
    fillers : int
        1 or 2.

    Members
    -------
    fillers : In(FillPort) array, active : In(1)
        The one that is ``active`` is at work, or has walks in the group; the other one is not.
    sampling : In(SamplingLayout)
        Steady while there are walks.
    full : Out(2), walks : Out array
        Groups that have been handed over, and how many walks they have.
    free : In(2)
        The group is not needed any more; for one cycle.
    walk_address : In, walk : Out(WalkLayout)
        What a walk gives, by slot and group; in the same cycle.
    node_en : Out(1), address : Out(WalkAddress), node : Out
        Write a node.
    """

    def __init__(self, cfg: CoreConfig, fillers: int = 1):
        self._cfg = cfg
        super().__init__(
            {
                "fillers": In(FillPort(cfg)).array(fillers),
                "active": In(1),
                "sampling": In(SamplingLayout()),
                "full": Out(2),
                "walks": Out(range(cfg.walks + 1)).array(2),
                "free": In(2),
                "walk_address": In(slot_bits(cfg) + 1),
                "walk": Out(WalkLayout(cfg)),
                "node_en": Out(1),
                "address": Out(WalkAddress(cfg)),
                "node": Out(cfg.row_bits),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.shape = shape = WalkShape(cfg)
        m.submodules.memory = memory = Ram(
            2 << slot_bits(cfg), WalkLayout(cfg).size, vendor=cfg.vendor, style="distributed"
        )

        def of_active(name: str):
            values = [getattr(filler, name) for filler in self.fillers]
            return values[0] if len(values) == 1 else Mux(self.active, values[1], values[0])

        group, n = Signal(), Signal(range(cfg.walks + 1))
        m.d.comb += [
            n.eq(of_active("n")),
            shape.sampling.eq(self.sampling),
            shape.start.eq(of_active("count")),
            shape.nodes.eq(of_active("nodes")),
            memory.wr_en.eq(of_active("walk_en")),
            memory.wr_addr.eq(Cat(n[: slot_bits(cfg)], group)),
            memory.wr_data.eq(shape.walk),
            memory.rd_addr.eq(self.walk_address),
            self.walk.eq(memory.rd_data),
            self.node_en.eq(of_active("node_en")),
            self.address.eq(of_active("address")),
            self.node.eq(of_active("node")),
        ]
        for filler in self.fillers:
            m.d.comb += [
                filler.group.eq(group),
                filler.room.eq(~self.full.bit_select(group, 1)),
                filler.counted.eq(shape.done),
            ]
        m.d.sync += self.full.eq(self.full & ~self.free)
        with m.If(of_active("hand_over")):
            m.d.sync += group.eq(~group)
            with m.Switch(group):
                for i in range(2):
                    with m.Case(i):
                        m.d.sync += [self.full[i].eq(1), self.walks[i].eq(n)]
        return m
