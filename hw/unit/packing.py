"""Elements of some bits out of words of 32, and back: how numbers travel at the width at which they are stored.

The first element lies in the lowest bits, elements go across words, and a run of elements ends with a padded word.
"""

from collections.abc import Iterable, Sequence

from amaranth.hdl import Array, Const, Module, Signal, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import clog2

__all__ = ["WORD", "ElementLayout", "Packer", "Unpacker", "checked_widths"]

WORD = 32


def checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """These widths of elements. Raises ValueError if there is none, or one that is not 1 to 32."""
    for bits in widths:
        if not 1 <= bits <= WORD:
            raise ValueError(f"elements of 1 to {WORD} bits can be packed, not of {bits}")
    if not widths:
        raise ValueError("there is no width to pack elements of")
    return tuple(widths)


def _select(widths: tuple[int, ...]) -> dict:
    return {"select": In(clog2(len(widths)))} if len(widths) > 1 else {}


def _chosen(component, values: Iterable[ValueLike]) -> ValueLike:
    """That one of ``values``, one for each width, which is selected."""
    values = list(values)
    return Array(values)[component.select] if len(values) > 1 else values[0]


class ElementLayout(data.StructLayout):
    """An element of up to ``bits`` bits; ``last`` ends the run."""

    def __init__(self, bits: int):
        super().__init__({"element": bits, "last": 1})


class Unpacker(wiring.Component):
    """Words in, elements out.

    Parameters
    ----------
    widths : sequence of int
        Of elements, 1 to 32 bits.

    Members
    -------
    select : In(range(len(widths)))
        Which width the run has; steady during it. Only if there are several.
    clear : In(1)
        What is left of the last word is dropped: between two runs, with no word on its way.
    i : In(stream.Signature(32))
    o : Out(stream.Signature(max(widths)))
        An element in the low bits; those above a narrower one mean nothing.

    Timing: two cycles for each word, so that it does not reach the shifter in the cycle in which it comes, and one for
    each element.

    Raises
    ------
    ValueError
        No width, or one that is not 1 to 32.
    """

    def __init__(self, widths: Sequence[int]):
        self._widths = checked_widths(widths)
        super().__init__(
            {
                **_select(self._widths),
                "clear": In(1),
                "i": In(stream.Signature(WORD)),
                "o": Out(stream.Signature(max(self._widths))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        held = Signal(WORD + max(self._widths) - 1)
        level = Signal(range(len(held) + 1))
        word, waits = Signal(WORD, reset_less=True), Signal()
        enough = Signal()  # an element is held; a word is taken only when less is
        bits = _chosen(self, (Const(bits, clog2(WORD + 1)) for bits in self._widths))
        m.d.comb += [self.o.valid.eq(enough), self.o.payload.eq(held), self.i.ready.eq(~enough & ~waits)]
        with m.If(self.i.ready):
            m.d.sync += [word.eq(self.i.payload), waits.eq(self.i.valid)]
        with m.If(waits):
            m.d.sync += [held.eq(held | word << level[: clog2(WORD)]), level.eq(level + WORD)]
            m.d.sync += [waits.eq(0), enough.eq(1)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [held.eq(_chosen(self, (held >> bits for bits in self._widths))), level.eq(level - bits)]
            m.d.sync += enough.eq(_chosen(self, (level >= 2 * bits for bits in self._widths)))
        with m.If(self.clear):
            m.d.sync += [held.eq(0), level.eq(0), waits.eq(0), enough.eq(0)]
        return m


class Packer(wiring.Component):
    """Elements in, words out.

    Parameters
    ----------
    widths : sequence of int
        As those of :class:`Unpacker`.

    Members
    -------
    select : In(range(len(widths)))
        Which width the run has; steady until its last word was taken. Only if there are several.
    i : In(stream.Signature(ElementLayout))
        The bits of ``element`` above its width do not matter.
    o : Out(stream.Signature(32))

    i.ready says besides that nothing is left to be sent.

    Timing: two cycles for each element, the second one for the shifter, and one for each word.

    Raises
    ------
    ValueError
        As :class:`Unpacker`.
    """

    def __init__(self, widths: Sequence[int]):
        self._widths = checked_widths(widths)
        super().__init__(
            {
                **_select(self._widths),
                "i": In(stream.Signature(ElementLayout(max(self._widths)))),
                "o": Out(stream.Signature(WORD)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        held = Signal(WORD + max(self._widths) - 1)
        level = Signal(range(len(held) + 1))
        element, last, waits = Signal(max(self._widths), reset_less=True), Signal(), Signal()
        whole = Signal()  # a word is held, or the end of a run
        bits = _chosen(self, (Const(bits, clog2(WORD + 1)) for bits in self._widths))
        chosen = _chosen(self, (element[:bits] for bits in self._widths))
        m.d.comb += [self.o.valid.eq(whole), self.o.payload.eq(held), self.i.ready.eq(~whole & ~waits)]
        with m.If(self.i.ready):
            m.d.sync += [element.eq(self.i.payload.element), last.eq(self.i.payload.last), waits.eq(self.i.valid)]
        with m.If(waits):
            m.d.sync += [held.eq(held | chosen << level[: clog2(WORD)]), level.eq(level + bits), waits.eq(0)]
            fills = [level >= WORD - bits if bits < WORD else Const(1) for bits in self._widths]
            m.d.sync += whole.eq(last | _chosen(self, fills))
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [held.eq(held >> WORD), level.eq(level - WORD), whole.eq(last & (level > WORD))]
            with m.If(level <= WORD):
                m.d.sync += level.eq(0)
        return m
