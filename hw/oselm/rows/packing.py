"""Elements of one width out of words of memory, and back, an element a cycle.

The format is that of :mod:`skipwalk.hw.unit.packing`: the first element lies in the lowest bits, elements go across
words, and a row ends with a padded word. Where a memory waits, a register more is worth a cycle less.
"""

from amaranth.hdl import Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...fabric.queue import RegisterQueue
from ...unit.packing import WORD, ElementLayout, checked_widths

__all__ = ["RowPacker", "RowUnpacker"]


class RowUnpacker(wiring.Component):
    """Words in, elements out.

    Parameters
    ----------
    bits : int
        Of an element, 1 to 32.

    Members
    -------
    clear : In(1)
        What is left of the row's words is dropped: between two rows, with no word on its way.
    i : In(stream.Signature(32)), o : Out(stream.Signature(bits))

    Timing: the first element 3 cycles after its word; then one a cycle, as far as words come. ``i.ready`` comes from a
    register: a second word waits while the one before it does.
    Resources: two shifters of a word, by less than an element; a :class:`RegisterQueue` of two words.

    Raises ValueError for another width.
    """

    def __init__(self, bits: int):
        (self._bits,) = checked_widths([bits])
        super().__init__(
            {"clear": In(1), "i": In(stream.Signature(WORD)), "o": Out(stream.Signature(bits))},
        )

    def elaborate(self, platform):
        bits = self._bits
        m = Module()
        most = (bits - 1 + WORD) // bits  # whole elements that a word completes
        words = RegisterQueue(width=WORD, depth=2)
        m.submodules.words = ResetInserter(self.clear)(words)
        wiring.connect(m, wiring.flipped(self.i), words.w_stream)
        left = Signal(range(max(2, bits)))  # bits of an element that the words before it have begun
        shifted, shifted_held = Signal(WORD + bits - 1, reset_less=True), Signal()
        completes, completed = Signal(range(most + 1)), Signal(range(most + 1))
        held, whole = Signal(WORD + bits - 1), Signal(range(most + 1))
        reached = left + WORD
        taken = self.o.valid & self.o.ready
        merges, moves = Signal(), Signal()
        m.d.comb += [
            completes.eq(sum((reached >= n * bits for n in range(1, most + 1)), Const(0))),
            # The word is added where less than an element is left, the present one gone.
            merges.eq(shifted_held & ((whole == 0) | ((whole == 1) & taken))),
            moves.eq(words.r_rdy & (~shifted_held | merges)),
            words.r_en.eq(moves),
            self.o.valid.eq(whole != 0),
            self.o.payload.eq(held),
        ]
        rest = Mux(taken, held >> bits, held)
        m.d.sync += [
            held.eq(Mux(merges, rest | shifted, rest)),
            whole.eq(Mux(merges, completed, whole - taken)),
        ]
        with m.If(merges):
            m.d.sync += shifted_held.eq(0)
        with m.If(moves):
            m.d.sync += [
                shifted.eq(words.r_data << left),
                shifted_held.eq(1),
                completed.eq(completes),
                left.eq(reached - sum(Mux(completes == n, n * bits, 0) for n in range(1, most + 1))),
            ]
        with m.If(self.clear):
            m.d.sync += [held.eq(0), whole.eq(0), left.eq(0), shifted_held.eq(0)]
        return m


class RowPacker(wiring.Component):
    """Elements in, words out.

    Parameters
    ----------
    bits : int
        Of an element, 1 to 32.

    Members
    -------
    i : In(stream.Signature(ElementLayout))
    o : Out(stream.Signature(32))

    Timing: an element a cycle as far as words are taken, and a cycle more for a row whose last element needs a word of
    its own; a word comes 2 cycles after its last bits.
    Resources: a shifter of an element, by less than a word.

    Raises ValueError for another width.
    """

    def __init__(self, bits: int):
        (self._bits,) = checked_widths([bits])
        super().__init__({"i": In(stream.Signature(ElementLayout(bits))), "o": Out(stream.Signature(WORD))})

    def elaborate(self, platform):
        bits = self._bits
        m = Module()
        element, last, there = Signal(bits, reset_less=True), Signal(), Signal()
        at = Signal(range(WORD))  # where the element goes
        held = Signal(WORD - 1)  # bits of the next word that have come
        over = Signal()  # those are all that is left of the row
        word, whole = Signal(WORD, reset_less=True), Signal()
        moves, uses = Signal(), Signal()
        merged, reached = Signal(WORD + bits - 1), at + bits
        m.d.comb += [
            moves.eq(~whole | self.o.ready),
            uses.eq(there & moves & ~over),
            self.i.ready.eq(~there | uses),
            merged.eq(held | element << at),
            self.o.valid.eq(whole),
            self.o.payload.eq(word),
        ]
        with m.If(moves):
            m.d.sync += [whole.eq(over | (there & (last | (reached >= WORD)))), word.eq(Mux(over, held, merged))]
            with m.If(over):
                m.d.sync += [over.eq(0), held.eq(0)]
        with m.If(uses):
            fills = reached >= WORD
            m.d.sync += [
                held.eq(Mux(fills, merged >> WORD, Mux(last, 0, merged))),
                over.eq(last & (reached > WORD)),
                at.eq(Mux(last, 0, reached)),
                there.eq(0),
            ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [element.eq(self.i.payload.element), last.eq(self.i.payload.last), there.eq(1)]
        return m
