"""``skipwalk lab coverage``: the shares of lines and branches that tests reach, out of coverage.py's report.

Files of :data:`OPTIONAL` count in the shares of their tree like all others. How many lines and branches they have, how
many of those are reached, and what the share is without them, are numbers of their own.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from ...commands.common import FILE
from ...errors import InputError
from ...results.report import Result
from .parts import write_part

__all__ = ["OPTIONAL", "main", "missed", "results"]

TREES = ("hw", "sw", "sim")
#: Files that need a framework which is an extra of its own and which `make test` does not install; and why not. Each
#: has tests that run where the framework is.
OPTIONAL: Mapping[str, str] = {
    "sw/lora/torch_network.py": "modules of PyTorch, 800 MB, of which `make test` needs nothing else",
    "sw/lab/bench/lora_torch.py": "PyTorch as the opponent of a row of `make bench`",
    "sw/litex/simulation.py": "LiteX and a RISC-V GCC; `make litex` runs all of it",
    "sw/litex/peripheral.py": "LiteX and Migen, whose modules it is written in; `make litex` runs all of it",
}


def _files(report: Mapping[str, Any], tree: str) -> dict[str, Any]:
    """What the report says of the files of a tree, by name."""
    named = {Path(name).as_posix(): of for name, of in sorted(report["files"].items())}
    return {name: of for name, of in named.items() if name.startswith(f"{tree}/")}


def _counts(files: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Sums over files: ``lines``, ``all_lines``, ``reached``, ``there``, ``files``."""
    counts: Counter[str] = Counter()
    for of in files:
        summary = of["summary"]
        counts["lines"] += summary["covered_lines"]
        counts["all_lines"] += summary["num_statements"]
        counts["reached"] += summary["covered_lines"] + summary["covered_branches"]
        counts["there"] += summary["num_statements"] + summary["num_branches"]
        counts["files"] += 1
    return counts


def _share(part: int, whole: int) -> float:
    return round(part / max(1, whole), 4)


def results(report: Mapping[str, Any]) -> list[Result]:
    """For each tree the share of lines and branches together, that of lines, and, where some of it is
    :data:`OPTIONAL`, both without that, and how large it is. Raises KeyError for another report."""
    out = []
    for tree in TREES:
        files = _files(report, tree)
        counts = _counts(files.values())
        out += [
            Result(f"coverage.{tree}", _share(counts["reached"], counts["there"]), "", "higher"),
            Result(f"coverage.{tree}.lines", _share(counts["lines"], counts["all_lines"]), "", "higher"),
            Result(f"coverage.{tree}.files", counts["files"], "files"),
        ]
        apart = _counts(of for name, of in files.items() if name in OPTIONAL)
        if apart["files"]:
            rest = {name: counts[name] - apart[name] for name in counts}
            stem = f"coverage.{tree}"
            out += [
                Result(f"{stem}.without_optional", _share(rest["reached"], rest["there"]), "", "higher"),
                Result(f"{stem}.without_optional.lines", _share(rest["lines"], rest["all_lines"]), "", "higher"),
                Result(f"{stem}.optional.files", apart["files"], "files"),
                Result(f"{stem}.optional.size", apart["there"], "lines and branches"),
                Result(f"{stem}.optional.missed", apart["there"] - apart["reached"], "lines and branches"),
            ]
    return out


def missed(report: Mapping[str, Any], tree: str) -> list[str]:
    """What no test reaches of a tree: ``FILE:LINE``, or ``FILE:LINE -> LINE`` of a branch whose lines are reached."""
    found = []
    for name, of in _files(report, tree).items():
        lines = of["missing_lines"]
        found += [f"{name}:{line}" for line in lines]
        # A negative line is the end of the function that begins there.
        ways = ((a, b) for a, b in of["missing_branches"] if a not in lines and b not in lines)
        found += [f"{name}:{a} -> {b if b > 0 else 'end'}" for a, b in ways]
    return found


@click.command("coverage")
@click.argument("report", type=FILE)
@click.option("--tests", default="all", show_default=True, help="What was run, for the record.")
@click.option("--json", "into", type=FILE, help="Put the results into this file.")
def main(report: Path, tests: str, into: Path | None) -> None:
    """Shares of lines and branches in REPORT, which `coverage json` wrote, and what of hw is missed, line by line."""
    try:
        content = json.loads(report.read_text())
        found, holes = results(content), missed(content, "hw")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"no report of coverage.py: {error}", path=report) from error
    for result in found:
        click.echo(f"{result.name:34} {result.value:>8} {result.unit}".rstrip())
    for hole in holes:
        click.echo(f"missed: {hole}")
    if into is not None:
        write_part(into, "coverage", found, tests=tests, optional=OPTIONAL, missed=holes)
