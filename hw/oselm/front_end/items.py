"""Items of contexts: which row each one is."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import delay
from ...fabric.shared import QueryPort
from ..config import CoreConfig
from ..graph.draws import DrawLayout, Draws, Key
from ..sizes import QUEUE_ITEMS
from .layouts import ItemLayout
from .negatives import NegativeSampler
from .neighbour_draws import NeighbourDraws
from .pool import NegativePool, Renewal
from .ports import ItemPlaces, NegativeReads, NodeReads, PoolUse, TableWrites, WalkRules
from .threefry import Threefry

__all__ = ["Items"]


class Items(wiring.Component):
    """A node of a walk or a negative for each item; both keep step, and wait in a queue until they are taken.

    Parameters
    ----------
    cfg : CoreConfig
        With ``walks``.
    node_latency : int
        Cycles in which a node is read.
    header_latency, entry_latency : int
        Those of the graph store, where ``cfg`` has one on the chip.
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram` and :class:`~skipwalk.hw.arith.multiplier.Multiplier`.

    Members
    -------
    places : In(ItemPlaces)
        Which item comes next.
    nodes : Out(NodeReads)
        Of the walks.
    keys : In
        64 bits each, as in :class:`~skipwalk.hw.oselm.front_end.parameters.Parameters`.
    rules : In(WalkRules), table : In(TableWrites)
        Where negatives come from, and the alias table.
    columns : Out
        Columns of the table, or rows of the graph, that negatives are drawn from.
    o : Out(stream of ItemLayout)
    empty : Out(1)
        Nothing is in the queue or on its way there; a cycle after ``places.valid``.
    draws : In(QueryPort(DrawLayout, 64))
        Draws for others. Only with ``cfg.edge_ends``.
    reads : Out(NegativeReads)
        Of the graph. Only with ``cfg.edge_ends``.
    pool : In(PoolUse)
        Only with ``cfg.pool``.

    Timing: an item a cycle, ``latency`` cycles from ``places`` to the queue. Resources: those of NegativeSampler, of
    Threefry and of NegativePool; a queue of :data:`QUEUE_ITEMS` items.
    """

    def __init__(
        self,
        cfg: CoreConfig,
        *,
        node_latency: int,
        header_latency: int = 0,
        entry_latency: int = 0,
        primitives: bool = False,
    ):
        self._cfg = cfg
        self._node_latency = node_latency
        self._draws = Draws() if cfg.edge_ends else Threefry()
        self._sampler = NegativeSampler(
            cfg, header_latency=header_latency, entry_latency=entry_latency, primitives=primitives
        )
        self._pool = NegativePool(cfg, primitives=primitives) if cfg.pool else None
        self._neighbours = NeighbourDraws(cfg, primitives=primitives) if cfg.lists_outside else None
        members: dict[str, Any] = {
            "places": In(ItemPlaces(cfg)),
            "nodes": Out(NodeReads(cfg.engine)),
            "keys": In(64 * (len(Key) if cfg.edge_ends else 1)),
            "rules": In(WalkRules()),
            "table": In(TableWrites(cfg)),
            "columns": Out(range(cfg.nodes + 1)),
            "o": Out(stream.Signature(ItemLayout(cfg))),
            "empty": Out(1),
        }
        if cfg.edge_ends:
            members |= {
                "draws": In(QueryPort(DrawLayout(), 64)),
                "reads": Out(NegativeReads(cfg)),
            }
        if cfg.pool:
            members["pool"] = In(PoolUse(cfg))
        super().__init__(members)

    #: Draws that have been asked for and not been taken, where rows are outside.
    DRAWN = 8

    @property
    def latency(self) -> int:
        """Cycles from an item's place to its row."""
        drawn = self._draws.latency + self._sampler.latency
        return drawn + (self._pool.latency if self._pool is not None else 0)

    def elaborate(self, platform):
        places, draws, sampler = self.places, self._draws, self._sampler
        m = Module()
        m.submodules.sampler = sampler
        m.submodules.draws = draws
        wiring.connect(m, wiring.flipped(self.table), sampler.table)
        negative, wanted, drawing = places.valid & places.negative, Signal(), Signal()
        m.d.comb += [
            sampler.bits.eq(draws.o),
            self.columns.eq(sampler.columns),
            self.nodes.address.eq(places.address),
        ]
        if self._pool is None:
            drawn = sampler.row
            m.d.comb += [draws.counter.eq(places.counter), wanted.eq(negative)]
        elif self._cfg.slots:
            drawn = self._connect_slots(m, self._pool, negative, wanted)
        else:
            drawn = self._connect_pool(m, self._pool, negative, wanted, drawing)
        if self._cfg.edge_ends:
            self._connect_graph(m, negative, wanted)
        else:
            m.d.comb += [draws.key.eq(self.keys), sampler.columns.eq(self.table.columns)]

        valid = delay(m, places.valid, self.latency, name="valid", reset_less=False)
        flags = Cat(places.centre, places.negative, places.ends)
        centre, negative, ends = delay(m, flags, self.latency, name="flags")
        node = delay(m, self.nodes.node, self.latency - self._node_latency, name="node")
        item, en = Signal(ItemLayout(self._cfg), reset_less=True), Signal()
        m.d.sync += [
            en.eq(valid),
            item.row.eq(Mux(negative, drawn, node)),
            item.label.eq(~centre & ~negative),
            item.centre.eq(centre),
            item.ends.eq(ends),
        ]
        self._queue(m, item, en, drawing)
        return m

    def _connect_pool(self, m, pool, negative, wanted, drawing):
        """Draws go into the pool before a group of walks begins; returns the rows that come out of it. ``drawing``:
        some are still on their way there."""
        draws, sampler, rules = self._draws, self._sampler, self.rules
        m.submodules.pool = pool
        m.submodules.renewal = renewal = Renewal(self._cfg)
        latency = draws.latency + sampler.latency
        left = Signal(range(self.latency + 1))
        with m.If(renewal.valid):
            m.d.sync += left.eq(self.latency)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        wiring.connect(m, wiring.flipped(self.pool.group), renewal.group)
        m.d.comb += [
            drawing.eq(left != 0),
            renewal.sampling.eq(rules.sampling),
            renewal.stale.eq(self.pool.stale),
            draws.counter.eq(Mux(renewal.valid, renewal.counter, self.places.counter)),
            wanted.eq(renewal.valid | (negative & (rules.sampling.pool == 0))),
            pool.sampling.eq(rules.sampling),
            pool.row.eq(sampler.row),
            pool.bits.eq(delay(m, draws.o[-len(pool.bits) :], sampler.latency, name="chosen")),
            pool.renews.eq(delay(m, renewal.valid, latency, name="renews", reset_less=False)),
            pool.slot.eq(delay(m, renewal.slot, latency, name="slot")),
        ]
        return pool.o

    def _connect_slots(self, m, pool, negative, wanted):
        """Draws leave as rows, when contexts leave room for them, and come back as slots that go into the pool; returns
        what comes out of it."""
        draws, sampler, rules, rows = self._draws, self._sampler, self.rules, self.pool.drawn.rows
        m.submodules.pool = pool
        m.submodules.renewal = renewal = Renewal(self._cfg)
        latency = draws.latency + sampler.latency
        low = Value.cast(sampler.low if self._cfg.lists_outside else Const(0, 0))
        m.submodules.rows = queue = SyncFIFO(width=rows.payload.shape().size + len(low), depth=self.DRAWN)
        room = Signal(range(self.DRAWN + 1), init=self.DRAWN)
        taken = renewal.valid & ~negative & (room != 0)
        writes = delay(m, Cat(self.pool.writes.place, self.pool.writes.slot), latency, name="writes")
        wiring.connect(m, wiring.flipped(self.pool.drawn.group), renewal.group)
        m.d.sync += room.eq(room - taken + (rows.valid & rows.ready))
        m.d.comb += [
            renewal.sampling.eq(rules.sampling),
            renewal.stale.eq(self.pool.stale),
            renewal.taken.eq(taken),
            draws.counter.eq(Mux(negative, self.places.counter, renewal.counter)),
            wanted.eq(taken),
            queue.w_en.eq(delay(m, taken, latency, name="drawn_row", reset_less=False)),
            queue.w_data.eq(Cat(delay(m, renewal.slot, latency, name="place"), sampler.row, low)),
            self.pool.drawn.busy.eq(room != self.DRAWN),
            pool.sampling.eq(rules.sampling),
            pool.bits.eq(delay(m, draws.o[-len(pool.bits) :], sampler.latency, name="chosen")),
            pool.renews.eq(delay(m, self.pool.writes.en, latency, name="renews", reset_less=False)),
            Cat(pool.slot, pool.row).eq(writes),
        ]
        given = rows
        if self._neighbours is not None:
            m.submodules.neighbours = neighbours = self._neighbours
            wiring.connect(m, neighbours.o, wiring.flipped(rows))
            given = neighbours.i
        m.d.comb += [
            given.payload.as_value().eq(queue.r_data),
            given.valid.eq(queue.r_rdy),
            queue.r_en.eq(given.ready),
        ]
        return pool.o

    def _connect_graph(self, m, negative, wanted):
        """Draws for all, negatives before others; and negatives out of the graph."""
        draws, sampler, reads = self._draws, self._sampler, self.reads
        from_graph = self.rules.sampling.source
        columns = Signal.like(sampler.columns, reset_less=True)
        m.d.sync += columns.eq(Mux(from_graph, reads.extent.rows, self.table.columns))
        m.d.comb += [
            draws.keys.eq(self.keys),
            draws.urgent.eq(wanted | negative),
            sampler.columns.eq(columns),
            sampler.from_graph.eq(from_graph),
        ]
        reader: Any = sampler
        if self._neighbours is None:
            m.d.comb += sampler.en.eq(delay(m, wanted, draws.latency, name="drawn", reset_less=False))
        else:
            reader = self._neighbours
            m.d.comb += reader.from_graph.eq(from_graph)
        wiring.connect(m, wiring.flipped(self.draws), draws.port)
        wiring.connect(m, reader.headers, wiring.flipped(reads.headers))
        wiring.connect(m, reader.entries, wiring.flipped(reads.entries))

    def _queue(self, m, item, en, drawing):
        """Nothing on its way to the queue can be stopped, so each item is given a place there beforehand. ``go`` is
        one item late, and an item shows at ``places.valid`` one later."""
        m.submodules.queue = queue = SyncFIFOBuffered(width=len(item.as_value()), depth=QUEUE_ITEMS)
        taken = Signal()
        room = Signal(range(QUEUE_ITEMS + 1), init=QUEUE_ITEMS)
        m.d.sync += [
            taken.eq(self.o.valid & self.o.ready),
            room.eq(room - self.places.valid + taken),
            self.places.go.eq(room > 3),
        ]
        m.d.comb += [
            queue.w_en.eq(en),
            queue.w_data.eq(item),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
            self.empty.eq((room == QUEUE_ITEMS) & ~drawing),
        ]
