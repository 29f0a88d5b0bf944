"""Rows in memory, slots on the chip."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2
from ...fabric.vendor import Vendor
from ...memory.port import MemoryPort
from .config import RowsConfig
from .directory import RowDirectory
from .layouts import FillLayout, OpLayout, SlotReads
from .transfers import Transfers

__all__ = ["RowCache"]


class RowCache(wiring.Component):
    """Gives slots to rows, and moves rows between slots and memory; :mod:`skipwalk.sim.oselm.rows` says what it means.

    ::

        ops --> RowDirectory --> slots
                    | jobs, a queue
                Transfers <--> memory, slots' words

    Parameters
    ----------
    cfg : RowsConfig
    vendor, primitives
        As :class:`~skipwalk.hw.fabric.ram.Ram`.

    Members
    -------
    ops : In(stream of OpLayout), slots : Out(stream of slots), release : In(1), waiting : Out(1)
        As of :class:`~skipwalk.hw.oselm.rows.directory.RowDirectory`.
    memory : Out(MemoryPort), evicted : Out(SlotReads), fills : Out(stream of FillLayout)
        As of :class:`~skipwalk.hw.oselm.rows.transfers.Transfers`.
    marked : Out(1)
        In the order of END and FLUSH, for a cycle each: the group has all its rows; all rows have gone to memory, which
        sees them before whatever is asked of it next.

    Timing and resources: those of both, and a queue of :data:`JOBS` jobs: the directory looks for the next rows while
    one leaves the lanes.
    """

    JOBS = 4

    def __init__(self, cfg: RowsConfig, *, vendor: Vendor = Vendor.GENERIC, primitives: bool = False):
        self._directory = RowDirectory(cfg, vendor=vendor, primitives=primitives)
        self._transfers = Transfers(cfg)
        super().__init__(
            {
                "ops": In(stream.Signature(OpLayout(cfg))),
                "slots": Out(stream.Signature(cfg.slot_bits)),
                "release": In(1),
                "waiting": Out(1),
                "memory": Out(MemoryPort(cfg.address_bits, cfg.word_bits, max(1, clog2(cfg.words)))),
                "evicted": Out(SlotReads(cfg)),
                "fills": Out(stream.Signature(FillLayout(cfg))),
                "marked": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.directory, m.submodules.transfers = directory, transfers = self._directory, self._transfers
        wiring.connect(m, wiring.flipped(self.ops), directory.ops)
        wiring.connect(m, directory.slots, wiring.flipped(self.slots))
        shape = directory.jobs.payload.shape()
        m.submodules.jobs = jobs = SyncFIFOBuffered(width=shape.size, depth=self.JOBS)
        m.d.comb += [
            jobs.w_data.eq(directory.jobs.payload),
            jobs.w_en.eq(directory.jobs.valid),
            directory.jobs.ready.eq(jobs.w_rdy),
            transfers.jobs.payload.eq(jobs.r_data),
            transfers.jobs.valid.eq(jobs.r_rdy),
            jobs.r_en.eq(transfers.jobs.ready),
        ]
        wiring.connect(m, transfers.memory, wiring.flipped(self.memory))
        wiring.connect(m, transfers.evicted, wiring.flipped(self.evicted))
        wiring.connect(m, transfers.fills, wiring.flipped(self.fills))
        m.d.comb += [
            directory.release.eq(self.release),
            self.waiting.eq(directory.waiting),
            self.marked.eq(transfers.marked),
        ]
        return m
