"""Scalar times vector on the lanes: the half of a rank-one update that multiplies."""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..fabric.vendor import Vendor
from .dot import Multipliers
from .formats import SQ
from .multiplier import Multiplier
from .requantize import requantize

__all__ = ["RankOneStep"]


class RankOneStep(wiring.Component):
    """``step[lane] = requantize(scalar * vector[lane])``, in one or more formats at once.

    Parameters
    ----------
    lanes : int
        Elements a beat.
    scalar_bits, vector_bits : int
        Widths of the signed operands.
    groups : int
        The lanes come in so many equal groups, each with a scalar of its own.
    targets : sequence of (str, int, SQ)
        For each format wanted: name of the output, fraction bits dropped from the product, format.
    vendor, primitives
        As in :class:`Multiplier`.

    Members
    -------
    scalar : In(ArrayLayout(signed(scalar_bits), groups)), vector : In(ArrayLayout(signed(vector_bits), lanes))
        Taken every cycle.
    {name} : Out(ArrayLayout(signed(fmt.bits), lanes)), {name}_saturated : Out(lanes)
        One for each target, :attr:`LATENCY` cycles later.

    Numerics: the product is exact; one rounding (half up) and one saturation for each target.
    Resources: ``lanes`` multipliers.
    """

    LATENCY = Multiplier.LATENCY + 1

    def __init__(
        self,
        lanes: int,
        scalar_bits: int,
        vector_bits: int,
        targets: Sequence[tuple[str, int, SQ]],
        *,
        groups: int = 1,
        vendor: Vendor = Vendor.GENERIC,
        primitives: bool = False,
    ):
        self._targets = list(targets)
        self._multipliers = Multipliers(lanes, scalar_bits, vector_bits, vendor=vendor, primitives=primitives)
        members = {
            "scalar": In(data.ArrayLayout(signed(scalar_bits), groups)),
            "vector": In(data.ArrayLayout(signed(vector_bits), lanes)),
        }
        for name, _shift, fmt in self._targets:
            members[name] = Out(data.ArrayLayout(signed(fmt.bits), lanes))
            members[f"{name}_saturated"] = Out(lanes)
        self._n_lanes, self._groups = lanes, groups
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.multipliers = multipliers = self._multipliers
        m.d.comb += multipliers.b.eq(self.vector)
        for lane in range(self._n_lanes):
            m.d.comb += multipliers.a[lane].eq(self.scalar[lane * self._groups // self._n_lanes])
            for name, shift, fmt in self._targets:
                saturated = Signal(name=f"{name}_saturated_{lane}")
                step = requantize(m, multipliers.p[lane], shift=shift, fmt=fmt, saturated=saturated)
                step_register = Signal(signed(fmt.bits), name=f"{name}_{lane}", reset_less=True)
                saturated_register = Signal(name=f"{name}_saturated_register_{lane}", reset_less=True)
                m.d.sync += [step_register.eq(step), saturated_register.eq(saturated)]
                m.d.comb += [
                    getattr(self, name)[lane].eq(step_register),
                    getattr(self, f"{name}_saturated")[lane].eq(saturated_register),
                ]
        return m
