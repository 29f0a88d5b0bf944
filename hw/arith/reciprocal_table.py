"""Widths and table of the reciprocal, shared by gateware and golden model. Standard library only, integers only."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import floor

__all__ = ["ReciprocalTable"]


@dataclass(frozen=True)
class ReciprocalTable:
    """How 1/x is computed for an unsigned x of ``int_bits`` and ``frac_bits``, 1 <= x < 2**int_bits.

    x = 2**e (1 + (i + r) / 2**table_bits): ``i`` numbers an interval of the mantissa, ``r`` in [0, 1) lies within.
    Each interval has a straight line, value at its centre and (falling) slope, whose error is the same at the ends
    and in the middle, up to third order. The values carry :attr:`GUARD` bits more than the result.

    Attributes
    ----------
    int_bits, frac_bits : int
        Format of x, the leading 1 included.
    gain_bits : int
        Fraction bits of the result g; it saturates at ``2**gain_bits - 1``.
    table_bits : int
        The table has ``2**table_bits`` intervals.

    Raises
    ------
    ValueError
        A count is below 1, the mantissa has no bits beside the interval, or an operand exceeds 18 bits.
    """

    int_bits: int
    frac_bits: int
    gain_bits: int
    table_bits: int = 8

    #: Fraction bits of the line beyond those of the result.
    GUARD = 3

    def __post_init__(self):
        for name in ("int_bits", "frac_bits", "gain_bits", "table_bits"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 1 <= self.offset_bits <= 18:
            raise ValueError(
                f"the mantissa has {self.mantissa_bits} bits, of which {self.table_bits} choose an interval; "
                f"between 1 and 18 must be left, not {self.offset_bits}"
            )
        if not 1 <= self.slope_bits <= 17:
            raise ValueError(
                f"{self.gain_bits} gain bits and {self.table_bits} table bits give slopes of {self.slope_bits} bits; "
                f"between 1 and 17 are possible"
            )

    @property
    def mantissa_bits(self) -> int:
        """Fraction bits of x once its leading 1 stands at the top."""
        return self.int_bits - 1 + self.frac_bits

    @property
    def offset_bits(self) -> int:
        """Mantissa bits below the number of the interval."""
        return self.mantissa_bits - self.table_bits

    @property
    def value_bits(self) -> int:
        """Fraction bits of a value, which is below 1."""
        return self.gain_bits + self.GUARD

    @property
    def slope_bits(self) -> int:
        """Fraction bits of a slope, which is below 1: its error weighs half an interval, 2**-(table_bits + 1)."""
        return self.gain_bits + self.GUARD - self.table_bits

    @property
    def word_bits(self) -> int:
        """Width of a table word."""
        return self.value_bits + self.slope_bits

    @property
    def product_shift(self) -> int:
        """Bits dropped from slope times offset to reach the fraction bits of a value."""
        return self.slope_bits + self.mantissa_bits - self.value_bits

    @cached_property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """(value, slope) of every interval, raw."""
        n = 1 << self.table_bits
        lines = []
        for i in range(n):
            a, b = Fraction(n + i, n), Fraction(n + i + 1, n)
            # Half way between the chord and the tangent that is parallel to it.
            value = ((a + b) / (2 * a * b) + 2 / (a + b)) / 2
            slope = 1 / (a * b)
            lines.append((_nearest(value, self.value_bits), _nearest(slope, self.slope_bits)))
        return tuple(lines)

    @property
    def words(self) -> list[int]:
        """The table as memory words: the value above the slope."""
        return [value << self.slope_bits | slope for value, slope in self.lines]


def _nearest(x: Fraction, bits: int) -> int:
    """Nearest raw number below 1 with that many fraction bits, half up."""
    return min(floor(x * 2**bits + Fraction(1, 2)), 2**bits - 1)
