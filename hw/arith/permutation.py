"""A keyed permutation of numbers, one after another: the order of the samples in an epoch."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .threefry import SerialThreefry

__all__ = ["NumberLayout", "Permutation", "RoundLayout"]

STEPS = 3


class RoundLayout(data.StructLayout):
    """What is asked for: all numbers below ``n``, 1 to 2**``bits``, in the order of round ``number``."""

    def __init__(self, bits: int):
        super().__init__({"n": bits + 1, "number": 32})


class NumberLayout(data.StructLayout):
    """A number, and whether it is the last of its round."""

    def __init__(self, bits: int):
        super().__init__({"index": bits, "last": 1})


class Permutation(wiring.Component):
    """:func:`skipwalk.sim.arith.permutation.permutation`, by additions alone.

    Parameters
    ----------
    bits : int
        Numbers have at most so many bits: 1 to 32.

    Members
    -------
    key : In(64)
        Steady from a round until its last number.
    i : In(stream.Signature(RoundLayout)), o : Out(stream.Signature(NumberLayout))
        A round, and its numbers.

    Timing: with b the bits of n - 1 (at least 1), :attr:`draw_cycles` for a round and then at most 3 b + 7 cycles for
    each of the 2**b numbers, of which those from n on are passed over.

    Resources: nine registers of ``bits`` bits, two adders, and a :class:`SerialThreefry`.

    Raises
    ------
    ValueError
        ``bits`` is not 1 to 32.
    """

    def __init__(self, bits: int):
        if not 1 <= bits <= 32:
            raise ValueError(f"numbers of 1 to 32 bits can be permuted, not of {bits}")
        self._bits = bits
        super().__init__(
            {
                "key": In(64),
                "i": In(stream.Signature(RoundLayout(bits))),
                "o": Out(stream.Signature(NumberLayout(bits))),
            }
        )

    #: Cycles from a round to its first product.
    draw_cycles = STEPS * (SerialThreefry.LATENCY + 1) + 3

    def elaborate(self, platform):
        bits = self._bits
        m = Module()
        m.submodules.threefry = threefry = SerialThreefry()
        asked = Signal(RoundLayout(bits), reset_less=True)
        mask = Signal(bits, reset_less=True)
        m.d.comb += threefry.key.eq(self.key)

        k = Signal(range(STEPS))
        factors = Array(Signal(bits, name=f"factor_{i}", reset_less=True) for i in range(STEPS))
        offsets = Array(Signal(bits, name=f"offset_{i}", reset_less=True) for i in range(STEPS))
        x = Signal(bits, reset_less=True)
        left = Signal(bits + 1, reset_less=True)  # numbers to be given
        y, factor, total = (Signal(bits, name=name, reset_less=True) for name in ("y", "factor", "total"))
        folded = self._folded(m, total & mask, mask)
        m.d.comb += [
            threefry.i.payload.eq(Cat(k, Const(0, 32 - len(k)), asked.number)),
            self.o.payload.index.eq(y),
            self.o.payload.last.eq(left == 1),
        ]
        inside = Signal()
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [asked.eq(self.i.payload), left.eq(self.i.payload.n), k.eq(0), x.eq(0)]
                with m.If(self.i.valid):
                    m.next = "MASK"
            with m.State("MASK"):
                # All bits below the highest of n - 1, and the lowest.
                below = (asked.n - 1)[:bits]
                m.d.sync += mask.eq(Cat(Const(1, 1), *(below[i:].any() for i in range(1, bits))))
                m.next = "COUNTER"
            with m.State("COUNTER"):
                m.d.comb += threefry.i.valid.eq(1)
                m.next = "DRAW"
            with m.State("DRAW"):
                m.d.comb += threefry.o.ready.eq(1)
                drawn = threefry.o.payload
                m.d.sync += [factors[k].eq((drawn[:bits] & mask) | 1), offsets[k].eq(drawn[32 : 32 + bits])]
                with m.If(threefry.o.valid):
                    m.d.sync += k.eq(Mux(k == STEPS - 1, 0, k + 1))
                    m.next = "COUNTER"
                    with m.If(k == STEPS - 1):
                        m.d.sync += y.eq(0)
                        m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += [factor.eq(factors[k]), total.eq(offsets[k])]
                m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.sync += [factor.eq(factor >> 1), y.eq(y << 1)]
                with m.If(factor[0]):
                    m.d.sync += total.eq(total + y)
                with m.If(~factor.any()):
                    m.d.sync += [y.eq(folded), inside.eq(folded < asked.n), k.eq(Mux(k == STEPS - 1, 0, k + 1))]
                    m.next = "BEGIN"
                    with m.If(k == STEPS - 1):
                        m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(inside)
                with m.If(~inside | self.o.ready):
                    m.d.sync += [x.eq(x + 1), y.eq(x + 1)]
                    m.d.sync += left.eq(left - inside)
                    m.next = "BEGIN"
                    with m.If(inside & (left == 1)):
                        m.next = "IDLE"
        return m

    def _folded(self, m, y, mask):
        """``y ^ (y >> ceil(b / 2))``, b the bits of ``mask``."""
        shift = Signal(range(self._bits // 2 + 2))
        for b in range(1, self._bits + 1):
            with m.If(mask[b - 1]):
                m.d.comb += shift.eq((b + 1) // 2)
        return (y ^ (y >> shift))[: self._bits]
