"""Contexts on their way from the command stream to the sequencer."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import clog2, delay
from .config import CoreConfig
from .hazard import HazardWindow
from .ops import SampleLayout
from .ports import ContextWords, SlotForget
from .sizes import CONTEXT_SLOTS

__all__ = ["ContextLayout", "ContextQueue"]


class ContextLayout(data.StructLayout):
    """A centre, how many samples follow, and the latest earlier sample of the same row, if within the window."""

    def __init__(self, cfg: CoreConfig):
        super().__init__(
            {
                "row": cfg.row_bits,
                "count": clog2(cfg.max_samples + 1),
                "hit": 1,
                "source": clog2(cfg.ring),
            }
        )


class ContextQueue(wiring.Component):
    """Takes a centre and its samples word by word; gives whole contexts, each row with its latest earlier mention.

    Parameters
    ----------
    cfg : CoreConfig
    forgets : bool
        As of :class:`~skipwalk.hw.oselm.hazard.HazardWindow`.

    Members
    -------
    i : In(ContextWords)
    clear : In(1)
        Forget which rows came before; only while nothing is queued.
    forget : In(SlotForget)
        Only with ``forgets``.
    contexts : Out(stream), samples : Out(stream)
        A context appears after all its samples have.
    empty : Out(1)
        Nothing is queued.

    Timing: one word a cycle; a context shows at most :attr:`LATENCY` cycles after its last word.

    Resources: a memory of ``cfg.queue`` samples.
    """

    #: Input register, look-up, memory and its output register, registers behind it.
    LATENCY = 8

    def __init__(self, cfg: CoreConfig, *, forgets: bool = False):
        self._cfg, self._forgets = cfg, forgets
        super().__init__(
            {
                "i": In(ContextWords(cfg)),
                "clear": In(1),
                "contexts": Out(stream.Signature(ContextLayout(cfg))),
                "samples": Out(stream.Signature(SampleLayout(cfg))),
                "empty": Out(1),
                **({"forget": In(SlotForget(cfg))} if forgets else {}),
            }
        )

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.window = window = HazardWindow(cfg, forgets=self._forgets)
        context_layout, sample_layout = ContextLayout(cfg), SampleLayout(cfg)
        m.submodules.samples = samples = SyncFIFOBuffered(width=sample_layout.size, depth=cfg.queue)
        m.submodules.contexts = contexts = SyncFIFOBuffered(width=context_layout.size, depth=CONTEXT_SLOTS)

        n = Signal(clog2(cfg.ring))
        centre_valid, sample_valid, last = Signal(), Signal(), Signal()
        m.d.sync += [centre_valid.eq(self.i.centre), sample_valid.eq(self.i.sample), last.eq(self.i.ends)]
        row, label = delay(m, self.i.row, 1, name="row"), delay(m, self.i.label, 1, name="label")
        m.d.comb += [
            window.row.eq(row),
            window.n.eq(n),
            window.insert.eq(sample_valid),
            window.clear.eq(self.clear),
        ]
        if self._forgets:
            m.d.comb += [window.forget.eq(self.forget.en), window.slot.eq(self.forget.slot)]
        # One cycle later the look-up is done.
        context = Signal(context_layout, reset_less=True)
        sample = Signal(sample_layout, reset_less=True)
        is_centre, is_sample, ends = Signal(), Signal(), Signal()
        m.d.sync += [is_centre.eq(centre_valid), is_sample.eq(sample_valid), ends.eq(last)]
        m.d.sync += [sample.row.eq(row), sample.label.eq(label), sample.n.eq(n)]
        with m.If(centre_valid):
            m.d.sync += [context.row.eq(row), context.count.eq(0)]
        with m.Elif(sample_valid):
            m.d.sync += [context.count.eq(context.count + 1), n.eq(n + 1)]
        with m.If(is_centre):
            m.d.sync += [context.hit.eq(window.hit), context.source.eq(window.source)]

        found = Signal(sample_layout)
        back = Signal.like(n)  # entries back to the earlier mention; ``count`` already includes this sample
        whole = Signal(context_layout)
        m.d.comb += [
            found.eq(sample),
            found.hit.eq(window.hit),
            found.source.eq(window.source),
            back.eq(sample.n - window.source),
            found.repeat.eq(window.hit & (back != 0) & (back < context.count)),
            samples.w_data.eq(found),
            samples.w_en.eq(is_sample),
            whole.eq(context),
            whole.hit.eq(Mux(is_centre, window.hit, context.hit)),
            whole.source.eq(Mux(is_centre, window.source, context.source)),
            contexts.w_data.eq(whole),
            contexts.w_en.eq(ends),
        ]
        # Three words may be on their way when the queue says that it is full.
        m.d.sync += self.i.ready.eq((samples.w_level < cfg.queue - 4) & (contexts.w_level < CONTEXT_SLOTS - 4))
        # A few words in registers behind each memory: what the sequencer decides in a cycle need not reach the memory.
        quiet = ~(centre_valid | sample_valid | last | is_centre | is_sample | ends)
        for name, fifo, port in (("samples", samples, self.samples), ("contexts", contexts, self.contexts)):
            m.submodules[f"{name}_near"] = near = SyncFIFO(width=len(fifo.r_data), depth=4)
            wiring.connect(m, fifo.r_stream, near.w_stream)
            m.d.comb += [port.payload.eq(near.r_data), port.valid.eq(near.r_rdy), near.r_en.eq(port.ready)]
            quiet &= (fifo.level == 0) & (near.level == 0)
        m.d.comb += self.empty.eq(quiet)
        return m
