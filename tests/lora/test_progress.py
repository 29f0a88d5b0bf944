"""The Skip2-LoRA unit's interpreter, proven: whatever the words, it does not stand still."""

import pytest

pytest.importorskip("amaranth")
pytest.importorskip("pyosys")

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from skipwalk.hw.lora.command import LoraCommand
from skipwalk.hw.lora.config import LoraConfig

from ..support.proofs import Moves, cover, prove, soon

CFG = LoraConfig(widths=(4,), classes=2, rank=1, lanes=4, cache_samples=2)


class Orders(wiring.Component):
    """In place of a permutation, whose draws take many cycles: all numbers of an epoch as they follow each other."""

    def __init__(self, like: wiring.Component):
        super().__init__(dict(like.signature.members))

    def elaborate(self, platform):
        m = Module()
        index, left = Signal.like(self.o.p.index), Signal.like(self.i.p.n)
        m.d.comb += [
            self.i.ready.eq(left == 0),
            self.o.valid.eq(left != 0),
            self.o.p.index.eq(index),
            self.o.p.last.eq(left == 1),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [left.eq(self.i.p.n), index.eq(0)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [left.eq(left - 1), index.eq(index + 1)]
        return m


def answers(m, command):
    """The rest of the unit, which answers in time: rest, the read chain, the backbone, an entry of the rings."""
    wants, computes, entries = Signal(), Signal(), Signal(4)
    m.d.sync += [
        wants.eq((wants & ~command.chain.loaded) | command.host.read),
        computes.eq((computes & ~command.backbone.done) | command.backbone.start),
        entries.eq(entries + (command.flow.samples.valid & command.flow.samples.ready) - command.flow.retired),
    ]
    return [
        soon(m, command.rest.drain, command.rest.at_rest, 2),
        soon(m, wants, command.chain.loaded, 2),
        soon(m, computes, command.backbone.done, 2),
        soon(m, entries != 0, command.flow.retired, 2),
        ~command.flow.retired | (entries != 0),
    ]


def interpreter(ends: str) -> Moves:
    command = LoraCommand(CFG, cache_latency=2)
    command.order = Orders(command.order)
    # A word of WRITE has up to 32 elements.
    return Moves(command, 12, ends, inside=[command.unpacker.o], given=answers)


def test_the_interpreter_does_not_stand_still(tmp_path):
    """Of any words, in the first 18 cycles. Found, by hand: DENSE that waits for more than the backbone; and with 24
    cycles epochs that never settle."""
    for ends in ("o", "flow__samples"):
        cover(interpreter(ends), tmp_path, output="moved", cycles=16)
    prove(interpreter("o"), tmp_path, name="progress.lora-command", method="-seq 18")
