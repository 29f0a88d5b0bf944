"""Negative samples, one a cycle: out of an alias table (Vose 1991), or out of the graph on the device."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...arith.share import Share
from ...fabric.pipeline import delay
from ...fabric.ram import Ram
from ..config import CoreConfig
from ..graph.layouts import EntryLayout, HeaderLayout, address_bits
from ..graph.neighbour import NeighbourChoice
from ..graph.ports import FixedRead
from ..protocol import THRESHOLD_BITS
from .ports import TableWrites

__all__ = ["NegativeSampler"]


class NegativeSampler(wiring.Component):
    """The negative for 64 random bits, as :mod:`skipwalk.sim.oselm.front_end.contexts` draws it.

    Of the table: the upper 32 bits choose a column, ``(bits * columns) >> 32``; the next :data:`THRESHOLD_BITS` are
    compared to its threshold and choose between the column's own row and its alias. Of the graph: the upper 32 bits
    choose a row likewise, and the lower 32 between it and its neighbours, as
    :class:`~skipwalk.hw.oselm.graph.neighbour.NeighbourChoice`.

    Parameters
    ----------
    cfg : CoreConfig
    header_latency, entry_latency : int
        Those of the graph store, where ``cfg`` has one on the chip.
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram` and :class:`~skipwalk.hw.arith.multiplier.Multiplier`.

    Members
    -------
    columns : In
        At most ``cfg.nodes``; rows of the graph with ``from_graph``. Steady while bits are under way.
    bits : In(64)
        Taken every cycle.
    row : Out
        The negative for the bits :attr:`latency` cycles earlier.
    table : In(TableWrites)
        Entries of the table; not while bits are under way. Without ``cfg.alias_table`` they go nowhere.
    from_graph : In(1)
        Only with ``cfg.edge_ends``: where negatives come from. Steady while bits are under way.
    en : In(1), headers, entries : Out(FixedRead)
        Only where the graph is on the chip: with ``bits``, a negative is wanted; reads of the graph.
    low : Out(32)
        Only with ``cfg.lists_outside``, where of the graph ``row`` is the one that was chosen first: the lower 32 bits,
        for :class:`~skipwalk.hw.oselm.front_end.neighbour_draws.NeighbourDraws`.

    Timing: one negative a cycle; no enable and no reset. Resources: two multipliers, and a memory of ``nodes`` words
    of ``THRESHOLD_BITS + row_bits`` (36 up to 4096 nodes) with ``cfg.alias_table``; with a graph on the chip those of
    NeighbourChoice besides.
    """

    _CHOOSE = 2

    def __init__(self, cfg: CoreConfig, *, header_latency: int = 0, entry_latency: int = 0, primitives: bool = False):
        self._cfg = cfg
        kind: dict[str, Any] = {"vendor": cfg.vendor, "primitives": primitives}
        self._table = Ram(cfg.nodes, THRESHOLD_BITS + cfg.row_bits, **kind) if cfg.alias_table else None
        self._share = Share(cfg.nodes.bit_length(), **kind)
        self._choice = None
        members: dict[str, Any] = {
            "columns": In(range(cfg.nodes + 1)),
            "bits": In(64),
            "row": Out(cfg.row_bits),
            "table": In(TableWrites(cfg)),
        }
        if cfg.lists_outside:
            members |= {"from_graph": In(1), "low": Out(32)}
        elif cfg.edge_ends:
            latencies: dict[str, int] = {"header_latency": header_latency, "entry_latency": entry_latency}
            self._choice = NeighbourChoice(cfg, **latencies, primitives=primitives)
            members |= {
                "from_graph": In(1),
                "en": In(1),
                "headers": Out(FixedRead(cfg.row_bits, HeaderLayout(cfg))),
                "entries": Out(FixedRead(address_bits(cfg), EntryLayout(cfg))),
            }
        super().__init__(members)

    @property
    def _of_table(self) -> int:
        """Cycles from ``bits`` to a row that is not a neighbour."""
        return self._share.latency + (self._table.latency + self._CHOOSE if self._table is not None else 0)

    @property
    def latency(self) -> int:
        """Cycles from ``bits`` to ``row``."""
        if self._choice is None:
            return self._of_table
        return max(self._of_table, self._share.latency + self._choice.latency) + 1

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.share = share = self._share
        column = share.o[: cfg.row_bits]
        m.d.comb += [share.bits.eq(self.bits[32:]), share.n.eq(self.columns)]
        of_table = column if self._table is None else self._choose(m, self._table, column)
        if cfg.lists_outside:
            m.d.comb += self.low.eq(delay(m, self.bits[:32], self.latency, name="low"))
        if self._choice is None:
            m.d.comb += self.row.eq(of_table)
            return m

        m.submodules.choice = choice = self._choice
        wiring.connect(m, choice.headers, wiring.flipped(self.headers))
        wiring.connect(m, choice.entries, wiring.flipped(self.entries))
        m.d.comb += [
            choice.en.eq(delay(m, self.en & self.from_graph, share.latency, name="en", reset_less=False)),
            choice.bits.eq(delay(m, self.bits[:32], share.latency, name="low")),
            choice.row.eq(column),
        ]
        late = self.latency - 1
        of_table = delay(m, of_table, late - self._of_table, name="of_table_late")
        of_graph = delay(m, choice.o, late - share.latency - choice.latency, name="of_graph")
        row = Signal(cfg.row_bits, reset_less=True)
        m.d.sync += row.eq(Mux(self.from_graph, of_graph, of_table))
        m.d.comb += self.row.eq(row)
        return m

    def _choose(self, m: Module, table: Ram, column: Value) -> Signal:
        """The column's own row or its alias; of the graph and with lists outside its own."""
        cfg, share = self._cfg, self._share
        m.submodules.table = table
        m.d.comb += [
            table.rd_addr.eq(column),
            table.wr_en.eq(self.table.en),
            table.wr_addr.eq(self.table.column),
            table.wr_data.eq(self.table.threshold | self.table.alias << THRESHOLD_BITS),
        ]
        threshold = delay(m, self.bits[32 - THRESHOLD_BITS : 32], share.latency + table.latency, name="threshold")
        own = delay(m, column, table.latency, name="own")
        keeps = Signal(reset_less=True)
        kept, alias, chosen = (Signal(cfg.row_bits, reset_less=True, name=n) for n in ("kept", "alias", "chosen"))
        m.d.sync += [
            keeps.eq(threshold < table.rd_data[:THRESHOLD_BITS]),
            kept.eq(own),
            alias.eq(table.rd_data[THRESHOLD_BITS:]),
            chosen.eq(Mux(keeps | self.from_graph if cfg.lists_outside else keeps, kept, alias)),
        ]
        return chosen
