"""The front end: walks in, contexts out."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import CoreConfig
from ..graph.row_filler import RowFills
from ..graph.starts import StartLayout
from ..graph.walk_maker import WalkMaker
from ..graph.walkers import Walkers
from ..ports import FrontEndAccess, GraphReads
from .groups import Groups
from .items import Items
from .layouts import ItemLayout
from .parameters import Parameters
from .ports import RowUse
from .row_supply import RowSupply
from .turns import Turns
from .walk_loader import WalkLoader
from .windowing import Windowing

__all__ = ["FrontEnd"]


class FrontEnd(wiring.Component):
    """Makes contexts as :mod:`skipwalk.sw.graph.contexts` does, bit for bit: a window of positives, and negatives from
    an alias table or out of the graph; several walks take turns.

    ::

        host ----> Turns --> WalkLoader -- walks --> Groups --> Windowing -- places --> Items --> o
                     |                    |             +-------- nodes ------------------^
        starts ------+-----> WalkMaker ---+
                               ^ nodes
                             Walkers <-- graph

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
    fill : In(RowFills)
        Rows that get their first values, and these.
    graph : Out(GraphReads)
        Where walks and negatives come from.
    rows : Out(RowUse)
        Only with ``cfg.slots``: nodes and draws get slots in time, and rows of items are these.

    Timing: an item a cycle, without gaps from context to context and from walk to walk as long as ``o`` is ready and
    the next group of walks is there: a context of 31 samples takes 32 cycles. From a walk of the host to its first item
    about ``3 * nodes / 2 + latency`` cycles; from a start to it, what the first window of each walk in flight takes.

    With a pool each group begins with a gap: :class:`~skipwalk.hw.oselm.front_end.pool.Renewal`.

    Resources: those of Items and Groups, and of Walkers where there is a graph.
    """

    def __init__(self, cfg: CoreConfig, *, header_latency: int = 0, entry_latency: int = 0, primitives: bool = False):
        if not cfg.walks:
            raise ValueError("a configuration with walks=0 has no front end; use walks=1 or more")
        self._cfg = cfg
        self._primitives = primitives
        self._groups = groups = Groups(cfg, 2 if cfg.edge_ends else 1, primitives=primitives)
        latencies = {"header_latency": header_latency, "entry_latency": entry_latency}
        self._supply = None
        latency = groups.node_latency
        if cfg.slots:
            self._supply = RowSupply(cfg, node_latency=latency, primitives=primitives)
            latency = self._supply.place_latency
        self._items = Items(cfg, node_latency=latency, **latencies, primitives=primitives)
        members: dict[str, Any] = {
            "host": In(FrontEndAccess(cfg)),
            "rejected": Out(1),
            "o": Out(stream.Signature(ItemLayout(cfg))),
        }
        if cfg.edge_ends:
            members |= {
                "starts": In(stream.Signature(StartLayout())),
                "made": Out(1),
                "fill": In(RowFills(cfg)),
                "graph": Out(GraphReads(cfg)),
            }
        if cfg.slots:
            members["rows"] = Out(RowUse(cfg))
        super().__init__(members)

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.items = items = self._items
        m.submodules.groups = groups = self._groups
        m.submodules.parameters = parameters = Parameters(cfg)
        m.submodules.loader = loader = WalkLoader(cfg)
        m.submodules.windowing = windowing = Windowing(cfg)
        wiring.connect(m, wiring.flipped(self.host.setting), parameters.setting)
        wiring.connect(m, parameters.rules, loader.rules, groups.rules, items.rules)
        wiring.connect(m, parameters.next_walk, windowing.next_walk)
        wiring.connect(m, loader.fill, groups.fillers[0])
        wiring.connect(m, loader.table, items.table)
        use, nodes = (groups.use, groups.nodes) if self._supply is None else (self._supply.use, self._supply.places)
        wiring.connect(m, windowing.groups, use)
        wiring.connect(m, windowing.items, items.places)
        wiring.connect(m, items.nodes, nodes)
        wiring.connect(m, items.o, wiring.flipped(self.o))
        full = groups.use.full.any()
        if self._supply is not None:
            self._connect_rows(m, self._supply, parameters, windowing)
            full |= use.full.any()
        elif cfg.pool:
            wiring.connect(m, windowing.draws, items.pool.group)
            m.d.comb += items.pool.stale.eq(self.host.close)
        m.d.comb += [
            self.host.busy.eq(loader.turn.busy),
            parameters.columns.eq(items.columns),
            items.keys.eq(parameters.keys),
        ]
        close = Signal()
        m.d.sync += close.eq(self.host.close)
        busy = loader.turn.busy | loader.turn.pending | groups.active
        if self._supply is not None:
            busy |= self._supply.rows.fetching
        begins = self.host.words.valid | self.host.setting.en
        if cfg.edge_ends:
            maker = self._connect_graph(m, parameters, loader, close)
            busy |= maker.turn.busy | maker.turn.pending
            begins |= self.starts.valid
        else:
            wiring.connect(m, wiring.flipped(self.host.words), loader.turn.work)
            m.d.comb += [loader.turn.close.eq(close), self.rejected.eq(loader.rejected | parameters.rejected)]

        # ``under_way`` is a cycle late; until then ``full`` tells what has been handed over.
        under_way = Signal()
        m.d.sync += under_way.eq(full | windowing.busy | ~items.empty)
        # That nothing is under way is a cycle late; what the host began in that cycle counts at once.
        rest, began = Signal(), Signal()
        m.d.sync += [rest.eq(~(busy | full | under_way) & parameters.rules.settled), began.eq(begins)]
        m.d.comb += self.host.idle.eq(rest & ~began)
        return m

    def _connect_rows(self, m, supply, parameters, windowing):
        """Rows get slots between groups and windowing."""
        items = self._items
        m.submodules.supply = supply
        wiring.connect(m, supply.groups, self._groups.use)
        wiring.connect(m, supply.nodes, self._groups.nodes)
        wiring.connect(m, parameters.next_walk, supply.next_walk)
        wiring.connect(m, windowing.draws, supply.begins)
        wiring.connect(m, supply.drawn, items.pool.drawn)
        wiring.connect(m, supply.writes, items.pool.writes)
        wiring.connect(m, supply.rows, wiring.flipped(self.rows))
        stale = self.host.close & self.host.idle
        m.d.comb += [
            supply.sampling.eq(parameters.rules.sampling),
            *(part.stale.eq(stale) for part in (supply, items.pool)),
            supply.given.eq(windowing.items.valid & ~windowing.items.centre),
        ]

    def _connect_graph(self, m, parameters, loader, close):
        """Walks, first rows and negatives out of the graph; returns who fills groups with walks."""
        cfg, items, groups, graph = self._cfg, self._items, self._groups, self.graph
        m.submodules.turns = turns = Turns()
        m.submodules.maker = maker = WalkMaker(cfg)
        m.submodules.walkers = walkers = Walkers(cfg, primitives=self._primitives)
        wiring.connect(m, wiring.flipped(self.host.words), turns.words)
        wiring.connect(m, wiring.flipped(self.starts), turns.starts)
        wiring.connect(m, turns.host, loader.turn)
        wiring.connect(m, turns.device, maker.turn)
        wiring.connect(m, parameters.rules, maker.rules)
        wiring.connect(m, parameters.next_walk, maker.next_walk)
        wiring.connect(m, parameters.walks, walkers.settings)
        wiring.connect(m, parameters.place, walkers.place)
        wiring.connect(m, maker.fill, groups.fillers[1])
        wiring.connect(m, maker.starts, walkers.starts)
        for task, walker in zip(maker.walks, walkers.walks, strict=True):
            wiring.connect(m, task, walker)
        wiring.connect(m, wiring.flipped(self.fill), walkers.fill)
        wiring.connect(m, wiring.flipped(graph.extent), walkers.extent, items.reads.extent)
        wiring.connect(m, walkers.draws, items.draws)
        wiring.connect(m, walkers.headers, wiring.flipped(graph.headers))
        wiring.connect(m, walkers.entries, wiring.flipped(graph.entries))
        if cfg.lists_outside:
            wiring.connect(m, items.reads.headers, walkers.other_headers)
            wiring.connect(m, items.reads.entries, walkers.other_entries)
        else:
            wiring.connect(m, items.reads.headers, wiring.flipped(graph.negative_headers))
            wiring.connect(m, items.reads.entries, wiring.flipped(graph.negative_entries))
        m.d.comb += [
            turns.close.eq(close),
            groups.active.eq(turns.active),
            maker.length.eq(parameters.walks.length),
            maker.other.eq(loader.fill.walk_en),
            self.made.eq(maker.made),
            self.rejected.eq(loader.rejected | parameters.rejected | maker.rejected),
        ]
        return maker
