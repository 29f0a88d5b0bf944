"""The design space: what F1 costs in cycles and in block RAM, the roofline, and the Pareto front."""

from dataclasses import dataclass

from .charts import Axis, Curve, Dot, chart
from .markup import Html, figure, note, number, percent, section, table, tag
from .results import ResultFile, Results

__all__ = ["design_space"]


@dataclass(frozen=True)
class _Core:
    """A point as ``skipwalk explore`` left it."""

    name: str
    dim: int
    lanes: int
    f1: float
    cycles: float
    roofline: float
    multipliers: float
    blocks: float
    front: bool

    @property
    def told(self) -> str:
        return f"{self.name}: F1 {self.f1:.3f}, {self.cycles:,.0f} cycles, {self.blocks:.0f} block RAMs"


_KEYS = ("f1_micro", "cycles_per_walk", "roofline_cycles_per_walk", "dsp", "bram", "front")


def design_space(results: Results) -> Html:
    file = results["explore.json"]
    heading = "Which core? The design space"
    cores = _cores(file) if file else []
    if not cores:
        return section("explore", heading, note(file.problem or "explore.json has no points"))
    dims = sorted({core.dim for core in cores})
    tone = {dim: i % 8 for i, dim in enumerate(dims)}
    f1 = Axis("micro-F1", "{:.2f}".format)
    best = [max((core for core in cores if core.dim == dim), key=lambda core: core.f1) for dim in dims]
    named = [Dot(core.cycles, core.f1, tone[core.dim], label=f"D = {core.dim}", size=0.1) for core in best]
    over_cycles = [*_dots(cores, tone, [core.cycles for core in cores]), *named]
    cost = chart("F1 over cycles of a walk", dots=over_cycles, x=Axis("cycles a walk", log=True), y=f1)
    over_blocks = _dots(cores, tone, [core.blocks for core in cores])
    memory = chart("F1 over block RAMs", dots=over_blocks, x=Axis("block RAMs of 18 kbit", log=True), y=f1)
    pictures = [
        figure("F1 over cycles; filled: on the Pareto front", cost, file),
        figure("F1 over block RAMs", memory, file),
        figure("Cycles over multipliers; dashed: the roofline", _roofline(cores, dims, tone), file),
    ]
    front = [core for core in cores if core.front]
    body = [
        [c.name, f"{c.f1:.3f}", c.cycles, percent(c.roofline / c.cycles), c.multipliers, c.blocks]
        for c in sorted(front, key=lambda core: -core.f1)
    ]
    head = ["", "F1", "cycles a walk", "roofline", "multipliers", "block RAMs"]
    shown = table(head, body, caption="Cores on the Pareto front")
    told = file.provenance
    said = (
        f"{len(cores)} cores, by D, lanes and word widths, trained on {told.get('walks', 0):,} walks of "
        f"{told.get('graph', 'a graph')}; multipliers and blocks by {told.get('resources', 'formulas')}. A name says "
        "D, lanes and bits of an operand."
    )
    return section(
        "explore",
        heading,
        tag("p", said),
        tag("div", *pictures, class_="grid"),
        figure(f"The Pareto front: {len(front)} of {len(cores)} cores", shown, file, class_="wide"),
    )


def _cores(file: ResultFile) -> list[_Core]:
    found = []
    file.entry("explore.points")
    for point in file.provenance.get("points", []):
        stem = f"explore.{point['name']}"
        values = [file.number(f"{stem}.{key}") for key in _KEYS]
        f1, cycles, roofline, multipliers, blocks, front = (0.0 if value is None else value for value in values)
        file.entry(f"{stem}.f1_micro.deviation")
        # A logarithmic axis has no place for nothing.
        if cycles > 0 and multipliers > 0 and blocks > 0 and roofline > 0:
            numbers = f1, cycles, roofline, multipliers, blocks
            found.append(_Core(point["name"], point["dim"], point["lanes"], *numbers, front=bool(front)))
    return found


def _dots(cores: list[_Core], tone: dict[int, int], x: list[float]) -> list[Dot]:
    """Those of the front last, so that they lie above the others."""
    pairs = sorted(zip(cores, x, strict=True), key=lambda pair: pair[0].front)
    return [
        Dot(at, core.f1, tone[core.dim], hollow=not core.front, size=4 if core.front else 3, title=core.told)
        for core, at in pairs
    ]


def _roofline(cores: list[_Core], dims: list[int], tone: dict[int, int]) -> Html:
    """Cycles by the closed form; the dashed line has all multipliers of the busier engine at work in every cycle."""
    curves, dots = [], []
    for dim in dims:
        mine = {core.lanes: core for core in cores if core.dim == dim}
        ordered = [mine[lanes] for lanes in sorted(mine)]
        x = [core.multipliers for core in ordered]
        curves.append(Curve(f"D = {dim}", x, [core.roofline for core in ordered], tone[dim], dashed=True))
        dots += [
            Dot(core.multipliers, core.cycles, tone[dim], title=f"D = {dim}: {number(core.cycles)} cycles")
            for core in ordered
        ]
    across, up = Axis("multipliers", log=True), Axis("cycles a walk", log=True)
    return chart("Cycles of a walk over multipliers", curves, dots, x=across, y=up)
