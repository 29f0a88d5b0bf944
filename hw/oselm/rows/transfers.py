"""Rows between slots and memory."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ...fabric.pipeline import clog2, times
from ...memory.port import MemoryPort
from .config import RowsConfig
from .layouts import FillLayout, JobLayout, SlotReads

__all__ = ["Transfers"]


class Transfers(wiring.Component):
    """Executes jobs in their order. A row goes out before another one is asked for; rows that come may be several.

    Parameters
    ----------
    cfg : RowsConfig

    Members
    -------
    jobs : In(stream of JobLayout)
    memory : Out(MemoryPort)
    evicted : Out(SlotReads), fills : Out(stream of FillLayout)
        Rows that go and come, word by word.
    marked : Out(1)
        All rows that were asked for before a mark have come, in this cycle.

    Timing: a row that goes takes 2 cycles and one for each word, as far as words come and memory takes them; one that
    is asked for 1 cycle. Resources: a queue of :data:`ASKED` slots.
    """

    #: Rows that have been asked for, and marks.
    ASKED = 8

    def __init__(self, cfg: RowsConfig):
        self._cfg = cfg
        self._last_bits = max(1, clog2(cfg.words))
        super().__init__(
            {
                "jobs": In(stream.Signature(JobLayout(cfg))),
                "memory": Out(MemoryPort(cfg.address_bits, cfg.word_bits, self._last_bits)),
                "evicted": Out(SlotReads(cfg)),
                "fills": Out(stream.Signature(FillLayout(cfg))),
                "marked": Out(1),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        layout = data.StructLayout({"slot": cfg.slot_bits, "mark": 1})
        m.submodules.asked = asked = SyncFIFOBuffered(width=layout.size, depth=self.ASKED)
        job, request, words = self.jobs.payload, self.memory.request, self.memory.write
        left = Signal(range(cfg.words + 1))
        evicting = Signal()
        m.d.comb += [
            request.payload.address.eq(times(Mux(evicting, job.out, job.row), cfg.words)),
            request.payload.last.eq(cfg.words - 1),
            request.payload.write.eq(evicting),
            self.evicted.slot.payload.eq(job.slot),
            words.payload.data.eq(self.evicted.words.payload),
            words.payload.strobes.eq((1 << cfg.word_bits // 8) - 1),
            asked.w_data.eq(Cat(job.slot, job.mark)),
        ]
        with m.FSM():
            with m.State("ASK"):
                # A row that comes, or a mark: with room for its slot.
                asks = self.jobs.valid & ~job.evict & asked.w_rdy
                m.d.comb += [
                    evicting.eq(job.evict),
                    request.valid.eq((self.jobs.valid & job.evict) | (asks & job.fill)),
                    asked.w_en.eq(asks & (job.mark | request.ready)),
                    self.jobs.ready.eq(asked.w_en),
                ]
                m.d.sync += left.eq(cfg.words)
                with m.If(self.jobs.valid & job.evict & request.ready):
                    m.next = "SLOT"
            with m.State("SLOT"):
                m.d.comb += self.evicted.slot.valid.eq(1)
                with m.If(self.evicted.slot.ready):
                    m.next = "WORDS"
            with m.State("WORDS"):
                m.d.comb += [
                    words.valid.eq(self.evicted.words.valid),
                    self.evicted.words.ready.eq(words.ready),
                ]
                with m.If(words.valid & words.ready):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "FILL"
            with m.State("FILL"):
                m.d.comb += [
                    request.valid.eq(job.fill & asked.w_rdy),
                    asked.w_en.eq(request.valid & request.ready),
                    self.jobs.ready.eq(asked.w_en | ~job.fill),
                ]
                with m.If(self.jobs.ready):
                    m.next = "ASK"
        self._fill(m, asked, data.View(layout, asked.r_data))
        return m

    def _fill(self, m, asked, head):
        """Words into the slots that they were asked for."""
        cfg, words, fills = self._cfg, self.memory.read, self.fills
        left = Signal(range(cfg.words), init=cfg.words - 1)
        comes = asked.r_rdy & ~head.mark
        m.d.comb += [
            fills.payload.slot.eq(head.slot),
            fills.payload.data.eq(words.payload),
            fills.payload.last.eq(left == 0),
            fills.valid.eq(comes & words.valid),
            words.ready.eq(comes & fills.ready),
            self.marked.eq(asked.r_rdy & head.mark),
            asked.r_en.eq(self.marked | (fills.valid & fills.ready & fills.payload.last)),
        ]
        with m.If(fills.valid & fills.ready):
            m.d.sync += left.eq(Mux(left == 0, cfg.words - 1, left - 1))
