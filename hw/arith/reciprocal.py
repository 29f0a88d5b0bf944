"""Reciprocal of a number of at least 1: normalise, straight line from a table, scale back."""

from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import delay
from ..fabric.ram import Ram
from ..fabric.vendor import Vendor
from .formats import SQ
from .multiplier import Multiplier
from .reciprocal_table import ReciprocalTable
from .requantize import requantize

__all__ = ["Reciprocal"]


class Reciprocal(wiring.Component):
    """``g = 1 / x``.

    Parameters
    ----------
    int_bits, frac_bits : int
        Format of the unsigned x; 1 <= x < 2**int_bits. An x below 1 counts as 1.
    gain_bits : int
        Fraction bits of g; 1/1 saturates to ``2**gain_bits - 1``, so that g fits ``signed(gain_bits + 1)``.
    table_bits : int
        The mantissa is cut into ``2**table_bits`` intervals.
    vendor : Vendor
        Whose multiplier and block RAM are instantiated.
    primitives : bool
        As in :class:`Multiplier` and :class:`Ram`.

    Members
    -------
    i_valid : In(1), i : In(int_bits + frac_bits)
        x, with ``frac_bits`` fraction bits.
    o_valid : Out(1), o : Out(gain_bits)
        g, :attr:`latency` cycles later.

    Timing: one result a cycle. Latency: 1 normalise, 2 table, 3 multiply, 1 subtract, 1 scale back and round: 8.

    Numerics: a line for each interval of the mantissa (:class:`ReciprocalTable`); slope times offset is rounded to
    ``gain_bits + 3`` fraction bits, the scaled line is rounded to ``gain_bits``. With 256 intervals and 17 bits the
    result is less than 1 unit in its last place away from 1/x. Mirrored by ``skipwalk.sim.arith.reciprocal``.

    Resources: one multiplier, one memory of ``2**table_bits`` words of ``2 * (gain_bits + 3) - table_bits`` bits.

    Raises
    ------
    ValueError
        From :class:`ReciprocalTable`.
    """

    def __init__(
        self,
        *,
        int_bits: int,
        frac_bits: int,
        gain_bits: int,
        table_bits: int = ReciprocalTable.table_bits,
        vendor: Vendor = Vendor.GENERIC,
        primitives: bool = False,
    ):
        self.table = t = ReciprocalTable(int_bits, frac_bits, gain_bits, table_bits)
        # Slopes are unsigned: a sign bit in front of them.
        self._multiplier = Multiplier(t.offset_bits, t.slope_bits + 1, vendor=vendor, primitives=primitives)
        self._rom = Ram(1 << table_bits, t.word_bits, vendor=vendor, primitives=primitives, init=t.words)
        super().__init__(
            {"i_valid": In(1), "i": In(int_bits + frac_bits), "o_valid": Out(1), "o": Out(gain_bits)},
        )

    @property
    def latency(self) -> int:
        """Cycles from ``i`` to ``o``."""
        return 1 + self._rom.latency + Multiplier.LATENCY + 1 + 1

    def elaborate(self, platform):
        t = self.table
        top = t.int_bits - 1
        m = Module()
        m.submodules.multiplier = multiplier = self._multiplier
        m.submodules.rom = rom = self._rom
        m.d.comb += self.o_valid.eq(delay(m, self.i_valid, self.latency, name="valid", reset_less=False))

        # Normalise: the last of these to match is the highest 1 among the integer bits.
        exponent = Signal(range(t.int_bits), reset_less=True)
        mantissa = Signal(t.mantissa_bits, reset_less=True)
        m.d.sync += [exponent.eq(0), mantissa.eq(0)]
        for e in range(t.int_bits):
            with m.If(self.i[t.frac_bits + e]):
                below = self.i[: t.frac_bits + e]
                m.d.sync += [exponent.eq(e), mantissa.eq(Cat(Const(0, top - e), below))]

        # Table.
        m.d.comb += rom.rd_addr.eq(mantissa[t.offset_bits :])
        above_centre = Cat(mantissa[: t.offset_bits - 1], ~mantissa[t.offset_bits - 1]).as_signed()
        offset = delay(m, above_centre, rom.latency, name="offset")
        slope, value = rom.rd_data[: t.slope_bits], rom.rd_data[t.slope_bits :]

        # Line. While slope and offset are multiplied, the value takes the half that rounds the result, whose weight
        # goes with the exponent. Rounding the product costs no carry chain of its own either:
        # v - floor((p + half) / unit) = floor((v unit + half - 1 - p) / unit), with unit = 2 half = 2**product_shift.
        m.d.comb += [multiplier.a.eq(offset), multiplier.b.eq(slope)]
        halves = Signal(t.GUARD + top)
        exponent = delay(m, exponent, rom.latency, name="exponent_at_table")
        with m.Switch(exponent):
            for e in range(t.int_bits):
                with m.Case(e):
                    m.d.comb += halves.eq(1 << (t.GUARD - 1 + e))
        raised = Signal(range((1 << t.value_bits) + (1 << len(halves))), reset_less=True)
        m.d.sync += raised.eq(value + halves)
        raised = delay(m, raised, Multiplier.LATENCY - 1, name="raised")
        half = 1 << (t.product_shift - 1)
        line = Signal(signed(len(raised) + 2), reset_less=True)
        m.d.sync += line.eq((Cat(Const(half - 1, t.product_shift), raised) - multiplier.p) >> t.product_shift)

        # Scale back.
        scaled = Signal.like(line)
        with m.Switch(delay(m, exponent, Multiplier.LATENCY + 1, name="exponent_at_line")):
            for e in range(t.int_bits):
                with m.Case(e):
                    m.d.comb += scaled.eq(line >> (t.GUARD + e))
        gain = requantize(m, scaled, shift=0, fmt=SQ(1, t.gain_bits))
        o = Signal(t.gain_bits, reset_less=True)
        m.d.sync += o.eq(gain)
        m.d.comb += self.o.eq(o)
        return m
