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
    """Executes jobs in their order. The words of a row that goes wait until it is whole, so that memory is not kept
    waiting for them, while the row of the job before goes or comes; rows that come may be several.

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

    Timing: a row that goes takes 3 cycles and one for each word, as far as words come, and a cycle for each when memory
    takes them; one that is asked for 1 cycle. Resources: queues of :data:`ASKED` slots, of a few jobs, and of two rows.
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
        shape = self.jobs.payload.shape()
        m.submodules.gathered = gathered = SyncFIFOBuffered(width=shape.size, depth=4)
        m.submodules.words = waiting = SyncFIFOBuffered(width=cfg.word_bits, depth=2 * cfg.words)
        self._gather(m, gathered, waiting)
        job, request, words = data.View(shape, gathered.r_data), self.memory.request, self.memory.write
        evicted = Signal()  # the row of this job has been asked to go
        evicts = job.evict & ~evicted
        m.d.comb += [
            request.payload.address.eq(times(Mux(evicts, job.out, job.row), cfg.words)),
            request.payload.last.eq(cfg.words - 1),
            request.payload.write.eq(evicts),
            words.payload.data.eq(waiting.r_data),
            words.payload.strobes.eq((1 << cfg.word_bits // 8) - 1),
            words.valid.eq(waiting.r_rdy),
            waiting.r_en.eq(words.ready),
            asked.w_data.eq(Cat(job.slot, job.mark)),
        ]
        # A row that goes; then one that comes, or a mark, with room for its slot.
        rest = gathered.r_rdy & ~evicts & asked.w_rdy
        m.d.comb += [
            request.valid.eq((gathered.r_rdy & evicts) | (rest & job.fill)),
            # After a mark memory has been given all words.
            asked.w_en.eq(rest & ((job.mark & (waiting.level == 0)) | (job.fill & request.ready))),
            gathered.r_en.eq(asked.w_en | (gathered.r_rdy & ~evicts & ~job.fill & ~job.mark)),
        ]
        with m.If(gathered.r_en):
            m.d.sync += evicted.eq(0)
        with m.Elif(gathered.r_rdy & evicts & request.ready):
            m.d.sync += evicted.eq(1)
        self._fill(m, asked, data.View(layout, asked.r_data))
        return m

    def _gather(self, m, gathered, waiting):
        """Words of rows that go; each job is passed on when all of its own are there."""
        cfg, job = self._cfg, self.jobs.payload
        left = Signal(range(cfg.words + 1))
        m.d.comb += [
            self.evicted.slot.payload.eq(job.slot),
            waiting.w_data.eq(self.evicted.words.payload),
            gathered.w_data.eq(job),
        ]
        with m.FSM():
            with m.State("JOB"):
                m.d.sync += left.eq(cfg.words)
                with m.If(self.jobs.valid & job.evict):
                    m.d.comb += self.evicted.slot.valid.eq(1)
                    with m.If(self.evicted.slot.ready):
                        m.next = "WORDS"
                with m.Else():
                    m.d.comb += [gathered.w_en.eq(self.jobs.valid), self.jobs.ready.eq(gathered.w_rdy)]
            with m.State("WORDS"):
                m.d.comb += [
                    waiting.w_en.eq(self.evicted.words.valid),
                    self.evicted.words.ready.eq(waiting.w_rdy),
                ]
                with m.If(waiting.w_en & waiting.w_rdy):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "WHOLE"
            with m.State("WHOLE"):
                m.d.comb += [gathered.w_en.eq(1), self.jobs.ready.eq(gathered.w_rdy)]
                with m.If(gathered.w_rdy):
                    m.next = "JOB"

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
