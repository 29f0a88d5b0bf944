"""Negative samples out of an alias table (Vose 1991), one a cycle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...arith.multiplier import Multiplier
from ...fabric.pipeline import delay
from ...fabric.ram import Ram
from ..config import CoreConfig
from ..protocol import THRESHOLD_BITS
from .threefry import Threefry

__all__ = ["NegativeSampler"]


class NegativeSampler(wiring.Component):
    """The negative for a counter, as :class:`skipwalk.sim.oselm.front_end.contexts.AliasTable` draws it.

    The upper 32 of Threefry's 64 bits choose a column, ``(bits * columns) >> 32``; the next :data:`THRESHOLD_BITS`
    are compared to its threshold and choose between the column's own row and its alias.

    Parameters
    ----------
    cfg : CoreConfig
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram` and :class:`~skipwalk.hw.arith.multiplier.Multiplier`.

    Members
    -------
    key : In(64), columns : In
        Steady while counters are under way. ``columns`` is at most ``cfg.nodes``.
    counter : In(64)
        Taken every cycle.
    row : Out
        The negative for the counter :attr:`latency` cycles earlier.
    wr_en, wr_column, wr_threshold, wr_alias : In
        Write an entry of the table; not while counters are under way.

    Timing: one negative a cycle; no enable and no reset. Resources: those of Threefry, two multipliers, and a memory
    of ``nodes`` words of ``THRESHOLD_BITS + row_bits`` (36 up to 4096 nodes).
    """

    _ADD = 1
    _CHOOSE = 2

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        self._primitives = primitives
        self._table = Ram(cfg.nodes, THRESHOLD_BITS + cfg.row_bits, vendor=cfg.vendor, primitives=primitives)
        super().__init__(
            {
                "key": In(64),
                "columns": In(range(cfg.nodes + 1)),
                "counter": In(64),
                "row": Out(cfg.row_bits),
                "wr_en": In(1),
                "wr_column": In(cfg.row_bits),
                "wr_threshold": In(THRESHOLD_BITS),
                "wr_alias": In(cfg.row_bits),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``counter`` to ``row``."""
        return Threefry.LATENCY + Multiplier.LATENCY + self._ADD + self._table.latency + self._CHOOSE

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.threefry = threefry = Threefry()
        m.submodules.table = table = self._table
        m.d.comb += [threefry.key.eq(self.key), threefry.counter.eq(self.counter)]

        # 32 x 17 bits as two products of 16 x 17, each with a bit for the sign that is 0.
        products = []
        for i in range(2):
            half = Multiplier(17, 18, vendor=cfg.vendor, primitives=self._primitives)
            m.submodules[f"half_{i}"] = half
            m.d.comb += [half.a.eq(threefry.o[32 + 16 * i :][:16]), half.b.eq(self.columns)]
            products.append(half.p)
        column = Signal(cfg.row_bits, reset_less=True)
        m.d.sync += column.eq((products[1] + (products[0] >> 16)) >> 16)

        share = threefry.o[32 - THRESHOLD_BITS : 32]
        share = delay(m, share, Multiplier.LATENCY + self._ADD + table.latency, name="share")
        own = delay(m, column, table.latency, name="own")
        m.d.comb += [
            table.rd_addr.eq(column),
            table.wr_en.eq(self.wr_en),
            table.wr_addr.eq(self.wr_column),
            table.wr_data.eq(self.wr_threshold | self.wr_alias << THRESHOLD_BITS),
        ]
        keeps = Signal(reset_less=True)
        kept = Signal(cfg.row_bits, reset_less=True)
        alias = Signal(cfg.row_bits, reset_less=True)
        m.d.sync += [
            keeps.eq(share < table.rd_data[:THRESHOLD_BITS]),
            kept.eq(own),
            alias.eq(table.rd_data[THRESHOLD_BITS:]),
            self.row.eq(Mux(keeps, kept, alias)),
        ]
        return m
