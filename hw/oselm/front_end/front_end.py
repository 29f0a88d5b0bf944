"""The front end: walks in, contexts out."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import delay
from ...fabric.ram import Ram
from ..config import CoreConfig
from ..ports import FrontEndAccess
from ..protocol import Parameter
from .negatives import NegativeSampler
from .walk_loader import SamplingLayout, WalkAddress, WalkLayout, WalkLoader
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

    Timing: an item a cycle, without gaps from context to context and from walk to walk as long as ``o`` is ready and
    the next group of walks is there: a context of 31 samples takes 32 cycles. From a walk to its first item about
    ``3 * nodes / 2 + latency`` cycles.

    Resources: those of NegativeSampler; a memory of ``2 * walks * max_walk`` rows (each rounded up to a power of two);
    a queue of :data:`DEPTH` items.
    """

    #: Of the queue: more than the items that can be under way when it fills.
    DEPTH = 64

    def __init__(self, cfg: CoreConfig, *, primitives: bool = False):
        if not cfg.walks:
            raise ValueError("a configuration with walks=0 has no front end; use walks=1 or more")
        self._cfg = cfg
        self._nodes = Ram(1 << WalkAddress(cfg).size, cfg.row_bits, vendor=cfg.vendor, primitives=primitives)
        self._sampler = NegativeSampler(cfg, primitives=primitives)
        super().__init__(
            {
                "host": In(FrontEndAccess()),
                "rejected": Out(1),
                "o": Out(stream.Signature(ItemLayout(cfg))),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.nodes = nodes = self._nodes
        m.submodules.sampler = sampler = self._sampler
        m.submodules.loader = loader = WalkLoader(cfg)
        m.submodules.windowing = windowing = Windowing(cfg)
        slots = 1 << len(loader.walk_address)
        m.submodules.walks = walks = Ram(slots, WalkLayout(cfg).size, vendor=cfg.vendor, style="distributed")
        layout = ItemLayout(cfg)
        m.submodules.queue = queue = SyncFIFOBuffered(width=layout.size, depth=self.DEPTH)
        settling, unsound = self._parameters(m, loader, windowing, sampler)

        wiring.connect(m, wiring.flipped(self.host.words), loader.i)
        close = Signal()
        m.d.sync += close.eq(self.host.close)
        m.d.comb += [
            self.host.busy.eq(loader.busy),
            self.rejected.eq(loader.rejected | unsound),
            loader.settled.eq(~settling),
            loader.close.eq(close),
            loader.free.eq(windowing.free),
            windowing.full.eq(loader.full),
            *(a.eq(b) for a, b in zip(windowing.walks, loader.walks, strict=True)),
            nodes.wr_en.eq(loader.node_en),
            nodes.wr_addr.eq(loader.node_address),
            nodes.wr_data.eq(loader.node),
            walks.wr_en.eq(loader.walk_en),
            walks.wr_addr.eq(loader.walk_address),
            walks.wr_data.eq(loader.walk),
            walks.rd_addr.eq(windowing.walk_address),
            windowing.walk.eq(walks.rd_data),
            sampler.columns.eq(loader.columns),
            sampler.wr_en.eq(loader.entry_en),
            sampler.wr_column.eq(loader.entry_column),
            sampler.wr_threshold.eq(loader.entry_threshold),
            sampler.wr_alias.eq(loader.entry_alias),
        ]

        # Nodes of the walk keep step with the negatives.
        m.d.comb += [nodes.rd_addr.eq(windowing.address), sampler.counter.eq(windowing.counter)]
        valid = delay(m, windowing.valid, sampler.latency, name="valid", reset_less=False)
        flags = Cat(windowing.centre, windowing.negative, windowing.ends)
        centre, negative, ends = delay(m, flags, sampler.latency, name="flags")
        node = delay(m, nodes.rd_data, sampler.latency - nodes.latency, name="node")
        item = Signal(layout, reset_less=True)
        m.d.sync += [
            queue.w_en.eq(valid),
            item.row.eq(Mux(negative, sampler.row, node)),
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
        room = Signal(range(self.DEPTH + 1), init=self.DEPTH)
        m.d.sync += taken.eq(self.o.valid & self.o.ready)
        m.d.sync += [room.eq(room - windowing.valid + taken), windowing.go.eq(room > 3)]

        # ``under_way`` is a cycle late; until then ``full`` tells what has left the loader.
        under_way = Signal()
        m.d.sync += under_way.eq(loader.full.any() | windowing.busy | (room != self.DEPTH))
        m.d.comb += self.host.idle.eq(~(loader.busy | loader.pending | loader.full.any() | under_way | settling))
        return m

    def _parameters(self, m, loader, windowing, sampler):
        """What SET says; returns whether it is being checked, and for one cycle that it was refused."""
        cfg = self._cfg
        sampling, asked = Signal(SamplingLayout()), Signal(SamplingLayout(), reset_less=True)
        key = Signal(64)
        positives = Signal(8, reset_less=True)  # of a full window, that have not been counted
        samples = Signal(16, reset_less=True)
        step = Signal(9, reset_less=True)
        few, shaped, unsound = Signal(reset_less=True), Signal(reset_less=True), Signal()
        m.d.comb += [
            loader.sampling.eq(sampling),
            sampler.key.eq(key),
            windowing.next_walk.eq(self.host.set_value),
            windowing.set_next_walk.eq(self.host.set_en & (self.host.set_number == Parameter.NEXT_WALK)),
        ]
        with m.FSM() as fsm:
            with m.State("IDLE"), m.If(self.host.set_en), m.Switch(self.host.set_number):
                with m.Case(Parameter.KEY_HIGH):
                    m.d.sync += key[32:].eq(self.host.set_value)
                with m.Case(Parameter.KEY_LOW):
                    m.d.sync += key[:32].eq(self.host.set_value)
                with m.Case(Parameter.SAMPLING):
                    m.d.sync += asked.eq(self.host.set_value)
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += [
                    positives.eq(asked.window - 1),
                    samples.eq(Mux(asked.per_positive, 0, asked.negatives)),
                    step.eq(Mux(asked.per_positive, asked.negatives + 1, 1)),
                ]
                m.next = "COUNT"
            # Positive by positive: it takes up to 255 cycles, and no multiplier.
            with m.State("COUNT"):
                m.d.sync += [positives.eq(positives - 1), samples.eq(samples + step)]
                with m.If(positives == 1):
                    m.next = "COMPARE"
            with m.State("COMPARE"):
                walks = (asked.walks != 0) & (asked.walks <= cfg.walks)
                m.d.sync += [
                    few.eq(samples <= cfg.max_samples),
                    shaped.eq(walks & (asked.window >= 2) & (asked.reserved == 0)),
                ]
                m.next = "DECIDE"
            with m.State("DECIDE"):
                m.d.comb += unsound.eq(~(few & shaped))
                with m.If(~unsound):
                    m.d.sync += sampling.eq(asked)
                m.next = "IDLE"
            return ~fsm.ongoing("IDLE"), unsound
