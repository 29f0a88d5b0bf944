"""Dot products: multipliers side by side, a registered adder tree, and an accumulator over beats."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.pipeline import clog2, delay
from ..fabric.vendor import Vendor
from .multiplier import Multiplier

__all__ = ["AdderTree", "DotProduct", "Multipliers", "sum_bits"]


def sum_bits(terms: int, a_bits: int, b_bits: int) -> int:
    """Width of a signed sum of ``terms`` products of ``a_bits`` and ``b_bits``; the guard bits are exactly enough."""
    return (terms << (a_bits + b_bits - 2)).bit_length() + 1


class Multipliers(wiring.Component):
    """``lanes`` products a cycle. Members ``a``, ``b`` and ``p`` are arrays of lanes; timing as ``Multiplier``."""

    def __init__(
        self, lanes: int, a_bits: int, b_bits: int, *, vendor: Vendor = Vendor.GENERIC, primitives: bool = False
    ):
        self._lanes = [Multiplier(a_bits, b_bits, vendor=vendor, primitives=primitives) for _ in range(lanes)]
        super().__init__(
            {
                "a": In(data.ArrayLayout(signed(a_bits), lanes)),
                "b": In(data.ArrayLayout(signed(b_bits), lanes)),
                "p": Out(data.ArrayLayout(signed(a_bits + b_bits), lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for i, lane in enumerate(self._lanes):
            m.submodules[f"lane_{i}"] = lane
            m.d.comb += [lane.a.eq(self.a[i]), lane.b.eq(self.b[i]), self.p[i].eq(lane.p)]
        return m


class AdderTree(wiring.Component):
    """Sum of ``terms`` signed numbers of ``bits`` bits, exact; one register a level, :attr:`latency` levels.

    Members: ``i`` array of terms, ``o`` signed(bits + clog2(terms)). Neighbours are added first, so that a level
    holds the sums of aligned groups of 2, 4, 8, ... terms.
    """

    def __init__(self, terms: int, bits: int):
        self._terms = terms
        self._bits = bits
        super().__init__(
            {"i": In(data.ArrayLayout(signed(bits), terms)), "o": Out(signed(bits + clog2(terms)))},
        )

    @property
    def latency(self) -> int:
        return clog2(self._terms)

    def elaborate(self, platform):
        m = Module()
        level = [self.i[i] for i in range(self._terms)]
        for depth in range(1, self.latency + 1):
            sums = []
            for i in range(0, len(level), 2):
                node = Signal(signed(self._bits + depth), name=f"level{depth}_{i // 2}", reset_less=True)
                m.d.sync += node.eq(sum(level[i + 1 : i + 2], level[i]))
                sums.append(node)
            level = sums
        m.d.comb += self.o.eq(level[0])
        return m


class DotProduct(wiring.Component):
    """``sum = Σ_beats Σ_lanes a[lane] * b[lane]``, exact.

    Parameters
    ----------
    lanes : int
        Products a beat.
    a_bits, b_bits : int
        Widths of the signed operands.
    chunks : int
        Most beats from ``first`` to ``last``.
    groups : int
        The lanes come in so many equal groups, each a cycle later than the one before it: ``a`` and ``b`` of group g
        belong to the ``valid`` of g cycles ago. The sum is handed on from group to group.
    vendor : Vendor
        Whose multiplier is instantiated.
    primitives : bool
        As in :class:`Multiplier`.

    Members
    -------
    valid : In(1)
        ``a``, ``b``, ``first`` and ``last`` are a beat. Cycles between the beats of a sum change nothing.
    first, last : In(1)
        The sum starts with, and ends with, this beat; both are 1 where one beat is all.
    a : In(ArrayLayout(signed(a_bits), lanes)), b : In(ArrayLayout(signed(b_bits), lanes))
    products : Out(ArrayLayout(signed(a_bits + b_bits), lanes))
        The products alone, ``Multiplier.LATENCY`` cycles after their operands, whether ``valid`` or not: a second
        user of the multipliers takes them here in the cycles that it leaves ``valid`` low.
    sum_valid : Out(1)
        High for one cycle, :attr:`latency` cycles after the last beat.
    sum : Out(signed(sum_bits(lanes * chunks, a_bits, b_bits)))
        Meaningful while ``sum_valid``.

    Timing: a beat every cycle; latency 3 (multiplier) + clog2(lanes / groups) (adder tree) + 1 (accumulator); with
    several groups also one for each group, and one for the way back.
    Resources: ``lanes`` multipliers.

    Raises
    ------
    ValueError
        ``lanes`` or ``chunks`` is below 1, ``groups`` does not divide ``lanes``, or a width is outside 1 to 18.
    """

    def __init__(
        self,
        lanes: int,
        a_bits: int,
        b_bits: int,
        chunks: int = 1,
        *,
        groups: int = 1,
        vendor: Vendor = Vendor.GENERIC,
        primitives: bool = False,
    ):
        for name, value in (("lanes", lanes), ("chunks", chunks)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if groups < 1 or lanes % groups:
            raise ValueError(f"groups must divide the {lanes} lanes, not be {groups}")
        self._groups = groups
        self._multipliers = Multipliers(lanes, a_bits, b_bits, vendor=vendor, primitives=primitives)
        self._trees = [AdderTree(lanes // groups, a_bits + b_bits) for _ in range(groups)]
        self._partial_bits = sum_bits(lanes, a_bits, b_bits)
        super().__init__(
            {
                "valid": In(1),
                "first": In(1),
                "last": In(1),
                "a": In(data.ArrayLayout(signed(a_bits), lanes)),
                "b": In(data.ArrayLayout(signed(b_bits), lanes)),
                "products": Out(data.ArrayLayout(signed(a_bits + b_bits), lanes)),
                "sum_valid": Out(1),
                "sum": Out(signed(sum_bits(lanes * chunks, a_bits, b_bits))),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the last beat to ``sum_valid``."""
        return self._to_total + (1 if self._groups == 1 else 2)

    @property
    def _to_total(self) -> int:
        """Cycles from a beat to the sum over its lanes."""
        return Multiplier.LATENCY + self._trees[0].latency + (0 if self._groups == 1 else self._groups)

    def elaborate(self, platform):
        m = Module()
        m.submodules.multipliers = multipliers = self._multipliers
        m.d.comb += [multipliers.a.eq(self.a), multipliers.b.eq(self.b), self.products.eq(multipliers.p)]
        size = len(multipliers.p) // self._groups
        partial = None
        for group, tree in enumerate(self._trees):
            m.submodules[f"tree_{group}"] = tree
            m.d.comb += [tree.i[i].eq(multipliers.p[group * size + i]) for i in range(size)]
            if self._groups == 1:
                partial = tree.o
                continue
            register = Signal(signed(self._partial_bits), name=f"partial_{group}", reset_less=True)
            m.d.sync += register.eq(tree.o if partial is None else partial + tree.o)
            partial = register
        ahead = self._to_total
        valid = delay(m, self.valid, ahead, name="valid", reset_less=False)
        first = delay(m, self.first, ahead, name="first")
        last = delay(m, self.last, ahead, name="last")
        sum_valid = Signal()
        total = Signal.like(self.sum, reset_less=True)
        m.d.sync += sum_valid.eq(valid & last)
        with m.If(valid):
            m.d.sync += total.eq(Mux(first, 0, total) + partial)
        # The sum of several groups ends at the far side of the lanes.
        back = self.latency - ahead - 1
        m.d.comb += [
            self.sum_valid.eq(delay(m, sum_valid, back, name="back_valid", reset_less=False)),
            self.sum.eq(delay(m, total, back, name="back").as_signed()),
        ]
        return m
