"""The command: run what is missing, then print tables and write summaries."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from ...errors import InputError
from ...results.report import Result, Series, write_report
from . import (
    cora_forgetting,
    cora_growing,
    cora_removal,
    cora_static,
    cora_weights,
    gain,
    gain_by_visits,
    links,
    lora_methods,
    lora_rates,
    other_graphs,
    schedules,
    updates,
    word_widths,
)
from .experiment import Experiment, Options, Plan, Trial, trials
from .kept import with_kept
from .records import Record, Records
from .summary import results, table
from .sweep import sweep

__all__ = ["EXPERIMENTS", "main"]

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (
        cora_static,
        other_graphs,
        cora_growing,
        updates,
        cora_removal,
        cora_forgetting,
        cora_weights,
        links,
        gain,
        gain_by_visits,
        word_widths,
        schedules,
        lora_methods,
        lora_rates,
    )
}

_PATH = click.Path(dir_okay=False, path_type=Path)


@click.command("experiments")
@click.option("--graph", type=_PATH, default=Path("build/demo/cora.edges"), show_default=True)
@click.option("--labels", type=_PATH, default=Path("build/demo/cora.labels"), show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("build/experiments"))
@click.option("--only", type=click.Choice(list(EXPERIMENTS)), multiple=True, help="This experiment; may be repeated.")
@click.option("--seeds", type=click.IntRange(min=1), help="Seeds of every point, instead of each experiment's number.")
@click.option("--full", is_flag=True, help="The points that take long as well (hours).")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes on this machine.")
@click.option("--scheduler", metavar="ADDRESS", help="Send the runs to this Dask cluster instead.")
@click.option("--json", "report", type=_PATH, help="Write the summary there, too, if nothing failed.")
@click.option("--keep", is_flag=True, help="What the file of --json has of other points stays, with its commit.")
@click.option(
    "--points",
    multiple=True,
    metavar="PATTERN",
    help="Only points with such a name, as in the results: 'cora.growing.oselm*'; may be repeated.",
)
@click.option("--no-run", is_flag=True, help="Sum up what is done.")
@click.option("--list", "listing", is_flag=True, help="Say what there is to run, and what is done; run nothing.")
def main(
    graph: Path,
    labels: Path,
    out: Path,
    only: tuple[str, ...],
    seeds: int | None,
    full: bool,
    jobs: int,
    scheduler: str | None,
    report: Path | None,
    keep: bool,
    points: tuple[str, ...],
    no_run: bool,
    listing: bool,
) -> None:
    """Run the experiments that are not done yet, and sum up.

    Every run leaves a file in OUT/runs; after Ctrl-C the same command goes on where it was. Results are in
    OUT/summary.json. Exit code 1 if a run failed (the others are made all the same), 130 after Ctrl-C.
    """
    if keep and report is None:
        raise click.UsageError("--keep needs --json, the file whose results stay")
    try:
        chosen = [EXPERIMENTS[name] for name in only or EXPERIMENTS]
        plans = _plans(chosen, Options(graph, labels, full))
        todo = {e.name: [t for t in trials(e, plans[e.name], seeds) if _wanted(e, t, points)] for e in chosen}
        records = Records(out / "runs")
        if listing:
            _list(chosen, plans, todo, records)
            return
        every = [(trial, plans[name].data) for name, work in todo.items() for trial in work]
        if no_run:
            every = [(trial, data) for trial, data in every if records.load(trial) is not None]
        done, failed = sweep(every, records, jobs, scheduler)
        entries, details = _summed_up(chosen, plans, todo, done)
        if keep and report is not None:
            # Of all experiments, chosen or not.
            others = [experiment for experiment in EXPERIMENTS.values() if experiment not in chosen]
            plans |= _plans(others, Options(graph, labels, full))
            every_point = [f"{e.prefix}.{point.name}" for e in EXPERIMENTS.values() for point in plans[e.name].points]
            entries, details = with_kept(report, every_point, entries, details)
        out.mkdir(parents=True, exist_ok=True)
        write_report(out / "summary.json", entries, **details, failed=failed)
        if report is not None and not failed:
            write_report(report, entries, **details)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on from here") from None
    for name, reason in details["skipped"].items():
        click.echo(f"skipped {name}: {reason}", err=True)
    if failed:
        raise click.ClickException(f"{len(failed)} of {sum(map(len, todo.values()))} runs failed")


def _wanted(experiment: Experiment, trial: Trial, patterns: Sequence[str]) -> bool:
    """Whether the trial is of a point that was asked for."""
    return not patterns or any(fnmatchcase(f"{experiment.prefix}.{trial.point.name}", pattern) for pattern in patterns)


def _plans(chosen: Sequence[Experiment], options: Options) -> dict[str, Plan]:
    """A plan for each; one whose data cannot be read is skipped as a whole."""
    plans = {}
    for experiment in chosen:
        try:
            plans[experiment.name] = experiment.plan(options)
        except InputError as error:
            plans[experiment.name] = Plan([], skipped={experiment.prefix: str(error)})
    return plans


def _summed_up(
    chosen: Sequence[Experiment], plans: dict[str, Plan], todo: dict[str, list[Trial]], done: dict[str, Record]
) -> tuple[list[Result | Series], dict[str, Any]]:
    """Entries of the report and details of its provenance; prints a table for each experiment."""
    entries: list[Result | Series] = []
    labels: dict[str, str] = {}
    skipped: dict[str, str] = {}
    cpu: dict[str, float] = {}
    for experiment in chosen:
        plan = plans[experiment.name]
        found: dict[str, list[Record]] = {}
        for trial in todo[experiment.name]:
            if trial.key in done:
                found.setdefault(trial.point.name, []).append(done[trial.key])
        own = results(experiment, plan, found)
        entries += own
        skipped |= plan.skipped
        labels |= {f"{experiment.prefix}.{point.name}": point.label for point in plan.points if point.name in found}
        cpu[experiment.name] = round(sum(record.cpu_seconds for runs in found.values() for record in runs), 1)
        if own:
            click.echo(table(experiment, plan, own) + "\n")
    used = [done[trial.key] for work in todo.values() for trial in work if trial.key in done]
    return entries, {
        "seeds": {name: sorted({u.seed for u in work if u.key in done}) for name, work in todo.items()},
        "titles": {experiment.name: experiment.title for experiment in chosen},
        "labels": labels,
        "skipped": skipped,
        "run_commits": sorted({record.commit for record in used if record.commit}),
        "cpu_seconds": cpu,
    }


def _list(chosen: Sequence[Experiment], plans: dict[str, Plan], todo: dict[str, list[Trial]], records: Records) -> None:
    for experiment in chosen:
        work = todo[experiment.name]
        there = {trial.key for trial in work if records.load(trial) is not None}
        left = sum(trial.point.cost for trial in work if trial.key not in there)
        click.echo(f"{experiment.name}: {experiment.title}; {len(there)} of {len(work)} runs done, {left:.0f} s left")
        for name, reason in plans[experiment.name].skipped.items():
            click.echo(f"  skipped {name}: {reason}")
        for trial in work:
            click.echo(f"  {'done' if trial.key in there else '    '} {trial.key}")
