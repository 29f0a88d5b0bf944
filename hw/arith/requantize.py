"""The one way to a narrower format: round half up, then saturate. Mirrors ``skipwalk.sim.arith.fixed.requantize``."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, ValueLike, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .formats import SQ

__all__ = ["Requantize", "requantize", "rounded"]


def rounded(x: ValueLike, shift: int) -> Value:
    """``x`` without its lowest ``shift`` bits, half rounded up; exact, so a bit longer than what is left."""
    x = Value.cast(x)
    return (x + Const(1 << (shift - 1))) >> shift if shift else x


def requantize(m: Module, x: ValueLike, *, shift: int, fmt: SQ, saturated: Signal | None = None) -> Value:
    """Drop ``shift`` fraction bits of ``x`` and fit it into ``fmt``; combinational.

    Parameters
    ----------
    m : Module
        Gets the logic.
    x : ValueLike
        Raw fixed point, signed or unsigned.
    shift : int
        Fraction bits of ``x`` beyond those of ``fmt``; 0 or more.
    fmt : SQ
        Format of the result.
    saturated : Signal, optional
        Driven with 1 where the rounded value lies outside of ``fmt``.

    Returns
    -------
    Value
        ``signed(fmt.bits)``. Ties round towards plus infinity; what is out of range becomes the nearest end of it.
        Costs nothing where nothing is dropped and no bit can be lost.

    Raises
    ------
    ValueError
        ``shift`` is negative.
    """
    if shift < 0:
        raise ValueError(f"shift must not be negative, it is {shift}: give the product more fraction bits")
    left = rounded(x, shift)
    if not left.shape().signed:
        left = left.as_unsigned() + Const(0, signed(1))
    result = Signal(signed(fmt.bits), name="requantized")
    overflow = Const(0)
    if len(left) > fmt.bits:
        # Kept as a signal: the sum is looked at three times.
        whole = Signal(signed(len(left)), name="rounded")
        m.d.comb += whole.eq(left)
        beyond = whole[fmt.bits - 1 :]
        overflow = beyond.any() & ~beyond.all()
        m.d.comb += result.eq(Mux(overflow, Mux(whole[-1], fmt.min_raw, fmt.max_raw), whole))
    else:
        m.d.comb += result.eq(left)
    if saturated is not None:
        m.d.comb += saturated.eq(overflow)
    return result


class Requantize(wiring.Component):
    """:func:`requantize` as a component.

    Parameters
    ----------
    in_bits : int
        Width of the signed input.
    shift : int
        Fraction bits dropped.
    fmt : SQ
        Format of the output.
    register : bool
        A register at the output, without reset.

    Members
    -------
    i : In(signed(in_bits)), o : Out(signed(fmt.bits))
    saturated : Out(1)
        Whether ``o`` was clamped.

    Timing: :attr:`latency` is 1 with the register and 0 without.
    """

    def __init__(self, in_bits: int, *, shift: int, fmt: SQ, register: bool = True):
        self._shift = shift
        self._fmt = fmt
        self._register = register
        super().__init__({"i": In(signed(in_bits)), "o": Out(signed(fmt.bits)), "saturated": Out(1)})

    @property
    def latency(self) -> int:
        return int(self._register)

    def elaborate(self, platform):
        m = Module()
        saturated = Signal()
        o = requantize(m, self.i, shift=self._shift, fmt=self._fmt, saturated=saturated)
        if self._register:
            o_register = Signal.like(self.o, reset_less=True)
            saturated_register = Signal(reset_less=True)
            m.d.sync += [o_register.eq(o), saturated_register.eq(saturated)]
            o, saturated = o_register, saturated_register
        m.d.comb += [self.o.eq(o), self.saturated.eq(saturated)]
        return m
