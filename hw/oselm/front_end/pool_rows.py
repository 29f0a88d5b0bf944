"""The pool where rows are outside: they are asked for ahead, and go into it when their group begins."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ...fabric.ram import Ram
from ..config import CoreConfig
from ..rows.layouts import Kind, RowAsks
from .layouts import SamplingLayout
from .pool import POOL_SHIFT
from .ports import GroupDraws, PoolDraws, PoolWrites

__all__ = ["PoolRows"]


class PoolRows(wiring.Component):
    """Each draw gets a slot, and the row that stood at its place is dropped. Where the pool is made anew, all its rows
    are dropped first, so that they need not stand beside the new ones.

    Parameters
    ----------
    cfg : CoreConfig
        With ``slots``.
    primitives : bool
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    sampling : In(SamplingLayout), stale : In(1)
        As of :class:`~skipwalk.hw.oselm.front_end.pool.Renewal`; ``stale`` only while no group is under way.
    group : In(GroupDraws)
        A group whose rows are to be asked for; ``clear`` is not looked at.
    draws : Out(PoolDraws), asks : Out(RowAsks)
        Its draws, and the slots that they get. Ends and releases of groups are those of who asks for the nodes.
    begins : In(GroupDraws)
        Contexts of that group are to be made: done when the draws are in the pool.
    pending : Out(1)
        Draws of a group wait for its contexts; no other group may be asked for.
    writes : Out(PoolWrites)

    Timing: about 8 cycles a draw beside those of the directory, and one to write it.
    Resources: a memory of ``pool`` slots; a queue of as many slots and places, or of the draws of a group.
    """

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        self._cfg = cfg
        self._held = Ram(cfg.pool, cfg.engine.row_bits, vendor=cfg.vendor, primitives=primitives)
        super().__init__(
            {
                "sampling": In(SamplingLayout()),
                "stale": In(1),
                "group": In(GroupDraws(cfg)),
                "draws": Out(PoolDraws(cfg)),
                "asks": Out(RowAsks(cfg.rows_outside)),
                "begins": In(GroupDraws(cfg)),
                "pending": Out(1),
                "writes": Out(PoolWrites(cfg)),
            }
        )

    def elaborate(self, platform):
        cfg, held, asks, drawn = self._cfg, self._held, self.asks, self.draws.rows
        m = Module()
        m.submodules.held = held
        pool = self.sampling.pool
        place = Signal(clog2(cfg.pool), reset_less=True)
        filled = Signal(range(cfg.pool + 1))  # places that hold a row
        stale, anew, over = Signal(init=1), Signal(), Signal()
        t = Signal(range(held.latency + 1))
        queues = Signal()
        self._queue(m, place, queues)
        m.d.comb += [
            held.rd_addr.eq(place),
            held.wr_addr.eq(place),
            held.wr_data.eq(asks.slots.payload),
            held.wr_en.eq(queues),
            self.draws.group.first.eq(self.group.first),
            self.draws.group.walks.eq(self.group.walks),
            self.draws.group.clear.eq(1),
        ]
        m.d.sync += t.eq(0)

        def look(state: str, after: str) -> None:
            """The slot at the place will stand at the memory's output."""
            with m.State(state):
                m.d.sync += t.eq(t + 1)
                with m.If(t == held.latency):
                    m.d.sync += t.eq(0)
                    m.next = after

        def drop(state: str, after: str, *, unless: Value) -> None:
            """The row at the memory's output is of no use any more."""
            with m.State(state):
                m.d.comb += [asks.ops.valid.eq(~unless), asks.ops.payload.kind.eq(Kind.DROP)]
                m.d.comb += asks.ops.payload.row.eq(held.rd_data)
                with m.If(unless | asks.ops.ready):
                    m.next = after

        with m.FSM() as fsm:
            with m.State("WAIT"):
                m.d.sync += [place.eq(0), over.eq(0)]
                with m.If(self.group.wanted & (pool == 0)):
                    m.d.comb += self.group.done.eq(1)
                with m.Elif(self.group.wanted):
                    m.d.sync += [anew.eq(stale), stale.eq(0)]
                    m.next = "DRAWN"
                    with m.If(stale & (filled != 0)):
                        m.next = "LOOK ALL"
            look("LOOK ALL", "DROP ALL")
            drop("DROP ALL", "DROPPED", unless=Const(0))
            with m.State("DROPPED"):
                m.d.sync += [place.eq(place + 1), filled.eq(filled - 1)]
                m.next = "LOOK ALL"
                with m.If(filled == 1):
                    m.next = "DRAWN"
            with m.State("DRAWN"):
                m.d.sync += place.eq(drawn.payload.place)
                with m.If(drawn.valid):
                    m.next = "LOOK"
                with m.Elif(over & ~self.draws.busy):
                    m.d.comb += self.group.done.eq(1)
                    with m.If(anew):
                        m.d.sync += filled.eq((1 << POOL_SHIFT) << pool)
                    m.next = "WAIT"
            look("LOOK", "DROP")
            drop("DROP", "PUT", unless=anew)
            with m.State("PUT"):
                m.d.comb += [asks.ops.valid.eq(1), asks.ops.payload.kind.eq(Kind.POOL)]
                m.d.comb += asks.ops.payload.row.eq(drawn.payload.row)
                with m.If(asks.ops.ready):
                    m.next = "SLOT"
            with m.State("SLOT"):
                m.d.comb += [asks.slots.ready.eq(1), queues.eq(asks.slots.valid), drawn.ready.eq(asks.slots.valid)]
                with m.If(asks.slots.valid):
                    m.next = "DRAWN"
            drawing = ~fsm.ongoing("WAIT")
        m.d.comb += self.draws.group.wanted.eq(drawing & ~over)
        with m.If(self.draws.group.done):
            m.d.sync += over.eq(1)
        with m.If(self.stale):
            m.d.sync += stale.eq(1)
        return m

    def _queue(self, m, place, en):
        """Draws that wait until their group begins; with ``en`` another one, of that place."""
        cfg, writes = self._cfg, self.writes
        depth = max(cfg.pool, cfg.walks * cfg.replaced)
        width = clog2(cfg.pool) + cfg.engine.row_bits
        m.submodules.queue = queue = SyncFIFOBuffered(width=width, depth=depth)
        m.d.comb += [
            queue.w_data.eq(Cat(place, self.asks.slots.payload)),
            queue.w_en.eq(en),
            queue.r_en.eq(self.begins.wanted & self.begins.clear),
            Cat(writes.place, writes.slot).eq(queue.r_data),
            writes.en.eq(queue.r_en & queue.r_rdy),
            self.pending.eq(queue.level != 0),
            self.begins.done.eq(queue.r_en & (queue.level == 0)),
        ]
