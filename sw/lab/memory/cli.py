"""``skipwalk lab memory``."""

from pathlib import Path

import click
import networkx

from ...graph.graph import Graph
from ...graph.readers import read_graph
from ...results.report import Result, read_report, write_report
from .campaign import campaign
from .quality import quality
from .walks import BOARD, LARGE, LISTS, SMALL, Case, measure

__all__ = ["main"]

#: Cases that are no walks.
CAMPAIGN, QUALITY = "campaign", "f1"
_PREFIXES = {CAMPAIGN: "memory.campaign.", QUALITY: "memory.f1_"}


def _case_of(name: str) -> str:
    """The case that a figure is of."""
    for case, prefix in _PREFIXES.items():
        if name.startswith(prefix):
            return case
    return name.rpartition(".")[2]


def _kept(file: Path, cases: list[str]) -> list[Result]:
    """What a file has of other cases."""
    return [
        entry
        for entry in read_report(file)[0]
        if isinstance(entry, Result)
        and entry.name.startswith("memory.")
        and entry.name != "memory.bits_equal"
        and _case_of(entry.name) not in cases
    ]


def _power_law(n: int, degree: int = 5) -> Graph:
    return Graph.from_networkx(networkx.barabasi_albert_graph(n, degree, seed=1))


def _cases(cora: Path | None, photo: Path | None, n: int, per_node: int) -> list[Case]:
    cases = [
        Case("n100000", lambda: _power_law(100_000), LARGE, n),
        Case("n400000", lambda: _power_law(400_000), LARGE, n),
        Case("graph_n200000", lambda: _power_law(200_000, 3), LISTS, n),
    ]
    if photo is not None and photo.exists():
        cases.insert(0, Case("photo", lambda: read_graph(photo), LISTS, 0, per_node=per_node))
    elif photo is not None:
        click.echo(f"photo is skipped: there is no {photo}", err=True)
    if cora is not None:
        cases.insert(0, Case("cora_256", lambda: read_graph(cora), SMALL, n))
    return cases


@click.command("memory")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--cora", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Edges of Cora.")
@click.option("--photo", type=click.Path(dir_okay=False, path_type=Path), help="Edges of Amazon Photo; or left out.")
@click.option("--labels", type=click.Path(dir_okay=False, path_type=Path), help="Classes of Amazon Photo, for f1.")
@click.option("--walks", "n", type=click.IntRange(100), default=2000, show_default=True, help="Of each but Photo.")
@click.option("--runs", type=click.IntRange(1), default=240, show_default=True, help="Programs of the campaign.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Of f1.")
@click.option("--walks-per-node", type=click.IntRange(1), default=10, show_default=True, help="Of Photo, and of f1.")
@click.option("--only", multiple=True, help="cora_256, photo, n100000, n400000, graph_n200000, campaign, f1; or all.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.pass_context
def main(
    ctx: click.Context,
    file: Path,
    cora: Path | None,
    photo: Path | None,
    labels: Path | None,
    n: int,
    runs: int,
    seeds: int,
    walks_per_node: int,
    only: tuple[str, ...],
    seed: int,
) -> None:
    """Rows in a simulated SDRAM: random programs with refreshes, resets and stalls; walks over large graphs; and what a
    pool of negatives costs in F1.

    Figures go to FILE, beside those of other cases in it. Exit code 1 if bits differ or a program hangs.
    """

    def wanted(name: str) -> bool:
        return not only or name in only

    cases = [case for case in _cases(cora, photo, n, walks_per_node) if wanted(case.name)]
    fresh: list[Result] = []

    def add(results: list[Result]) -> None:
        for result in results:
            click.echo(f"{result.name:36} {result.value} {result.unit}")
        fresh.extend(results)

    if wanted(CAMPAIGN):
        add(campaign(runs, seed))
    if wanted(QUALITY) and photo is not None and labels is not None and photo.exists() and labels.exists():
        for result in quality("photo", photo, labels, seeds=seeds, walks_per_node=walks_per_node):
            add([result])
    for case in cases:
        add(measure(case, seed))
    results = [*_kept(file, [_case_of(result.name) for result in fresh]), *fresh]
    values = {result.name: result.value for result in results}
    equal = all(value for name, value in values.items() if name.startswith("memory.bits_equal."))
    results.insert(0, Result("memory.bits_equal", int(equal), "", "higher"))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_report(file, results, seed=seed, clock_hz=BOARD.uart.clock_hz, digest=f"{BOARD.core.digest:08x}")
    faults = values.get("memory.campaign.wrong", 0), values.get("memory.campaign.hangs", 0)
    ctx.exit(int(not equal or any(faults)))
