"""The two groups of walks and their memory: one is filled while contexts are made of the other, or of what it has."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ...fabric.ram import Ram
from ..config import CoreConfig
from .layouts import WalkAddress, WalkLayout, slot_bits
from .ports import FillPort, GroupUse, NodeReads, WalkRules
from .walk_shape import WalkShape

__all__ = ["Groups"]


class Groups(wiring.Component):
    """Which group is being filled, which ones wait for their contexts, what their walks give, and their nodes.

    Parameters
    ----------
    cfg : CoreConfig
        With ``walks``.
    fillers : int
        1 or 2.
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    fillers : In(FillPort) array, active : In(1)
        The one that is ``active`` is at work, or has walks in the group; the other one is not.
    rules : In(WalkRules)
        Steady while there are walks.
    use : In(GroupUse), nodes : In(NodeReads)
        For who makes contexts; a node comes :attr:`node_latency` cycles after its address.

    Nodes of a walk come in order after its ``walk_en`` if its filler begins the group before it is complete.

    Resources: a memory of ``2 * walks * max_walk`` rows, each factor rounded up to a power of two; one of
    ``2 * walks`` words in LUT RAM.
    """

    def __init__(self, cfg: CoreConfig, fillers: int = 1, *, primitives: bool = False):
        self._cfg = cfg
        self._nodes = Ram(1 << WalkAddress(cfg).size, cfg.row_bits, vendor=cfg.vendor, primitives=primitives)
        super().__init__(
            {
                "fillers": In(FillPort(cfg)).array(fillers),
                "active": In(1),
                "rules": In(WalkRules()),
                "use": In(GroupUse(cfg)),
                "nodes": In(NodeReads(cfg)),
            }
        )

    @property
    def node_latency(self) -> int:
        """Cycles in which a node is read."""
        return self._nodes.latency

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        use = self.use
        m.submodules.shape = shape = WalkShape(cfg)
        m.submodules.nodes = nodes = self._nodes
        m.submodules.memory = memory = Ram(
            2 << slot_bits(cfg), WalkLayout(cfg).size, vendor=cfg.vendor, style="distributed"
        )

        def of_active(name: str):
            values = [getattr(filler, name) for filler in self.fillers]
            return values[0] if len(values) == 1 else Mux(self.active, values[1], values[0])

        group, n = Signal(), Signal(range(cfg.walks + 1))
        m.d.comb += [
            n.eq(of_active("n")),
            shape.sampling.eq(self.rules.sampling),
            shape.start.eq(of_active("count")),
            shape.nodes.eq(of_active("nodes")),
            memory.wr_en.eq(of_active("walk_en")),
            memory.wr_addr.eq(Cat(n[: slot_bits(cfg)], group)),
            memory.wr_data.eq(shape.walk),
            memory.rd_addr.eq(use.walk_address),
            use.walk.eq(memory.rd_data),
            nodes.wr_en.eq(of_active("node_en")),
            nodes.wr_addr.eq(of_active("address")),
            nodes.wr_data.eq(of_active("node")),
            nodes.rd_addr.eq(self.nodes.address),
            self.nodes.node.eq(nodes.rd_data),
        ]
        for filler in self.fillers:
            m.d.comb += [
                filler.group.eq(group),
                filler.room.eq(~use.full.bit_select(group, 1)),
                filler.counted.eq(shape.done),
            ]
        self._count(m, group, n, of_active)
        m.d.sync += use.full.eq(use.full & ~use.free)
        with m.If(of_active("hand_over")):
            m.d.sync += group.eq(~group)
        with m.If(of_active("begin")):
            with m.Switch(group):
                for i in range(2):
                    with m.Case(i):
                        m.d.sync += [use.full[i].eq(1), use.walks[i].eq(n)]
        return m

    def _count(self, m, group, n, of_active):
        """How many nodes of each walk are there: all of them, unless the group has begun and is not complete."""
        use, all_of_them = self.use, self._cfg.max_walk
        if self._cfg.slots or not self._cfg.edge_ends:
            # Nobody begins a group before it is complete.
            m.d.comb += use.there.eq(all_of_them)
            return
        slots = slot_bits(self._cfg)
        counts = [Signal(range(all_of_them + 1), name=f"count_{slot}", reset_less=True) for slot in range(1 << slots)]
        address = WalkAddress(self._cfg)(of_active("address"))
        for slot, count in enumerate(counts):
            with m.If(of_active("walk_en") & (n == slot)):
                m.d.sync += count.eq(0)
            with m.Elif(of_active("node_en") & (address.slot == slot)):
                m.d.sync += count.eq(address.index + 1)
        partial = Signal()  # the group that is being filled has begun
        with m.If(of_active("begin")):
            m.d.sync += partial.eq(1)
        with m.If(of_active("hand_over")):
            m.d.sync += partial.eq(0)
        coming = partial & (use.walk_address[slots] == group)
        m.d.comb += use.there.eq(Mux(coming, Array(counts)[use.walk_address[:slots]], all_of_them))
