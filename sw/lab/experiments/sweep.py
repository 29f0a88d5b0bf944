"""A sweep: what has no record yet is run, what ends is recorded, what fails is reported."""

import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import click
from tqdm import tqdm

from ...results.report import provenance
from .execution import Results, Success, run_local, run_on_cluster
from .experiment import Trial
from .records import Record, Records

__all__ = ["sweep"]

_BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"


def sweep(
    work: Sequence[tuple[Trial, Any]], records: Records, jobs: int = 1, scheduler: str | None = None
) -> tuple[dict[str, Record], list[str]]:
    """Run the trials that have no record yet, each with its data; records by key, and the names of those that failed.

    Progress and failures go to stderr. Ctrl-C ends the runs at hand and is raised; what is recorded stays.
    """
    done = {trial.key: record for trial, _ in work if (record := records.load(trial)) is not None}
    missing = [(trial, data) for trial, data in work if trial.key not in done]
    failed = []
    commit = provenance()["commit"]
    # Weighed by what a trial costs, so that the time left is one.
    total = sum(trial.point.cost for trial, _ in missing)
    bar = tqdm(total=total, disable=None, dynamic_ncols=True, bar_format=_BAR)
    with bar, closing(_runs(missing, jobs, scheduler)) as runs:
        for number, (trial, result) in enumerate(runs, 1):
            if isinstance(result, Success):
                record = Record(
                    trial.key,
                    trial.experiment.name,
                    trial.point.params,
                    trial.seed,
                    result.outcome.values,
                    result.outcome.curves,
                    result.cpu_seconds,
                    commit,
                )
                records.save(trial, record)
                done[trial.key] = record
            else:
                failed.append(trial.name)
                path = records.save_error(trial, result.traceback or result.reason)
                tqdm.write(f"{trial.name} failed: {result.reason} (see {path})", file=sys.stderr)
            bar.set_description_str(f"{number}/{len(missing)} runs", refresh=False)
            bar.update(trial.point.cost)
            if bar.disable and isinstance(result, Success):
                click.echo(f"{number}/{len(missing)} {trial.name}: {result.cpu_seconds:.1f} s", err=True)
    return done, failed


def _runs(work: Sequence[tuple[Trial, Any]], jobs: int, scheduler: str | None) -> Results:
    return run_local(work, jobs) if scheduler is None or not work else run_on_cluster(work, scheduler)
