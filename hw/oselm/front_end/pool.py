"""The pool of negatives: slots of drawn rows, some of which every walk replaces."""

from contextlib import nullcontext

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2, delay
from ...fabric.ram import Ram
from ..config import CoreConfig
from .layouts import SamplingLayout
from .ports import GroupDraws
from .sampling import POOL_CONTEXT, POOL_SHIFT

__all__ = ["NegativePool", "Renewal"]


class Renewal(wiring.Component):
    """Which draws go into the pool before contexts are made of a group of walks.

    Walk i replaces the slots ``(i << replaced | k) % M``, k = 0 ... 2**replaced - 1, by the draw of the counter
    ``i << 32 | POOL_CONTEXT << 16 | k``. If the pool is stale, the last M draws up to the group's last walk make it
    anew: what it holds is a function of key, walk and source, not of the past.

    Parameters
    ----------
    cfg : CoreConfig
        With ``pool``.

    Members
    -------
    taken : In(1)
        The draw is, in this cycle; else it stays. Only with ``cfg.slots``: else each is there for a cycle.
    sampling : In(SamplingLayout)
        Steady while there are walks.
    stale : In(1)
        Key, number of the next walk, sampling or source may be others from now on.
    group : In(GroupDraws)
        ``done`` at once where ``sampling`` has no pool.
    valid : Out(1), slot : Out, counter : Out(64)
        A draw, and where it goes.

    Timing: once ``clear``, 3 cycles up to ``done`` and one for each draw: ``walks << replaced``, or M if the pool was
    stale.
    """

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__(
            {
                **({"taken": In(1)} if cfg.slots else {}),
                "sampling": In(SamplingLayout()),
                "stale": In(1),
                "group": In(GroupDraws(cfg)),
                "valid": Out(1),
                "slot": Out(clog2(cfg.pool)),
                "counter": Out(64),
            }
        )

    def elaborate(self, platform):
        cfg, group = self._cfg, self.group
        m = Module()
        pool, replaced = self.sampling.pool, self.sampling.replaced
        stale = Signal(init=1)
        walk, k = Signal(32, reset_less=True), Signal(7, reset_less=True)
        left = Signal(range(max(cfg.pool, cfg.walks) + 1), reset_less=True)  # walks
        ends = Signal()
        m.d.comb += ends.eq(k == (1 << replaced) - 1)
        # Walks between two draws into the same slot.
        period = ((1 << POOL_SHIFT) << pool) >> replaced

        goes = ~self.valid | self.taken if cfg.slots else Const(1)
        with m.If(goes) if cfg.slots else nullcontext():
            m.d.sync += self.valid.eq(0)
        with m.FSM():
            with m.State("WAIT"):
                m.d.sync += k.eq(0)
                with m.If(group.wanted & (pool == 0)):
                    m.d.comb += group.done.eq(1)
                with m.Elif(group.wanted & group.clear):
                    m.d.sync += [left.eq(Mux(stale, period, group.walks)), stale.eq(0)]
                    m.next = "FIRST"
            with m.State("FIRST"):
                m.d.sync += walk.eq(group.first + group.walks - left)
                m.next = "DRAW"
            with m.State("DRAW"), m.If(goes) if cfg.slots else nullcontext():
                m.d.sync += [
                    self.valid.eq(1),
                    self.slot.eq((walk[: len(self.slot)] << replaced | k) & ((1 << POOL_SHIFT) << pool) - 1),
                    self.counter.eq(Cat(k, Const(0, 16 - len(k)), Const(POOL_CONTEXT, 16), walk)),
                    k.eq(Mux(ends, 0, k + 1)),
                ]
                with m.If(ends):
                    m.d.sync += [walk.eq(walk + 1), left.eq(left - 1)]
                    with m.If(left == 1):
                        m.next = "DONE"
            with m.State("DONE"), m.If(goes) if cfg.slots else nullcontext():
                m.d.comb += group.done.eq(1)
                m.next = "WAIT"
        with m.If(self.stale):
            m.d.sync += stale.eq(1)
        return m


class NegativePool(wiring.Component):
    """Rows as they are drawn, or what stands in a slot of the pool. With ``cfg.slots`` a row is the slot that it has.

    Parameters
    ----------
    cfg : CoreConfig
        With ``pool``.
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    sampling : In(SamplingLayout)
        Steady while there are walks.
    row : In, bits : In
        A row that was drawn, and the upper bits of the draw.
    renews : In(1), slot : In
        The row goes into this slot; whatever comes from the next cycle on finds it there.
    o : Out
        The row, or with a pool that of the slot which the upper bits name, :attr:`latency` cycles later.

    Timing: a row a cycle. Resources: a memory of ``pool`` rows.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        row_bits = cfg.engine.row_bits
        self._slots = Ram(cfg.pool, row_bits, vendor=cfg.vendor, primitives=primitives)
        super().__init__(
            {
                "sampling": In(SamplingLayout()),
                "row": In(row_bits),
                "bits": In(clog2(cfg.pool)),
                "renews": In(1),
                "slot": In(clog2(cfg.pool)),
                "o": Out(row_bits),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from ``row`` and ``bits`` to ``o``."""
        return self._ADDRESS + self._slots.latency + self._CHOOSE

    _ADDRESS = 1
    _CHOOSE = 1

    def elaborate(self, platform):
        m = Module()
        m.submodules.slots = slots = self._slots
        pool = self.sampling.pool
        most = clog2(self._cfg.pool) - POOL_SHIFT
        chosen = Signal.like(self.slot, reset_less=True)
        written = Signal.like(self.row, reset_less=True)
        place = Signal.like(self.slot, reset_less=True)
        writes = Signal()
        m.d.sync += [
            chosen.eq(self.bits >> (most - pool)[: len(pool)]),
            writes.eq(self.renews),
            place.eq(self.slot),
            written.eq(self.row),
        ]
        m.d.comb += [
            slots.rd_addr.eq(chosen),
            slots.wr_en.eq(writes),
            slots.wr_addr.eq(place),
            slots.wr_data.eq(written),
        ]
        row = delay(m, self.row, self.latency - self._CHOOSE, name="row")
        o = Signal.like(self.row, reset_less=True)
        m.d.sync += o.eq(Mux(pool == 0, row, slots.rd_data))
        m.d.comb += self.o.eq(o)
        return m
