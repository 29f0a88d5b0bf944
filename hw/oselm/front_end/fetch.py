"""Rows of walks get slots before contexts are made of them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.ram import Ram
from ..config import CoreConfig
from ..rows.layouts import Kind, RowAsks
from .layouts import WalkAddress, WalkLayout, slot_bits
from .ports import GroupDraws, GroupUse, NewNumber, NodeReads

__all__ = ["Fetch"]


class Fetch(wiring.Component):
    """Stands between the groups of walks that have been filled and who makes contexts of them: asks for the rows of a
    group, draws of the pool first, and passes it on when all stand in slots. A row is asked for once a node.

    Parameters
    ----------
    cfg : CoreConfig
        With ``slots``.
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    groups : Out(GroupUse), nodes : Out(NodeReads)
        Groups that have been filled; one is free again when all its rows have been asked for and have come.
    node_latency : parameter
        Cycles in which a node is read.
    use : In(GroupUse), places : In(NodeReads)
        The same groups with slots in place of rows; a slot comes :attr:`place_latency` cycles after its address.
    next_walk : In(NewNumber)
        Number of the next group's first walk.
    pool : Out(GroupDraws)
        Draws of the group are asked for.
    asks : Out(RowAsks)
        Its nodes; releases aside.
    may : In(1)
        Another group may be asked for.
    busy : Out(1)
        Rows of a group are being asked for, or are on their way.

    Timing: beside what the directory takes, ``latency + 2`` cycles a node of which most pass while it is at work, and
    6 a walk. While a group is asked for, contexts are made of the one before it, and the next one is filled.
    Resources: a memory of ``2 * walks * max_walk`` slots, each factor rounded up to a power of two; one of
    ``2 * walks`` words in LUT RAM.
    """

    def __init__(self, cfg: CoreConfig, *, node_latency: int, primitives: bool = False):
        self._cfg, self._node_latency = cfg, node_latency
        address = WalkAddress(cfg).size
        self._places = Ram(1 << address, cfg.engine.row_bits, vendor=cfg.vendor, primitives=primitives)
        super().__init__(
            {
                "groups": Out(GroupUse(cfg)),
                "nodes": Out(NodeReads(cfg)),
                "use": In(GroupUse(cfg)),
                "places": In(NodeReads(cfg.engine)),
                "next_walk": In(NewNumber()),
                "pool": Out(GroupDraws(cfg)),
                "asks": Out(RowAsks(cfg.rows_outside)),
                "may": In(1),
                "busy": Out(1),
            }
        )

    @property
    def place_latency(self) -> int:
        """Cycles in which a slot is read."""
        return self._places.latency

    def elaborate(self, platform):
        cfg, asks, use = self._cfg, self.asks, self.use
        m = Module()
        m.submodules.places = places = self._places
        m.submodules.memory = memory = Ram(
            2 << slot_bits(cfg), WalkLayout(cfg).size, vendor=cfg.vendor, style="distributed"
        )
        group, walk, n = Signal(), Signal(slot_bits(cfg)), Signal(range(cfg.walks + 1))
        first = Signal(32)  # number of the group's first walk
        node, asked = Signal(WalkAddress(cfg)), Signal(WalkAddress(cfg))
        left = Signal(range(cfg.max_walk + 2), reset_less=True)  # nodes of the walk
        t = Signal(range(self._node_latency + 1))
        given = data.View(WalkLayout(cfg), self.groups.walk)
        last = Signal()
        m.d.comb += [
            Cat(node.slot, node.group).eq(Cat(walk, group)),
            self.groups.walk_address.eq(Cat(walk, group)),
            self.nodes.address.eq(node),
            memory.rd_addr.eq(use.walk_address),
            memory.wr_addr.eq(Cat(walk, group)),
            memory.wr_data.eq(self.groups.walk),
            use.walk.eq(memory.rd_data),
            use.there.eq(self._cfg.max_walk),
            places.rd_addr.eq(self.places.address),
            self.places.node.eq(places.rd_data),
            places.wr_addr.eq(asked),
            places.wr_data.eq(asks.slots.payload),
            places.wr_en.eq(asks.slots.valid & asks.slots.ready),
            self.pool.first.eq(first),
            self.pool.walks.eq(n),
            asks.ops.payload.row.eq(self.nodes.node),
            last.eq(walk + 1 == n),
        ]
        m.d.sync += [use.full.eq(use.full & ~use.free), t.eq(0)]
        with m.If(self.next_walk.en):
            m.d.sync += first.eq(self.next_walk.value)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("WAIT"))
            with m.State("WAIT"):
                m.d.sync += [walk.eq(0), n.eq(Mux(group, *reversed(list(self.groups.walks))))]
                there = self.groups.full.bit_select(group, 1) & ~use.full.bit_select(group, 1)
                with m.If(there & self.may):
                    m.next = "POOL"
            with m.State("POOL"):
                m.d.comb += self.pool.wanted.eq(1)
                with m.If(self.pool.done):
                    m.next = "WALK"
            with m.State("WALK"):
                m.d.comb += memory.wr_en.eq(1)
                m.d.sync += [left.eq(given.contexts + given.positives), node.index.eq(0)]
                m.next = "READ"
            with m.State("READ"):
                m.d.sync += t.eq(t + 1)
                with m.If(t == self._node_latency):
                    m.d.sync += t.eq(t)
                    m.d.comb += [asks.ops.valid.eq(1), asks.ops.payload.kind.eq(Kind.WALK)]
                    with m.If(asks.ops.ready):
                        m.d.sync += [asked.eq(node), node.index.eq(node.index + 1), left.eq(left - 1), t.eq(0)]
                        with m.If(left == 1):
                            m.d.sync += walk.eq(walk + 1)
                            m.next = "WALK"
                            with m.If(last):
                                m.next = "END"
            self._end(m, group, n, first)
        # The directory answers before it takes another row.
        m.d.comb += asks.slots.ready.eq(~fsm.ongoing("POOL"))
        return m

    def _end(self, m, group, n, first):
        """States in which the group is complete, and its rows come."""
        asks = self.asks
        with m.State("END"):
            m.d.comb += [asks.ops.valid.eq(1), asks.ops.payload.kind.eq(Kind.END)]
            with m.If(asks.ops.ready):
                m.next = "LAND"
        with m.State("LAND"), m.If(asks.landed):
            m.d.comb += self.groups.free.bit_select(group, 1).eq(1)
            m.d.sync += [
                self.use.full.bit_select(group, 1).eq(1),
                group.eq(~group),
                first.eq(first + n),
            ]
            with m.Switch(group):
                for i in range(2):
                    with m.Case(i):
                        m.d.sync += self.use.walks[i].eq(n)
            m.next = "WAIT"
