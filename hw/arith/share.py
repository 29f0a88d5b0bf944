"""A random share of a whole number: 32 bits, read as a fraction, times the number."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fabric.vendor import Vendor
from .multiplier import Multiplier

__all__ = ["Share"]


class Share(wiring.Component):
    """``o = (bits * n) >> 32``, which is below ``n``.

    Parameters
    ----------
    n_bits : int
        Width of ``n``; 1 to 34.
    vendor, primitives
        As :class:`~skipwalk.hw.arith.multiplier.Multiplier`.

    Members
    -------
    bits : In(32), n : In(n_bits)
        Taken every cycle.
    o : Out(n_bits)
        The share of the operands :attr:`latency` cycles earlier.

    Timing: one share a cycle, no enable and no reset. Numerics: exact.
    Resources: two multipliers; four for more than 17 bits.

    Raises ValueError for a width out of range.
    """

    #: What a multiplier takes of a number without a sign.
    _PART = Multiplier.MAX_BITS - 1

    def __init__(self, n_bits: int, *, vendor: Vendor = Vendor.GENERIC, primitives: bool = False):
        if not 1 <= n_bits <= 2 * self._PART:
            raise ValueError(f"n_bits must be 1 to {2 * self._PART}, not {n_bits}")
        self._n_bits = n_bits
        self._kind: dict[str, Any] = {"vendor": vendor, "primitives": primitives}
        super().__init__({"bits": In(32), "n": In(n_bits), "o": Out(n_bits)})

    @property
    def _parts(self) -> int:
        return -(-self._n_bits // self._PART)

    @property
    def latency(self) -> int:
        """Cycles from ``bits`` and ``n`` to ``o``."""
        return Multiplier.LATENCY + self._parts

    def elaborate(self, platform):
        m = Module()
        sums = []
        for part in range(self._parts):
            n = self.n[part * self._PART :][: self._PART]
            products = []
            for i in range(2):
                # Both operands have a bit for the sign, which is 0.
                half = Multiplier(17, self._PART + 1, **self._kind)
                m.submodules[f"half_{part}_{i}"] = half
                m.d.comb += [half.a.eq(self.bits[16 * i :][:16]), half.b.eq(n)]
                products.append(half.p)
            sums.append((products[1], products[0]))
        share = Signal(self._n_bits, reset_less=True)
        m.d.comb += self.o.eq(share)
        if self._parts == 1:
            ((high, low),) = sums
            m.d.sync += share.eq((high + (low >> 16)) >> 16)
            return m
        # Of the lower part, what lies below bit 16 of the sum cannot change what lies above bit 32.
        (high, low), (upper_high, upper_low) = sums
        lower = Signal(self._PART + 18, reset_less=True)
        upper = Signal(self._PART + 34, reset_less=True)
        m.d.sync += [
            lower.eq(high + (low >> 16)),
            upper.eq((upper_high << 16) + upper_low),
            share.eq((lower + (upper << 1)) >> 16),
        ]
        return m
