"""The front end: walks in, contexts out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import delay
from ...fabric.ram import Ram
from ..config import CoreConfig
from ..graph.draws import Draws
from ..graph.row_filler import ElementLayout
from ..graph.starts import StartLayout
from ..graph.walk_maker import WalkMaker
from ..graph.walkers import Walkers
from ..ports import FrontEndAccess, GraphReads
from ..sizes import QUEUE_ITEMS
from .groups import Groups, WalkAddress
from .negatives import NegativeSampler
from .parameters import Parameters
from .pool import NegativePool, Renewal
from .threefry import Threefry
from .walk_loader import WalkLoader
from .windowing import Windowing

__all__ = ["FrontEnd", "ItemLayout"]


class ItemLayout(data.StructLayout):
    """The ``centre`` of a context or a sample of it, with ``label``; ``ends``: the context has no more."""

    def __init__(self, cfg: CoreConfig):
        super().__init__({"row": cfg.row_bits, "label": 1, "centre": 1, "ends": 1})


class FrontEnd(wiring.Component):
    """Makes contexts as :mod:`skipwalk.sw.graph.contexts` does, bit for bit: a window of positives, and negatives from
    an alias table; several walks take turns.

    ::

        i --> WalkLoader --> memory of walks ---------------------> delay --+--> queue --> o
                  |               ^ address                                 |
                  +-- groups --> Windowing -- counter --> NegativeSampler --+

    Parameters
    ----------
    cfg : CoreConfig
        With ``walks``.
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram` and :class:`~skipwalk.hw.arith.multiplier.Multiplier`.

    Members
    -------
    host : In(FrontEndAccess)
        Commands as in :class:`~skipwalk.hw.oselm.front_end.walk_loader.WalkLoader`, and parameters.
    rejected : Out(1)
        A command was dropped; never while ``host.idle``.
    o : Out(stream of ItemLayout)
    starts : In(stream of StartLayout), made : Out(1)
        Walks that are to be made; a walk is complete. Only with ``cfg.edge_ends``, as are all that follow.
    fill : In(stream of rows), element : Out(ElementLayout), filling : Out(1)
        Rows that get their first values, and these.
    graph : Out(GraphReads)
        Where walks and negatives come from.

    Timing: an item a cycle, without gaps from context to context and from walk to walk as long as ``o`` is ready and
    the next group of walks is there: a context of 31 samples takes 32 cycles. From a walk to its first item about
    ``3 * nodes / 2 + latency`` cycles.

    With a pool each group begins with a gap: :class:`~skipwalk.hw.oselm.front_end.pool.Renewal`.

    Resources: those of NegativeSampler and NegativePool; a memory of ``2 * walks * max_walk`` rows (each rounded up to
    a power of two); a queue of :data:`QUEUE_ITEMS` items.
    """

    def __init__(self, cfg: CoreConfig, *, header_latency: int = 0, entry_latency: int = 0, primitives: bool = False):
        if not cfg.walks:
            raise ValueError("a configuration with walks=0 has no front end; use walks=1 or more")
        self._cfg = cfg
        self._primitives = primitives
        self._nodes = Ram(1 << WalkAddress(cfg).size, cfg.row_bits, vendor=cfg.vendor, primitives=primitives)
        self._draws = Draws() if cfg.edge_ends else Threefry()
        self._sampler = NegativeSampler(
            cfg, header_latency=header_latency, entry_latency=entry_latency, primitives=primitives
        )
        self._pool = NegativePool(cfg, primitives=primitives) if cfg.pool else None
        members = {
            "host": In(FrontEndAccess(cfg)),
            "rejected": Out(1),
            "o": Out(stream.Signature(ItemLayout(cfg))),
        }
        if cfg.edge_ends:
            members |= {
                "starts": In(stream.Signature(StartLayout())),
                "made": Out(1),
                "fill": In(stream.Signature(cfg.row_bits)),
                "element": Out(ElementLayout(cfg)),
                "filling": Out(1),
                "graph": Out(GraphReads(cfg)),
            }
        super().__init__(members)

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.sampler = sampler = self._sampler
        m.submodules.draws = draws = self._draws
        m.submodules.nodes = nodes = self._nodes
        m.submodules.parameters = parameters = Parameters(cfg)
        m.submodules.loader = loader = WalkLoader(cfg)
        m.submodules.groups = groups = Groups(cfg, 2 if cfg.edge_ends else 1)
        m.submodules.windowing = windowing = Windowing(cfg)
        close, drawable = Signal(), Signal()
        m.d.sync += [
            close.eq(self.host.close),
            drawable.eq((parameters.sampling.negatives == 0) | (sampler.columns != 0)),
        ]
        wiring.connect(m, loader.fill, groups.fillers[0])
        m.d.comb += [
            parameters.set_en.eq(self.host.set_en),
            parameters.set_number.eq(self.host.set_number),
            parameters.set_value.eq(self.host.set_value),
            self.host.busy.eq(loader.busy),
            loader.sampling.eq(parameters.sampling),
            loader.settled.eq(~parameters.settling),
            loader.drawable.eq(drawable),
            groups.sampling.eq(parameters.sampling),
            groups.free.eq(windowing.free),
            groups.walk_address.eq(windowing.walk_address),
            windowing.walk.eq(groups.walk),
            windowing.full.eq(groups.full),
            *(a.eq(b) for a, b in zip(windowing.walks, groups.walks, strict=True)),
            windowing.next_walk.eq(self.host.set_value),
            windowing.set_next_walk.eq(parameters.set_next_walk),
            nodes.wr_en.eq(groups.node_en),
            nodes.wr_addr.eq(groups.address),
            nodes.wr_data.eq(groups.node),
            sampler.bits.eq(draws.o),
            sampler.wr_en.eq(loader.entry_en),
            sampler.wr_column.eq(loader.entry_column),
            sampler.wr_threshold.eq(loader.entry_threshold),
            sampler.wr_alias.eq(loader.entry_alias),
        ]
        drawn, latency, drawing = self._connect_draws(m, parameters, windowing)
        if cfg.edge_ends:
            self._connect_graph(m, parameters, loader, groups, drawable, close)
        else:
            wiring.connect(m, wiring.flipped(self.host.words), loader.i)
            m.d.comb += [
                draws.key.eq(parameters.keys),
                sampler.columns.eq(loader.columns),
                loader.close.eq(close),
                self.rejected.eq(loader.rejected | parameters.rejected),
            ]
        self._queue_items(m, parameters, loader, groups, windowing, drawn, latency, drawing)
        return m

    def _connect_draws(self, m, parameters, windowing):
        """Negatives, out of the pool where there is one. Returns the row, how long it takes, and whether one is still
        on its way to the pool."""
        cfg, draws, sampler, pool = self._cfg, self._draws, self._sampler, self._pool
        negative, wanted, counter = windowing.valid & windowing.negative, Signal(), Signal(64)
        m.d.comb += draws.counter.eq(counter)
        if cfg.edge_ends:
            m.d.comb += sampler.en.eq(delay(m, wanted, draws.latency, name="drawn", reset_less=False))
        if pool is None:
            m.d.comb += [counter.eq(windowing.counter), wanted.eq(negative)]
            if cfg.edge_ends:
                m.d.comb += draws.urgent.eq(negative)
            return sampler.row, draws.latency + sampler.latency, Const(0)

        m.submodules.pool = pool
        m.submodules.renewal = renewal = Renewal(cfg)
        latency = draws.latency + sampler.latency
        left = Signal(range(latency + pool.latency + 1))
        with m.If(renewal.valid):
            m.d.sync += left.eq(latency + pool.latency)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        wiring.connect(m, windowing.draws, renewal.group)
        m.d.comb += [
            renewal.sampling.eq(parameters.sampling),
            renewal.stale.eq(self.host.close),
            counter.eq(Mux(renewal.valid, renewal.counter, windowing.counter)),
            wanted.eq(renewal.valid | (negative & (parameters.sampling.pool == 0))),
            pool.sampling.eq(parameters.sampling),
            pool.row.eq(sampler.row),
            pool.bits.eq(delay(m, draws.o[-len(pool.bits) :], sampler.latency, name="chosen")),
            pool.renews.eq(delay(m, renewal.valid, latency, name="renews", reset_less=False)),
            pool.slot.eq(delay(m, renewal.slot, latency, name="slot")),
        ]
        if cfg.edge_ends:
            m.d.comb += draws.urgent.eq(renewal.valid | negative)
        return pool.o, latency + pool.latency, left != 0

    def _connect_graph(self, m, parameters, loader, groups, drawable, close):
        """Walks, first rows and negatives out of the graph. Host and device take turns at filling groups: whoever
        wants to begin waits until the group of the other one has been closed."""
        cfg, draws, sampler = self._cfg, self._draws, self._sampler
        m.submodules.maker = maker = WalkMaker(cfg)
        m.submodules.walkers = walkers = Walkers(cfg, primitives=self._primitives)
        host, device, wanted = Signal(), Signal(), Signal()
        from_graph = parameters.sampling.source
        columns = Signal.like(sampler.columns, reset_less=True)
        m.d.sync += columns.eq(Mux(from_graph, self.graph.rows, loader.columns))
        m.d.comb += [
            host.eq(loader.busy | loader.pending),
            device.eq(maker.busy | maker.pending),
            wanted.eq(self.host.words.valid & ~loader.busy),
            groups.active.eq(device),
            loader.i.payload.eq(self.host.words.payload),
            loader.i.valid.eq(self.host.words.valid & ~device),
            self.host.words.ready.eq(loader.i.ready & ~device),
            loader.close.eq(close | self.starts.valid),
            maker.i.payload.eq(self.starts.payload),
            maker.i.valid.eq(self.starts.valid & ~host),
            self.starts.ready.eq(maker.i.ready & ~host),
            maker.close.eq(close | wanted),
            maker.sampling.eq(parameters.sampling),
            maker.settled.eq(~parameters.settling),
            maker.drawable.eq(drawable),
            maker.length.eq(parameters.length),
            maker.number.eq(self.host.set_value),
            maker.set_number.eq(parameters.set_next_walk),
            maker.other.eq(loader.fill.walk_en),
            maker.starting.eq(walkers.starting),
            walkers.last.eq(parameters.length - 1),
            walkers.limits.eq(parameters.limits),
            walkers.scale.eq(parameters.scale),
            walkers.rows.eq(self.graph.rows),
            walkers.open.eq(self.graph.open),
            walkers.value.eq(self.host.set_value),
            walkers.set_round.eq(parameters.set_round),
            walkers.set_place.eq(parameters.set_place),
            draws.keys.eq(parameters.keys),
            sampler.columns.eq(columns),
            sampler.from_graph.eq(from_graph),
            self.element.eq(walkers.element),
            self.filling.eq(walkers.filling),
            self.made.eq(maker.made),
            self.rejected.eq(loader.rejected | parameters.rejected | maker.rejected | walkers.dropped),
        ]
        wiring.connect(m, maker.fill, groups.fillers[1])
        wiring.connect(m, maker.commands, walkers.commands)
        wiring.connect(m, walkers.starts, maker.starts)
        for tasks, taken in zip(maker.tasks, walkers.tasks, strict=True):
            wiring.connect(m, tasks, taken)
        for walked, nodes in zip(maker.walked, walkers.nodes, strict=True):
            wiring.connect(m, nodes, walked)
        wiring.connect(m, walkers.draws, draws.port)
        wiring.connect(m, walkers.headers, wiring.flipped(self.graph.headers))
        wiring.connect(m, walkers.entries, wiring.flipped(self.graph.entries))
        wiring.connect(m, walkers.fill, wiring.flipped(self.fill))
        wiring.connect(m, sampler.headers, wiring.flipped(self.graph.negative_headers))
        wiring.connect(m, sampler.entries, wiring.flipped(self.graph.negative_entries))

    def _queue_items(self, m, parameters, loader, groups, windowing, drawn, latency, drawing):
        """Items of contexts into the queue, which says when the next may be given; and whether anything is left.
        Negatives come as ``drawn``, ``latency`` cycles after their item; ``drawing``: some more than the items."""
        cfg, nodes = self._cfg, self._nodes
        layout = ItemLayout(cfg)
        m.submodules.queue = queue = SyncFIFOBuffered(width=layout.size, depth=QUEUE_ITEMS)

        # Nodes of the walk keep step with the negatives.
        m.d.comb += nodes.rd_addr.eq(windowing.address)
        valid = delay(m, windowing.valid, latency, name="valid", reset_less=False)
        flags = Cat(windowing.centre, windowing.negative, windowing.ends)
        centre, negative, ends = delay(m, flags, latency, name="flags")
        node = delay(m, nodes.rd_data, latency - nodes.latency, name="node")
        item = Signal(layout, reset_less=True)
        m.d.sync += [
            queue.w_en.eq(valid),
            item.row.eq(Mux(negative, drawn, node)),
            item.label.eq(~centre & ~negative),
            item.centre.eq(centre),
            item.ends.eq(ends),
        ]
        m.d.comb += [
            queue.w_data.eq(item),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]

        # Nothing on its way to the queue can be stopped, so each item is given a place there beforehand. ``go`` is one
        # item late, and ``give`` shows at ``windowing.valid`` one later.
        taken = Signal()
        room = Signal(range(QUEUE_ITEMS + 1), init=QUEUE_ITEMS)
        m.d.sync += taken.eq(self.o.valid & self.o.ready)
        m.d.sync += [room.eq(room - windowing.valid + taken), windowing.go.eq(room > 3)]

        # ``under_way`` is a cycle late; until then ``full`` tells what has been handed over.
        under_way = Signal()
        m.d.sync += under_way.eq(groups.full.any() | windowing.busy | (room != QUEUE_ITEMS) | drawing)
        active = loader.busy | loader.pending | groups.active
        m.d.comb += self.host.idle.eq(~(active | groups.full.any() | under_way | parameters.settling))
