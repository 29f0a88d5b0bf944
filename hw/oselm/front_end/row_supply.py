"""Rows get slots between the groups of walks that have been filled and the contexts that are made of them."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from ..rows.layouts import Kind
from .fetch import Fetch
from .group_release import GroupRelease
from .layouts import SamplingLayout
from .pool_rows import PoolRows
from .ports import GroupDraws, GroupUse, NewNumber, NodeReads, PoolDraws, PoolWrites, RowUse

__all__ = ["RowSupply"]


class RowSupply(wiring.Component):
    """Asks for the rows of each group and of the pool, and releases them when they are done with.

    Parameters
    ----------
    cfg : CoreConfig
        With ``slots``.
    node_latency : int
        Of ``nodes``.
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    groups : Out(GroupUse), nodes : Out(NodeReads)
        Groups of walks, rows by number.
    use : In(GroupUse), places : In(NodeReads)
        The same groups, rows by slot, once all their rows are on their way.
    next_walk : In(NewNumber), sampling : In, stale : In(1)
        What SET says, and that negatives have changed.
    begins : In(GroupDraws)
        Of a group whose contexts are to be made.
    drawn : Out(PoolDraws), writes : Out(PoolWrites)
        Rows that the pool takes, and their slots.
    given : In(1)
        A sample of a context was given.
    rows : Out(RowUse)

    Timing and resources: those of the parts.
    """

    def __init__(self, cfg: CoreConfig, *, node_latency: int, primitives: bool = False):
        self._fetch = Fetch(cfg, node_latency=node_latency, primitives=primitives)
        self._pool = PoolRows(cfg, primitives=primitives)
        super().__init__(
            {
                "groups": Out(GroupUse(cfg)),
                "nodes": Out(NodeReads(cfg)),
                "use": In(GroupUse(cfg)),
                "places": In(NodeReads(cfg.engine)),
                "next_walk": In(NewNumber()),
                "sampling": In(SamplingLayout()),
                "stale": In(1),
                "begins": In(GroupDraws(cfg)),
                "drawn": Out(PoolDraws(cfg)),
                "writes": Out(PoolWrites(cfg)),
                "given": In(1),
                "rows": Out(RowUse(cfg)),
            }
        )

    @property
    def place_latency(self) -> int:
        """Cycles in which a slot is read."""
        return self._fetch.place_latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.fetch = fetch = self._fetch
        m.submodules.pool = pool = self._pool
        m.submodules.release = release = GroupRelease()
        asks = self.rows.asks
        wiring.connect(m, fetch.groups, wiring.flipped(self.groups))
        wiring.connect(m, fetch.nodes, wiring.flipped(self.nodes))
        wiring.connect(m, wiring.flipped(self.use), fetch.use)
        wiring.connect(m, wiring.flipped(self.places), fetch.places)
        wiring.connect(m, wiring.flipped(self.next_walk), fetch.next_walk)
        wiring.connect(m, fetch.pool, pool.group)
        wiring.connect(m, pool.draws, wiring.flipped(self.drawn))
        wiring.connect(m, pool.writes, wiring.flipped(self.writes))
        wiring.connect(m, wiring.flipped(self.begins), pool.begins)
        with m.If(fetch.pool.wanted):
            wiring.connect(m, pool.asks, wiring.flipped(asks))
        with m.Else():
            wiring.connect(m, fetch.asks, wiring.flipped(asks))
        ops = fetch.asks.ops
        m.d.comb += [
            pool.sampling.eq(self.sampling),
            pool.stale.eq(self.stale),
            fetch.may.eq(release.room & ~pool.pending),
            release.begins.eq(ops.valid & ops.ready & (ops.payload.kind == Kind.END)),
            release.given.eq(self.given),
            release.ends.eq(fetch.use.free.any()),
            release.updated.eq(self.rows.updated),
            asks.release.eq(release.release),
            self.rows.fetching.eq(fetch.busy),
        ]
        return m
