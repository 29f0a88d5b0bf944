"""All that a core has to do with rows outside: slots for who asks, and rows between the engine and memory."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ...fabric.vendor import Vendor
from ...memory.port import MemoryPort
from .cache import RowCache
from .config import RowsConfig
from .layouts import RowAsks, RowLease, SlotBeats
from .lease import LeaseHolder
from .mover import RowMover

__all__ = ["RowsOutside"]


class RowsOutside(wiring.Component):
    """::

        asks, lease --> RowCache <--> memory
                           | rows
                        RowMover <--> beats

    Parameters
    ----------
    cfg : RowsConfig
    lanes, chunks, bits, groups, fill_latency, written
        As of :class:`~skipwalk.hw.oselm.rows.mover.RowMover`.
    vendor, primitives
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    asks : In(RowAsks)
        From who makes contexts.
    lease : In(RowLease)
        From who reads or writes rows, only while there is nothing to be made.
    beats : Out(SlotBeats), memory : Out(MemoryPort)
    asked, fetched, written : Out(1)
        Events: a slot was given; a row has come; a row begins to go.

    Timing and resources: those of the parts.
    """

    def __init__(
        self,
        cfg: RowsConfig,
        *,
        lanes: int,
        chunks: int,
        bits: int,
        groups: int,
        fill_latency: int,
        written: int,
        vendor: Vendor = Vendor.GENERIC,
        primitives: bool = False,
    ):
        self._cache = RowCache(cfg, vendor=vendor, primitives=primitives)
        self._mover = RowMover(
            cfg, lanes=lanes, chunks=chunks, bits=bits, groups=groups, fill_latency=fill_latency, written=written
        )
        self._holder = LeaseHolder(cfg, written + fill_latency)
        super().__init__(
            {
                "asks": In(RowAsks(cfg)),
                "lease": In(RowLease(cfg)),
                "beats": Out(SlotBeats(cfg, lanes, max(1, clog2(chunks)), bits)),
                "memory": Out(MemoryPort(cfg.address_bits, cfg.word_bits, max(1, clog2(cfg.words)))),
                "asked": Out(1),
                "fetched": Out(1),
                "written": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.cache = cache = self._cache
        m.submodules.mover = mover = self._mover
        m.submodules.holder = holder = self._holder
        wiring.connect(m, wiring.flipped(self.lease), holder.lease)
        with m.If(holder.busy):
            self._ask(m, holder.asks)
        with m.Else():
            self._ask(m, wiring.flipped(self.asks))
        wiring.connect(m, cache.evicted, mover.evicted)
        wiring.connect(m, cache.fills, mover.fills)
        wiring.connect(m, mover.beats, wiring.flipped(self.beats))
        wiring.connect(m, cache.memory, wiring.flipped(self.memory))
        m.d.comb += [
            mover.marked.eq(cache.marked),
            self.asked.eq(cache.slots.valid & cache.slots.ready),
            self.fetched.eq(cache.fills.valid & cache.fills.ready & cache.fills.payload.last),
            self.written.eq(cache.evicted.slot.valid & cache.evicted.slot.ready),
        ]
        # Only who waits for rows to land looks, and only who has a group releases it.
        askers = (wiring.flipped(self.asks), holder.asks)
        m.d.comb += [
            *(asks.landed.eq(mover.landed) for asks in askers),
            cache.release.eq(Cat(asks.release for asks in askers).any()),
        ]
        return m

    def _ask(self, m, asks):
        """Join who asks to the directory."""
        cache = self._cache
        wiring.connect(m, asks.ops, cache.ops)
        wiring.connect(m, cache.slots, asks.slots)
