"""Design-space exploration: what a core of so many lanes and bits learns, what it costs, and which cores to consider.

Accuracy comes out of the golden model, cycles out of :mod:`skipwalk.sim.oselm.cycles`, multipliers and block RAMs out
of :mod:`skipwalk.sim.oselm.resources`, and LUTs, if they are asked for, out of a synthesis. Each measurement is kept in
a file of its own, so that an exploration that was stopped goes on where it was.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...hw.arith.formats import SQ
from ...hw.boards.fpgas import Fpga, fpga_of
from ...hw.boards.table import Board
from ...hw.fabric.vendor import Vendor
from ...hw.oselm.config import CONSTANT_FORMATS, CoreConfig, GainRule
from ...sim.oselm.cycles import roofline_cycles, slot_cycles
from ...sim.oselm.resources import Needs, core_needs

__all__ = [
    "FORMATS",
    "Point",
    "Refusal",
    "Row",
    "accuracy_key",
    "formats_of",
    "grid",
    "pareto",
    "refusals",
    "rows",
    "synthesis_key",
]

#: Formats that an exploration may set one by one.
FORMATS = ("beta", "p", "k", "e", "u")
#: Resources by the name of their field in ``Needs`` and ``Fpga``.
RESOURCES = {"dsp": "multipliers", "bram": "block RAMs", "lut": "LUTs", "ff": "flip-flops"}


def formats_of(bits: int, *, constant: bool = False) -> dict[str, Any]:
    """Operands of ``bits``, and k, e and u cut to them: their ranges stay, fraction bits go.

    beta and P keep the 18 bits they are stored in, of which a multiplier sees ``bits``: their updates are smaller than
    what it has to see of them. 18 gives the defaults of CoreConfig. With a ``constant`` gain, p0 and k have larger
    ranges: what is best in P's place may be larger than any P.
    """
    whole = {"k": 0 if constant else -2, "e": 4, "u": 5}
    return {
        **{name: SQ(integer, bits - integer) for name, integer in whole.items()},
        **({"p": CONSTANT_FORMATS["p"], "gain": GainRule.CONSTANT} if constant else {}),
        "operand_bits": bits,
        "gain_bits": bits - 1,
    }


@dataclass(frozen=True)
class Point:
    """One core of the design space; ``name`` tells what was varied. ``constant`` stands for P, if it is given."""

    name: str
    bits: int
    core: CoreConfig
    constant: float | None = None

    @property
    def learning(self) -> dict[str, float]:
        """What the estimator is told of P."""
        return {} if self.constant is None else {"p0": self.constant, "inflation": 0.0}

    @property
    def roofline(self) -> int:
        """Cycles of a full context with every multiplier of the busier engine at work."""
        return roofline_cycles(self.core, self.core.max_samples)

    @property
    def context_cycles(self) -> float:
        """Cycles of a full context, by the closed form."""
        return slot_cycles(self.core, self.core.max_samples)


@dataclass(frozen=True)
class Refusal:
    """A point that cannot be built, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Row:
    """A point with everything that was measured of it.

    Attributes
    ----------
    f1 : tuple of float
        Micro-F1 of each seed; empty if no labels were given.
    cycles : float
        Of a walk.
    front : bool
        No other point is at least as good in everything.
    """

    point: Point
    f1: tuple[float, ...]
    cycles: float
    roofline: float
    needs: Needs
    front: bool = False

    @property
    def f1_mean(self) -> float:
        return float(np.mean(self.f1)) if self.f1 else float("nan")

    @property
    def costs(self) -> tuple[float, ...]:
        """What should be small: cycles, multipliers, block RAMs, and LUTs where they are known."""
        needs = self.needs
        return (self.cycles, needs.dsp, needs.bram, *(() if needs.lut is None else (needs.lut,)))


def grid(
    *,
    dims: Sequence[int],
    lanes: Sequence[int],
    bits: Sequence[int],
    nodes: int,
    max_samples: int,
    formats: Mapping[str, Sequence[SQ]] | None = None,
    constants: Sequence[float] = (),
    inflation: float = 0.0,
    vendor: Vendor = Vendor.ECP5,
) -> tuple[list[Point], list[Refusal]]:
    """All combinations: those that make a core, and those that do not.

    Parameters
    ----------
    formats : mapping
        For any of :data:`FORMATS`, the formats to try in place of the one that follows from ``bits``.
    constants : sequence of float
        Beside OS-ELM, cores without P, in whose place one of these stands.
    inflation : float
        What will be added to the diagonal of P; a format of P that rounds it to nothing is refused.
    """
    points, refused = [], []
    chosen = [[(name, fmt) for fmt in given] for name, given in (formats or {}).items() if given]
    shapes = itertools.product(dims, lanes, bits, (None, *constants))
    for (dim, n_lanes, width, constant), own in itertools.product(shapes, itertools.product(*chosen)):
        name = f"d{dim}-l{n_lanes}-b{width}" + "".join(f"-{what}{_plain(fmt)}" for what, fmt in own)
        name += "" if constant is None else f"-constant{constant:g}"
        try:
            core = CoreConfig(
                name=name,
                dim=dim,
                nodes=nodes,
                lanes=n_lanes,
                max_samples=max_samples,
                vendor=vendor,
                **{**formats_of(width, constant=constant is not None), **dict(own)},
            )
            if constant is not None and not core.p.step / 2 <= constant <= core.p.max_raw * core.p.step:
                raise ValueError(f"the constant {constant:g} has no place in the format {core.p} of P")
            if constant is None and 0 < inflation < core.p.step / 2:
                raise ValueError(f"inflation {inflation:g} is lost in the format {core.p} of P")
        except ValueError as error:
            refused.append(Refusal(name, str(error)))
        else:
            points.append(Point(name, width, core, constant))
    return points, refused


def _plain(fmt: SQ) -> str:
    return f"{fmt.integer}_{fmt.fraction}"


def refusals(point: Point, board: Board, needs: Needs) -> list[Refusal]:
    """What of the board's FPGA the point exceeds; ``needs`` includes the link where it is from a synthesis."""
    fpga = fpga_of(board)
    return [
        Refusal(point.name, f"{needed:,} {what}, {fpga.name} has {available:,}")
        for what, needed, available in _compare(needs, fpga)
        if needed > available
    ]


def _compare(needs: Needs, fpga: Fpga) -> Iterable[tuple[str, int, int]]:
    for field, what in RESOURCES.items():
        needed = getattr(needs, field)
        if needed is not None:
            yield what, needed, getattr(fpga, field)


def rows(
    points: Sequence[Point],
    *,
    contexts: int,
    f1: Mapping[str, Sequence[float]],
    netlists: Mapping[str, Needs],
    board: Board | None = None,
    tolerance: float = 0.0,
) -> list[Row]:
    """Measurements of each point put together, those of the Pareto front marked.

    Parameters
    ----------
    contexts : int
        Of a walk.
    f1, netlists : mapping
        By the name of a point.
    tolerance : float
        F1 that is not worth a cost.
    """
    found = [
        Row(
            point,
            tuple(f1.get(point.name, ())),
            contexts * point.context_cycles,
            contexts * point.roofline,
            netlists.get(point.name) or core_needs(point.core, board.link if board else None),
        )
        for point in points
    ]
    front = pareto([(row.f1_mean if row.f1 else 0.0, *row.costs) for row in found], tolerance=tolerance)
    return [Row(r.point, r.f1, r.cycles, r.roofline, r.needs, mine) for r, mine in zip(found, front, strict=True)]


def pareto(values: Sequence[Sequence[float]], *, tolerance: float = 0.0) -> list[bool]:
    """Which of these are on the front: no other is as good in all and better in one.

    Parameters
    ----------
    values : (n, 1 + costs)
        The first is better if larger, the others if smaller.
    tolerance : float
        A point that is worse by no more than that in the first counts as equal to one that costs more.
    """

    def beats(a: Sequence[float], b: Sequence[float]) -> bool:
        if any(x > y for x, y in zip(a[1:], b[1:], strict=True)):
            return False
        cheaper = tuple(a[1:]) != tuple(b[1:])
        return a[0] >= b[0] - tolerance if cheaper else a[0] > b[0]

    return [not any(beats(other, mine) for other in values) for mine in values]


# ---- keys of measurements
def accuracy_key(point: Point, run: Mapping[str, float], *, data: str, sources: str) -> dict[str, Any]:
    """What F1 of a point depends on; lanes, vendor and spare rows are not among it."""
    unseen = {*CoreConfig.UNSEEN, "nodes"}
    core = {name: value for name, value in point.core.to_dict().items() if name not in unseen}
    return {"core": core, "run": dict(run), "data": data, "sources": sources}


def synthesis_key(point: Point, board: Board | None, *, sources: str) -> dict[str, Any]:
    """What a synthesis depends on: the core, and on a board the link around it."""
    core = {name: value for name, value in point.core.to_dict().items() if name != "name"}
    around = None if board is None else {"link": repr(board.link), "uart": repr(board.uart), "board": board.name}
    return {"core": core, "around": around, "sources": sources}
