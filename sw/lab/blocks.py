"""The command that measures blocks (:mod:`skipwalk.sw.build.blocks`): all of them, a table, a file of results."""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from amaranth.hdl import UnusedElaboratable

from ...hw.boards.prepare import BuildFailed
from ..build import blocks
from ..build.blocks import Measurement
from ..build.summary import RESOURCES
from ..commands.common import FILE
from ..commands.types import Numbers
from ..errors import DeviceError
from ..results.report import Result, aligned, installed, write_report

__all__ = ["main", "results", "table"]

NOTE = (
    "Fmax is the median of the runs, one for each seed; path is that of the slowest run; registers at the ports, "
    "which stand for a block's neighbours, are not among ff; nextpnr knows the paths into and out of a DSP or memory "
    "cell, not the clock limit of the cell itself"
)


@click.command("blocks")
@click.option("--only", type=click.Choice(list(blocks.BLOCKS)), multiple=True, help="This block; may be repeated.")
@click.option("--seeds", type=Numbers(0), default="1,2,3", show_default=True, help="Of the placements.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Blocks at once.")
@click.option("--timeout", type=float, default=900, show_default=True, help="Seconds for each run of a tool.")
@click.option("--json", "report", type=FILE, help="Write the results, if nothing failed.")
def main(only: tuple[str, ...], seeds: list[int], jobs: int, timeout: float, report: Path | None) -> None:
    """Place and route single blocks and small cores on an ECP5; print frequency and cells, the slowest first.

    What is in build/blocks is not done again until the block changes.
    """
    # Latencies are asked of parts that are not built.
    warnings.simplefilter("ignore", UnusedElaboratable)
    names = only or tuple(blocks.BLOCKS)

    def run(name: str) -> Measurement | BuildFailed:
        try:
            return blocks.measure(name, seeds=seeds, timeout=timeout)
        except BuildFailed as error:
            return error

    measured: list[Measurement] = []
    with ThreadPoolExecutor(jobs) as pool:
        for n, (name, found) in enumerate(zip(names, pool.map(run, names), strict=True), 1):
            if isinstance(found, Measurement):
                measured.append(found)
            said = f"{found.fmax:.1f} MHz" if isinstance(found, Measurement) else str(found)
            click.echo(f"{n} of {len(names)}, {name}: {said}", err=True)
    click.echo(table(measured))
    if len(measured) < len(names):
        raise DeviceError(f"{len(names) - len(measured)} of {len(names)} blocks failed; nothing was written")
    if report is not None:
        configurations = {name: cfg.to_dict() for name, cfg in blocks.CORES.items() if name in names}
        details = {"device": blocks.DEVICE, "note": NOTE, "seeds": seeds, "tools": installed(blocks.PACKAGES)}
        write_report(report, results(measured), **details, configurations=configurations)


def results(measured: Sequence[Measurement]) -> list[Result]:
    """As entries of a file of results."""
    out = []
    for m in measured:
        stem = f"block.{m.name}"
        out += [
            Result(f"{stem}.fmax", m.fmax, "MHz", "higher"),
            Result(f"{stem}.fmax_runs", list(m.runs.values()), "MHz", "higher"),
            Result(f"{stem}.path", m.path, ""),
            *(Result(f"{stem}.{what}", used, "cells", "lower") for what, used in m.cells.items()),
            Result(f"{stem}.seconds", m.seconds, "s", "lower"),
        ]
    return out


def table(measured: Sequence[Measurement]) -> str:
    """For the terminal, slowest first."""
    lines = [["MHz", "each seed", *RESOURCES, "block", "limited by"]]
    lines += [
        [
            f"{m.fmax:.1f}",
            " ".join(f"{mhz:.1f}" for mhz in m.runs.values()),
            *map(str, m.cells.values()),
            m.name,
            m.path,
        ]
        for m in sorted(measured, key=lambda m: m.fmax)
    ]
    return "\n".join(aligned(lines, words=(len(lines[0]) - 2, len(lines[0]) - 1)))
