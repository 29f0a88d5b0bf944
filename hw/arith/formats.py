"""Fixed-point number formats. Standard library only: shared by gateware, models and driver."""

from dataclasses import dataclass

__all__ = ["SQ", "UQ"]


@dataclass(frozen=True, order=True)
class SQ:
    """Signed two's-complement fixed point: ``integer`` bits (the sign included) and ``fraction`` bits.

    A raw integer ``n`` means ``n / 2**fraction``. Either count may be negative, as in ``SQ(-2, 20)``: 18 bits that
    span +-2**-3. Raises TypeError for counts that are not integers and ValueError for a width below 2 or above 48.
    """

    integer: int
    fraction: int

    def __post_init__(self):
        for name in ("integer", "fraction"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"SQ.{name} must be an int, not {value!r}")
        if not 2 <= self.bits <= 48:
            raise ValueError(f"{self} has {self.bits} bits; a format has 2 to 48")

    @property
    def bits(self) -> int:
        """Width of the stored word."""
        return self.integer + self.fraction

    @property
    def min_raw(self) -> int:
        return -(1 << (self.bits - 1))

    @property
    def max_raw(self) -> int:
        return (1 << (self.bits - 1)) - 1

    @property
    def step(self) -> float:
        """Value of the last bit."""
        return 2.0**-self.fraction

    def view(self, bits: int) -> "SQ":
        """The same range in at most ``bits`` bits: what a multiplier port of that width sees."""
        return self if self.bits <= bits else SQ(self.integer, bits - self.integer)

    def __str__(self):
        return f"Q{self.integer}.{self.fraction}"


@dataclass(frozen=True, order=True)
class UQ:
    """Unsigned fixed point: ``integer`` and ``fraction`` bits; a raw integer ``n`` means ``n / 2**fraction``.

    Either count may be negative. Raises TypeError for counts that are not integers and ValueError for a width below 1
    or above 47, so that one bit more always makes it signed.
    """

    integer: int
    fraction: int

    def __post_init__(self):
        for name in ("integer", "fraction"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"UQ.{name} must be an int, not {value!r}")
        if not 1 <= self.bits <= 47:
            raise ValueError(f"{self} has {self.bits} bits; an unsigned format has 1 to 47")

    @property
    def bits(self) -> int:
        """Width of the stored word."""
        return self.integer + self.fraction

    @property
    def min_raw(self) -> int:
        return 0

    @property
    def max_raw(self) -> int:
        return (1 << self.bits) - 1

    @property
    def step(self) -> float:
        """Value of the last bit."""
        return 2.0**-self.fraction

    def __str__(self):
        return f"UQ{self.integer}.{self.fraction}"
