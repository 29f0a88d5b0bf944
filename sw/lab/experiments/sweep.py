"""A sweep: what has no record yet is run, what ends is recorded, what fails is reported."""

import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import click
from tqdm import tqdm

from ...results.report import provenance
from .execution import Results, Success, run_local, run_on_cluster
from .experiment import Unit
from .records import Record, Records

__all__ = ["sweep"]

_BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"


def sweep(
    work: Sequence[tuple[Unit, Any]], records: Records, jobs: int = 1, scheduler: str | None = None
) -> tuple[dict[str, Record], list[str]]:
    """Run the units that have no record yet, each with its data; records by key, and the names of those that failed.

    Progress and failures go to stderr. Ctrl-C ends the runs at hand and is raised; what is recorded stays.
    """
    done = {unit.key: record for unit, _ in work if (record := records.load(unit)) is not None}
    missing = [(unit, data) for unit, data in work if unit.key not in done]
    failed = []
    commit = provenance()["commit"]
    # Weighed by what a unit costs, so that the time left is one.
    total = sum(unit.point.cost for unit, _ in missing)
    bar = tqdm(total=total, disable=None, dynamic_ncols=True, bar_format=_BAR)
    with bar, closing(_runs(missing, jobs, scheduler)) as runs:
        for number, (unit, result) in enumerate(runs, 1):
            if isinstance(result, Success):
                record = Record(
                    unit.key,
                    unit.experiment.name,
                    unit.point.params,
                    unit.seed,
                    result.outcome.values,
                    result.outcome.curves,
                    result.cpu_seconds,
                    commit,
                )
                records.save(unit, record)
                done[unit.key] = record
            else:
                failed.append(unit.name)
                path = records.save_error(unit, result.traceback or result.reason)
                tqdm.write(f"{unit.name} failed: {result.reason} (see {path})", file=sys.stderr)
            bar.set_description_str(f"{number}/{len(missing)} runs", refresh=False)
            bar.update(unit.point.cost)
            if bar.disable and isinstance(result, Success):
                click.echo(f"{number}/{len(missing)} {unit.name}: {result.cpu_seconds:.1f} s", err=True)
    return done, failed


def _runs(work: Sequence[tuple[Unit, Any]], jobs: int, scheduler: str | None) -> Results:
    return run_local(work, jobs) if scheduler is None or not work else run_on_cluster(work, scheduler)
