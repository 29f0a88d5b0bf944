"""``skipwalk explore``."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from ...hw.arith.formats import SQ
from ...hw.boards.fpgas import fpga_of
from ...hw.boards.table import board as board_of
from ...hw.fabric.vendor import Vendor
from ...sim.oselm.resources import Needs, core_needs
from ...sim.rtl.build import build_root
from ..build.tools import tool_errors
from ..errors import CapacityError
from ..explore import picture as explore_picture
from ..explore.space import FORMATS, Point, Refusal, Row, grid, refusals, rows
from ..explore.tasks import accuracy_tasks, run, synthesis_tasks
from ..graph.packed import reading
from ..graph.readers import read_graph, read_labels
from ..oselm.estimator import Node2Vec
from ..oselm.evaluation import check_labels
from ..oselm.parameters import MOST_WALKS
from ..results.records import JsonRecords
from ..results.report import Result, aligned
from .common import FILE, check_outputs, options, parameter_errors, quieten, tell, write
from .types import Formats, Numbers, Reals

__all__ = ["explore"]

log = logging.getLogger(__name__)

#: What ``train`` does unless it is told otherwise.
_DEFAULTS = Node2Vec().get_params()


def _formats(command: Callable) -> Callable:
    for name in reversed(FORMATS):
        text = f"Formats of {name} in place of those that follow from --bits."
        command = click.option(f"--{name}", type=Formats(), help=text)(command)
    return command


@click.command()
@click.argument("graph", type=FILE)
@click.argument("labels", type=FILE)
@click.option("--dim", type=Numbers(1), default="16,32,64", show_default=True, help="Lengths of a vector.")
@click.option("--lanes", type=Numbers(1), default="4,8,16,32", show_default=True, help="Elements handled at once.")
@click.option("--bits", type=Numbers(1), default="18,16,14,12", show_default=True, help="Widths of the multipliers.")
@click.option(
    "--constants",
    type=Reals(),
    default="1.4",
    show_default=True,
    help="Beside OS-ELM, constants in the place of its P, on cores with half the multipliers; or none.",
)
@_formats
@click.option("--nodes", type=int, help="Rows of the core.  [default: the graph's nodes]")
@click.option("--negatives", type=click.IntRange(1), default=24, show_default=True, help="Shared by a context.")
@click.option("--walks", type=click.IntRange(1), help="About so many, in whole rounds.  [default: 10 from each node]")
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Runs whose F1 is averaged.")
@click.option("--tolerance", type=float, default=0.0, show_default=True, help="F1 that is not worth any cost.")
@click.option("--board", "board_name", help="Only what fits this board; the others are refused, with the reason.")
@click.option("--synth", is_flag=True, help="Synthesise: cells of the netlist, LUTs too, instead of formulas.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="[default: build/explore]")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Points at once.")
@click.option("--all", "everything", is_flag=True, help="The table has all points, not the front alone.")
@click.option("--picture", type=FILE, help="F1 over cycles and block RAMs: .png, .svg or .pdf.")
@options("json", "quiet")
def explore(
    graph: Path,
    labels: Path,
    dim: list[int],
    lanes: list[int],
    bits: list[int],
    constants: list[float],
    nodes: int | None,
    negatives: int,
    walks: int | None,
    seeds: int,
    tolerance: float,
    board_name: str | None,
    synth: bool,
    cache: Path | None,
    jobs: int,
    everything: bool,
    picture: Path | None,
    report: Path | None,
    quiet: bool,
    **formats: list[SQ] | None,
) -> None:
    """Compare cores for GRAPH: accuracy (by the classes in LABELS), cycles, multipliers and memory; show the best.

    Every combination of --dim, --lanes and --bits is a point, with OS-ELM and with each of --constants. On the Pareto
    front are those that no other point beats in everything. What was measured is kept in --cache, and a run that was
    stopped goes on where it was.
    """
    quieten(quiet)
    if not math.isfinite(tolerance) or tolerance < 0:
        raise click.UsageError(f"--tolerance is F1, from 0 on, not {tolerance:g}")
    check_outputs(report, picture, inputs=[graph, labels])
    if picture is not None:
        explore_picture.check(picture)
    with parameter_errors():
        board = None if board_name is None else board_of(board_name)
        device = None if board is None else fpga_of(board)
    network = read_graph(graph)
    classes = read_labels(labels, network)
    at = np.array([network.index(node) for node in classes])
    names = [str(name) for name in classes.values()]
    with reading(labels):  # whether they can be learned at all is known before hours have gone into vectors
        check_labels(names)
    window = _DEFAULTS["window"]
    rounds = _DEFAULTS["walks_per_node"] if walks is None else max(1, round(walks / network.n_nodes))
    if rounds > MOST_WALKS:
        raise click.UsageError(f"--walks is at most {MOST_WALKS} for each of {network.n_nodes} nodes, not {walks}")
    nodes = network.n_nodes if nodes is None else nodes
    if nodes < network.n_nodes:
        raise CapacityError(f"{graph} has {network.n_nodes} nodes, --nodes is {nodes}")

    vendor = Vendor.ECP5 if device is None or device.family == "ecp5" else Vendor.GENERIC
    points, refused = grid(
        dims=dim,
        lanes=lanes,
        bits=bits,
        nodes=nodes,
        max_samples=window - 1 + negatives,
        inflation=_DEFAULTS["inflation"],
        formats={name: given for name, given in formats.items() if given},
        constants=constants,
        vendor=vendor,
    )
    link = None if board is None else board.link
    points = _fitting(points, refused, board, {p.name: core_needs(p.core, link) for p in points})
    with tool_errors():
        kept = JsonRecords(cache or build_root() / "explore")
    kept.check()
    progress = not quiet
    netlists: dict[str, Needs] = {}
    if synth and points:
        log.info("synthesis of %d points", len(points))
        tasks = synthesis_tasks(points, board)
        for task, cells in run(tasks, kept, data=(), jobs=jobs, progress=progress):
            netlists.update(dict.fromkeys(task.points, Needs(**cells)))
        points = _fitting(points, refused, board, netlists)
    reasons: dict[str, list[str]] = {}
    for refusal in refused:
        reasons.setdefault(refusal.reason, []).append(refusal.name)
    for reason, mine in reasons.items():
        log.info("refused: %s: %s", ", ".join(mine), reason)
    if not points:
        where = f" on {board.title}" if board is not None else ""
        raise CapacityError(
            f"none of {len(refused)} points can be built{where}; {refused[0].name}: {refused[0].reason}"
        )

    f1: dict[str, list[float]] = {}
    log.info("F1 of %d points, %d walks, %d seeds", len(points), rounds * network.n_nodes, seeds)
    tasks = accuracy_tasks(points, network, at, names, seeds=seeds, rounds=rounds, negatives=negatives)
    for task, value in run(tasks, kept, data=(network, at, names), jobs=jobs, progress=progress):
        for name in task.points:
            f1.setdefault(name, []).append(value)
    found = rows(
        points,
        contexts=_DEFAULTS["walk_length"] - window + 1,
        f1=f1,
        netlists=netlists,
        board=board,
        tolerance=tolerance,
    )
    clock_hz = None if board is None else board.uart.clock_hz
    _print(found if everything else [row for row in found if row.front], clock_hz)
    if picture is not None:
        explore_picture.picture(
            found, picture, f"{graph.stem}: {len(found)} cores" + (f" for {board.title}" if board else "")
        )
    write(
        report,
        _results(found, clock_hz),
        graph=graph.name,
        walks=rounds * network.n_nodes,
        seeds=seeds,
        board=board_name,
        tolerance=tolerance,
        resources="netlist" if synth else "formulas",
        points=[_described(row.point) for row in found],
        refused=[{"name": refusal.name, "reason": refusal.reason} for refusal in refused],
    )


def _fitting(points: Sequence[Point], refused: list[Refusal], board: Any, needs: Mapping[str, Needs]) -> list[Point]:
    """The points that fit the board; the others, and why, go to ``refused``."""
    fitting = []
    for point in points:
        reasons = [] if board is None else refusals(point, board, needs[point.name])
        if reasons:
            refused.append(Refusal(point.name, "; ".join(each.reason for each in reasons)))
        else:
            fitting.append(point)
    return fitting


def _print(found: Sequence[Row], clock_hz: int | None) -> None:
    """A table, where results are shown; a star marks the front."""
    synthesised = any(row.needs.lut is not None for row in found)
    head = ["", "point", "D", "lanes", "bits", "F1", "+-", "cycles/walk", "roofline", "mult", "BRAM"]
    head += ["LUT", "FF"] * synthesised + ["us/walk"] * (clock_hz is not None)
    lines: list[list[Any]] = [head]
    for row in found:
        cells: list[Any]
        core, needs = row.point.core, row.needs
        spread = f"{np.std(row.f1):.3f}" if len(row.f1) > 1 else "-"
        cells = ["*" if row.front else "", row.point.name, core.dim, core.lanes, row.point.bits, f"{row.f1_mean:.3f}"]
        cells += [spread, f"{row.cycles:,.0f}", f"{row.roofline / row.cycles:.0%}", needs.dsp, needs.bram]
        if synthesised:
            cells += [needs.lut, needs.ff]
        if clock_hz is not None:
            cells.append(f"{row.cycles / clock_hz * 1e6:,.1f}")
        lines.append(cells)
    tell(aligned([[str(cell) for cell in line] for line in lines], words=(0, 1)))


def _results(found: Sequence[Row], clock_hz: int | None) -> list[Result]:
    results = [Result("explore.points", len(found), "points")]
    for row in found:
        stem, needs = f"explore.{row.point.name}", row.needs
        results += [
            Result(f"{stem}.f1_micro", row.f1_mean, "F1", "higher"),
            *([Result(f"{stem}.f1_micro.deviation", float(np.std(row.f1)), "F1", "lower")] if len(row.f1) > 1 else []),
            Result(f"{stem}.cycles_per_walk", row.cycles, "cycles", "lower"),
            Result(f"{stem}.roofline_cycles_per_walk", row.roofline, "cycles"),
            Result(f"{stem}.dsp", needs.dsp, "cells", "lower"),
            Result(f"{stem}.bram", needs.bram, "cells", "lower"),
        ]
        if needs.lut is not None and needs.ff is not None:
            results += [
                Result(f"{stem}.lut", needs.lut, "cells", "lower"),
                Result(f"{stem}.ff", needs.ff, "cells", "lower"),
            ]
        if clock_hz is not None:
            results.append(Result(f"{stem}.walk_us", row.cycles / clock_hz * 1e6, "us at the board's clock", "lower"))
        results.append(Result(f"{stem}.front", int(row.front), "bool"))
    return results


def _described(point: Point) -> dict[str, Any]:
    core = point.core
    return {
        "name": point.name,
        "dim": core.dim,
        "lanes": core.lanes,
        "bits": point.bits,
        "formats": {name: str(getattr(core, name)) for name in FORMATS},
        "constant": point.constant,
    }
