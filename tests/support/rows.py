"""A component whose inputs come as words, a row for each of its cycles: compiled without a driver of its own."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from amaranth.hdl import Cat, ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal, Shape, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out
from skipwalk.sim.rtl.verilated import VerilatedCore

from .streams import decode, encode

__all__ = ["ByRows", "clocked_by_rows"]


class ByRows(Component):
    """Takes the words of a row, lets ``dut`` run for a cycle, and gives what its outputs were in it.

    Names are those of members, with a dot into a named port. The lowest bit of a row resets; inputs follow in order,
    lowest bits first.
    """

    def __init__(self, dut: Component, inputs: Sequence[str], outputs: Sequence[str]):
        self._dut = dut
        self.inputs = [attrgetter(name)(dut) for name in inputs]
        self.outputs = [attrgetter(name)(dut) for name in outputs]
        super().__init__({"i": In(stream.Signature(32)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        m = Module()
        row, seen = Cat(Value.cast(x) for x in self.inputs), Cat(Value.cast(x) for x in self.outputs)
        taken, given = (Signal(32 * words_of(1 + len(row))), Signal(32 * words_of(len(seen))))
        n = Signal(range(max(len(taken), len(given)) // 32 + 1))
        # Its clock rises when its outputs have been taken. An enable would be logic in it.
        tick = Signal()
        m.domains.rows = ClockDomain()
        m.submodules.dut = DomainRenamer("rows")(self._dut)
        m.d.comb += [ClockSignal("rows").eq(tick), ResetSignal("rows").eq(taken[0])]
        m.d.comb += [row.eq(taken[1:]), self.o.payload.eq(given)]
        m.d.sync += tick.eq(0)
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.sync += [taken.eq(Cat(taken, self.i.payload)[32:]), n.eq(n + 1)]
                    with m.If(n == len(taken) // 32 - 1):
                        m.next = "RUN"
            with m.State("RUN"):
                m.d.sync += [given.eq(seen), n.eq(0), tick.eq(1)]
                m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += [given.eq(given >> 32), n.eq(n + 1)]
                    with m.If(n == len(given) // 32 - 1):
                        m.d.sync += n.eq(0)
                        m.next = "TAKE"
        return m


def words_of(bits: int) -> int:
    return -(-bits // 32)


def clocked_by_rows(
    dut: Component, inputs: Mapping[str, Sequence], outputs: Sequence[str], *, reset: Sequence[int] | None = None
) -> dict[str, list]:
    """Values of the outputs in each cycle, as ``pysim.clocked``, compiled."""
    top = ByRows(dut, list(inputs), outputs)
    shapes = [_shape(x) for x in top.inputs]
    rows = [np.asarray(values).tolist() for values in inputs.values()]
    words: list[int] = []
    for t in range(len(rows[0])):
        bits, at = 0 if reset is None else int(reset[t]), 1
        for values, shape in zip(rows, shapes, strict=True):
            width = Shape.cast(shape).width
            value = int(values[t]) if isinstance(shape, Shape) else encode(values[t], shape)
            bits |= (value & (1 << width) - 1) << at
            at += width
        words += [bits >> 32 * i & 0xFFFFFFFF for i in range(words_of(at))]
    shapes = [_shape(x) for x in top.outputs]
    per_row = words_of(sum(Shape.cast(shape).width for shape in shapes))
    with VerilatedCore.from_component(top, quick=True) as core:
        got = core.run(np.array(words, np.uint32), per_row * len(rows[0])).tolist()
    seen: dict[str, list] = {name: [] for name in outputs}
    for t in range(len(rows[0])):
        bits = sum(word << 32 * i for i, word in enumerate(got[per_row * t :][:per_row]))
        for name, shape in zip(outputs, shapes, strict=True):
            width = Shape.cast(shape).width
            seen[name].append(decode(bits & (1 << width) - 1, shape))
            bits >>= width
    return seen


def _shape(member: Any) -> Any:
    return member.shape() if hasattr(member, "shape") else Value.cast(member).shape()
