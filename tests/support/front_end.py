"""The front end and the command interpreter alone: command words in, items of contexts out."""

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from skipwalk.hw.oselm.command import CommandInterpreter
from skipwalk.hw.oselm.config import CoreConfig
from skipwalk.hw.oselm.front_end.front_end import FrontEnd
from skipwalk.hw.oselm.protocol import Opcode
from skipwalk.sim.oselm import golden

from .oselm import ReferenceCore

__all__ = ["ContextWords", "expected_words"]

_LABEL, _CENTRE, _ENDS, _FLUSHED = 1 << 20, 1 << 21, 1 << 22, 1 << 31


class ContextWords(wiring.Component):
    """A word for each centre and sample, in training order, and one with the number of rejections for each FLUSH."""

    def __init__(self, cfg: CoreConfig):
        self._cfg = cfg
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        cfg = self._cfg
        m = Module()
        m.submodules.command = command = CommandInterpreter(cfg)
        m.submodules.front = front = FrontEnd(cfg)
        m.submodules.queue = queue = SyncFIFOBuffered(width=32, depth=16)
        wiring.connect(m, wiring.flipped(self.i), command.i)
        wiring.connect(m, command.walks, front.host)
        rejected = Signal(31)
        m.d.sync += rejected.eq(rejected + (command.rejected | front.rejected))
        item, words = front.o.payload, command.contexts
        m.d.comb += [
            words.ready.eq(queue.w_level < 8),
            front.o.ready.eq(words.ready),
            command.rest.at_rest.eq(command.rest.drain),
            command.chain.loaded.eq(1),
            command.o.ready.eq(words.ready),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        empty = Const(0, 20 - cfg.row_bits)
        with m.If(~front.host.idle):
            m.d.comb += [
                queue.w_en.eq(front.o.valid & words.ready),
                queue.w_data.eq(Cat(item.row, empty, item.label, item.centre, item.ends)),
            ]
        with m.Elif(command.o.valid):
            m.d.comb += [
                queue.w_en.eq(words.ready & (command.o.payload[28:] == Opcode.FLUSH)),
                queue.w_data.eq(Cat(rejected, 1)),
            ]
        with m.Else():
            m.d.comb += [
                queue.w_en.eq(words.centre | words.sample),
                queue.w_data.eq(Cat(words.row, empty, words.label, words.centre, words.ends)),
            ]
        return m


def expected_words(cfg: CoreConfig, segments: Sequence[np.ndarray]) -> np.ndarray:
    """What ContextWords gives for commands of which each part ends with its only FLUSH."""
    made: list[int] = []

    def record(cfg: CoreConfig, state: golden.State, contexts: golden.Contexts) -> None:
        for c, centre in enumerate(contexts.centres.tolist()):
            part = slice(contexts.indptr[c], contexts.indptr[c + 1])
            pairs = zip(contexts.samples[part].tolist(), contexts.labels[part].tolist(), strict=True)
            made.append(centre | _CENTRE)
            made.extend(row | bool(label) * _LABEL for row, label in pairs)
            made[-1] |= _ENDS

    reference = ReferenceCore(cfg, record)
    for words in segments:
        reference.execute(words)
        made.append(_FLUSHED | reference.rejected)
    return np.array(made, np.uint32)
