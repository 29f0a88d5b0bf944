"""Fixed-point number formats. Standard library only: shared by gateware, models and driver."""

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["SQ", "UQ"]


@dataclass(frozen=True, order=True)
class _Format:
    """``integer`` and ``fraction`` bits; a raw integer ``n`` means ``n / 2**fraction``."""

    integer: int
    fraction: int

    #: Bits that say the sign.
    SIGN_BITS: ClassVar[int]
    #: Before the counts, where a format is written.
    LETTERS: ClassVar[str]
    #: Most bits, and what has them.
    MOST: ClassVar[int]
    WHAT: ClassVar[str]

    def __post_init__(self):
        for name in ("integer", "fraction"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{type(self).__name__}.{name} must be an int, not {value!r}")
        least = self.SIGN_BITS + 1
        if not least <= self.bits <= self.MOST:
            raise ValueError(f"{self} has {self.bits} bits; {self.WHAT} has {least} to {self.MOST}")

    @property
    def bits(self) -> int:
        """Width of the stored word."""
        return self.integer + self.fraction

    @property
    def min_raw(self) -> int:
        return -self.SIGN_BITS << self.bits - 1

    @property
    def max_raw(self) -> int:
        return (1 << self.bits - self.SIGN_BITS) - 1

    @property
    def step(self) -> float:
        """Value of the last bit."""
        return 2.0**-self.fraction

    def __str__(self):
        return f"{self.LETTERS}{self.integer}.{self.fraction}"


class SQ(_Format):
    """Signed two's-complement fixed point: ``integer`` bits (the sign included) and ``fraction`` bits.

    A raw integer ``n`` means ``n / 2**fraction``. Either count may be negative, as in ``SQ(-2, 20)``: 18 bits that
    span +-2**-3. Raises TypeError for counts that are not integers and ValueError for a width below 2 or above 48.
    """

    SIGN_BITS, LETTERS, MOST, WHAT = 1, "Q", 48, "a format"

    def view(self, bits: int) -> "SQ":
        """The same range in at most ``bits`` bits: what a multiplier port of that width sees."""
        return self if self.bits <= bits else SQ(self.integer, bits - self.integer)


class UQ(_Format):
    """Unsigned fixed point: ``integer`` and ``fraction`` bits; a raw integer ``n`` means ``n / 2**fraction``.

    Either count may be negative. Raises TypeError for counts that are not integers and ValueError for a width below 1
    or above 47, so that one bit more always makes it signed.
    """

    SIGN_BITS, LETTERS, MOST, WHAT = 0, "UQ", 47, "an unsigned format"
