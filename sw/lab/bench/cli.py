"""The command behind ``make bench``: measure what is missing, sum up, print."""

import os
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ...commands.common import quieten
from ...graph.readers import read_graph
from ...results.report import provenance, write_report
from .boards import read_boards
from .native import Compiler, NoCompilerError, compilers
from .perf import CycleCounter, base_clock_hz
from .plan import FULL, main_core, quick
from .steps import Skipped, steps, versions
from .store import Store
from .summary import Measurements, results
from .table import table
from .whole import versions as peer_versions
from .work import Work

__all__ = ["main"]

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("bench")
@click.argument("graph_file", metavar="GRAPH", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("build/bench"), show_default=True)
@click.option(
    "--boards",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("results/boards"),
    show_default=True,
    help="Summaries of routed boards, for the clock.",
)
@click.option("--json", "report", type=_FILE, help="Write the summary there, too.")
@click.option("--quick", "is_quick", is_flag=True, help="A small one of everything, to see that it works.")
@click.option(
    "--main-core",
    "only_main",
    is_flag=True,
    help="Compile no other core than that of D = 32 (and the Skip2-LoRA units).",
)
@click.option(
    "--peers",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/peers"),
    show_default=True,
    help="Virtual environment of PecanPy and fastnode2vec, from `make peers`.",
)
@click.option("--no-rtl", is_flag=True, help="Leave the simulated gateware out: no ratios, but no Verilator either.")
def main(
    graph_file: Path,
    out: Path,
    boards: Path,
    report: Path | None,
    is_quick: bool,
    only_main: bool,
    peers: Path,
    no_rtl: bool,
) -> None:
    """Measure this machine's CPU against the core on walks of GRAPH, and where the core's cycles go.

    Results are in OUT/summary.json. After Ctrl-C the same command goes on where it was, for half an hour. A row whose
    tool is not installed is left out, with the reason. Exit code 130 after Ctrl-C.
    """
    quieten(True)
    try:
        measured, details = _run(graph_file, out, boards, is_quick, only_main, peers, not no_rtl)
        entries = results(measured)
        details |= {"skipped": measured.skipped, "notes": measured.notes}
        write_report(out / "summary.json", entries, **details)
        if report is not None:
            write_report(report, entries, **details)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on from here") from None
    click.echo(table(entries, provenance(**details)))


def _run(
    graph_file: Path, out: Path, boards: Path, is_quick: bool, only_main: bool, peers: Path, rtl: bool
) -> tuple[Measurements, dict[str, Any]]:
    """All steps; the measurements, and what is to be said of where they come from."""
    graph = read_graph(graph_file)
    plan = quick(graph.n_nodes) if is_quick else FULL
    if only_main:
        plan = main_core(plan)
    store = Store(out / ("measured-quick" if is_quick else "measured"))
    work = Work.of(graph, plan.all_walks)
    skipped: dict[str, str] = {}
    found_compilers = _compilers(skipped)
    todo = list(steps(plan, work, found_compilers, rtl, peers))
    found: dict[str, Any] = {}
    load_before = os.getloadavg() if hasattr(os, "getloadavg") else None
    bar = tqdm(todo, unit="row", disable=None, dynamic_ncols=True)
    for step in bar:
        bar.set_postfix_str(step.name)
        keep = store.timed if step.timed else store.counted
        try:
            found[step.name] = keep(step.name, step.inputs, step.compute)
        except (Skipped, NoCompilerError) as reason:
            skipped[step.name] = str(reason)
    store.finish()
    clock, source = _base_clock(skipped)
    with CycleCounter() as counter:
        cycles = "hardware counter" if counter.available else f"time x base clock ({counter.reason})"
    untrusted = [name for name, value in found.items() if isinstance(value, dict) and value.get("trusted") is False]
    details = {
        "graph": graph_file.name,
        "nodes": graph.n_nodes,
        "quick": is_quick,
        "compilers": [compiler.version for compiler in found_compilers],
        "tools": versions(),
        "peers": peer_versions(peers),
        "cpu_cycles": cycles,
        "base_clock": source,
        "load_before": load_before,
        "disturbed": [name for name in untrusted if "gensim_all" not in name],
        "timings": {name: value for name, value in found.items() if isinstance(value, dict) and "median" in value},
    }
    return Measurements(plan, found, skipped, read_boards(boards), clock), details


def _compilers(skipped: dict[str, str]) -> list[Compiler]:
    try:
        return compilers()
    except NoCompilerError as error:
        skipped["cpu_float32"] = str(error)
        return []


def _base_clock(skipped: dict[str, str]) -> tuple[float | None, str]:
    try:
        return base_clock_hz()
    except OSError as error:
        skipped["cpu.clock_mhz.base"] = str(error)
        return None, str(error)
