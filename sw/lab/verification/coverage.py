"""``skipwalk lab coverage``: the shares of lines and branches that tests reach, out of coverage.py's report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ...commands.common import FILE
from ...errors import InputError
from ...results.report import Result
from .parts import write_part

__all__ = ["main", "results"]

TREES = ("hw", "sw", "sim")


def results(report: Mapping[str, Any]) -> list[Result]:
    """For each tree the share of lines and branches together, and those of each. Raises KeyError for another report."""
    out = []
    for tree in TREES:
        files = [of["summary"] for name, of in report["files"].items() if Path(name).parts[0] == tree]
        sums = {
            what: sum(summary[what] for summary in files)
            for what in ("covered_lines", "num_statements", "covered_branches", "num_branches")
        }
        reached = sums["covered_lines"] + sums["covered_branches"]
        there = sums["num_statements"] + sums["num_branches"]
        lines = sums["covered_lines"] / max(1, sums["num_statements"])
        out += [
            Result(f"coverage.{tree}", round(reached / max(1, there), 4), "", "higher"),
            Result(f"coverage.{tree}.lines", round(lines, 4), "", "higher"),
            Result(f"coverage.{tree}.files", len(files), "files"),
        ]
    return out


@click.command("coverage")
@click.argument("report", type=FILE)
@click.option("--tests", default="all", show_default=True, help="What was run, for the record.")
@click.option("--json", "into", type=FILE, help="Put the results into this file.")
def main(report: Path, tests: str, into: Path | None) -> None:
    """Shares of lines and branches in REPORT, which `coverage json` wrote."""
    try:
        found = results(json.loads(report.read_text()))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"no report of coverage.py: {error}", path=report) from error
    for result in found:
        click.echo(f"{result.name:24} {result.value:>8}")
    if into is not None:
        write_part(into, "coverage", found, tests=tests)
