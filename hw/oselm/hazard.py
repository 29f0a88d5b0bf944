"""Which entry, if any, among the latest ones has the same row."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import clog2
from .config import CoreConfig

__all__ = ["HazardWindow"]


class HazardWindow(wiring.Component):
    """The rows of the last ``ring`` samples, searched by row.

    A row stands at most once in the window: where it comes again, its older mention is struck out. So at most one
    place matches, and it is the latest.

    Parameters
    ----------
    cfg : CoreConfig
    forgets : bool
        A row can become another one: it is the slot of one that stands in memory.

    Members
    -------
    row : In
        Looked up every cycle.
    insert : In(1), n : In
        Also make it the row of entry ``n``; entries are numbered modulo the ring, in order.
    clear : In(1)
        Forget everything.
    forget : In(1), slot : In
        Forget this row, which is not looked up in this cycle. Only with ``forgets``.
    hit : Out(1), source : Out
        One cycle later: the latest entry before this one with the same row.

    Timing: latency 1, one look-up a cycle. Resources: ``ring`` comparators and registers of a row number; twice as many
    comparators with ``forgets``.
    """

    def __init__(self, cfg: CoreConfig, *, forgets: bool = False):
        self._cfg, self._forgets = cfg, forgets
        super().__init__(
            {
                "row": In(cfg.row_bits),
                "insert": In(1),
                "n": In(clog2(cfg.ring)),
                "clear": In(1),
                "hit": Out(1),
                "source": Out(clog2(cfg.ring)),
                **({"forget": In(1), "slot": In(cfg.row_bits)} if forgets else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        ring = self._cfg.ring
        valid = Signal(ring)
        rows = [Signal(self._cfg.row_bits, name=f"row_{i}", reset_less=True) for i in range(ring)]
        matches = Signal(ring)
        old = valid
        if self._forgets:
            old = valid & ~(Cat(row == self.slot for row in rows) & self.forget.replicate(ring))
            m.d.sync += valid.eq(old)
        m.d.comb += matches.eq(Cat(row == self.row for row in rows) & valid)
        found = Signal(ring)
        m.d.sync += found.eq(matches)
        with m.If(self.insert):
            here = Signal(ring)
            m.d.comb += here.eq(1 << self.n)
            m.d.sync += valid.eq((old & ~matches) | here)
            for i, row in enumerate(rows):
                with m.If(here[i]):
                    m.d.sync += row.eq(self.row)
        with m.If(self.clear):
            m.d.sync += valid.eq(0)
        m.d.comb += [
            self.hit.eq(found.any()),
            self.source.eq(Cat(Cat(found[i] for i in range(ring) if i >> bit & 1).any() for bit in range(clog2(ring)))),
        ]
        return m
