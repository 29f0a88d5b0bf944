"""A signed multiplier with three register stages, behind one interface for every vendor."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fabric import ecp5
from ..fabric.vendor import Vendor
from .latency import MULTIPLIER

__all__ = ["Multiplier"]


class Multiplier(wiring.Component):
    """``p = a * b``, all bits.

    Parameters
    ----------
    a_bits, b_bits : int
        Widths of the signed operands; 1 to 18.
    vendor : Vendor
        Whose multiplier is instantiated.
    primitives : bool
        False: behaviour that a simulator can run and any synthesis can infer from. True: the vendor's cell.

    Members
    -------
    a : In(signed(a_bits)), b : In(signed(b_bits))
        Taken every cycle.
    p : Out(signed(a_bits + b_bits))
        The product of the operands :attr:`LATENCY` cycles earlier.

    Timing: one product a cycle, no enable and no reset; registers at the operands, inside, and at the product.
    Numerics: exact. Resources: one 18 x 18 multiplier.

    Raises
    ------
    ValueError
        A width is outside 1 to 18.
    """

    LATENCY = MULTIPLIER
    MAX_BITS = 18

    def __init__(self, a_bits: int, b_bits: int, *, vendor: Vendor = Vendor.GENERIC, primitives: bool = False):
        for name, bits in (("a_bits", a_bits), ("b_bits", b_bits)):
            if not 1 <= bits <= self.MAX_BITS:
                raise ValueError(f"{name} must be 1 to {self.MAX_BITS}, not {bits}")
        self._vendor = Vendor(vendor)
        self._primitives = primitives
        super().__init__({"a": In(signed(a_bits)), "b": In(signed(b_bits)), "p": Out(signed(a_bits + b_bits))})

    def elaborate(self, platform):
        m = Module()
        if self._primitives and self._vendor is Vendor.ECP5:
            m.submodules.cell = cell = ecp5.MULT18X18D()
            m.d.comb += [cell.a.eq(self.a), cell.b.eq(self.b), self.p.eq(cell.p)]
            return m
        a = Signal.like(self.a, reset_less=True)
        b = Signal.like(self.b, reset_less=True)
        inside = Signal.like(self.p, reset_less=True)
        product = Signal.like(self.p, reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b), inside.eq(a * b), product.eq(inside)]
        m.d.comb += self.p.eq(product)
        return m
