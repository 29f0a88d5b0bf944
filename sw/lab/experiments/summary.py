"""From records to means, spreads and tables."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from ...results.report import Result, Series, aligned
from .experiment import Experiment, Plan
from .records import Record

__all__ = ["half_width", "results", "table"]

#: Confidence of the intervals.
_LEVEL = 0.95


def half_width(values: np.ndarray) -> np.ndarray:
    """Half of the 95 % t-interval of the mean over the first axis, which needs two entries or more."""
    n = len(values)
    return stats.t.ppf((1 + _LEVEL) / 2, n - 1) * np.std(values, axis=0, ddof=1) / np.sqrt(n)


def results(experiment: Experiment, plan: Plan, records: Mapping[str, Sequence[Record]]) -> list[Result | Series]:
    """Entries of the report. ``records`` are those of each point, by its name, in the order of the seeds."""
    out: list[Result | Series] = []
    for point in plan.points:
        runs = records.get(point.name, ())
        if not runs:
            continue
        stem = f"{experiment.prefix}.{point.name}"
        for name, measure in experiment.measures.items():
            values = np.array([run.values[name] for run in runs if name in run.values], np.float64)
            if not len(values):
                continue
            out.append(Result(f"{stem}.{name}", float(values.mean()), measure.unit, measure.better))
            if len(values) > 1:
                out.append(Result(f"{stem}.{name}.spread", float(half_width(values)), measure.unit, "lower"))
            out.append(Result(f"{stem}.{name}.runs", values.tolist(), measure.unit, measure.better))
        for name, curve in experiment.curves.items():
            pairs = [run.curves[name] for run in runs if name in run.curves]
            if not pairs:
                continue
            # Where the seeds differ in x (by a forest's size), they do so by little.
            x, y = np.mean([p[0] for p in pairs], axis=0), np.array([p[1] for p in pairs])
            spread = half_width(y).tolist() if len(y) > 1 else None
            mean = y.mean(axis=0).tolist()
            out.append(Series(f"{stem}.{name}", mean, spread, x.tolist(), curve.unit, curve.x_unit, curve.better))
    return out


def table(experiment: Experiment, plan: Plan, entries: Sequence[Result | Series]) -> str:
    """Points against measures, mean +- spread, as text."""
    by_name = {entry.name: entry.value for entry in entries if isinstance(entry, Result)}
    stems = {f"{experiment.prefix}.{point.name}": point.label for point in plan.points}
    head = ["", *(f"{name} ({m.unit})" if m.unit else name for name, m in experiment.measures.items())]
    rows = [head]
    for stem, label in stems.items():
        cells = [_cell(by_name, f"{stem}.{name}") for name in experiment.measures]
        if any(cells):
            rows.append([label, *cells])
    lines = aligned(rows, words=(0,))
    return "\n".join([experiment.title, lines[0], "-" * len(lines[0]), *lines[1:]])


def _cell(by_name: Mapping[str, object], name: str) -> str:
    value, spread = by_name.get(name), by_name.get(f"{name}.spread")
    if not isinstance(value, float):
        return ""
    shown = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.4f}"
    return shown if not isinstance(spread, float) or not spread else f"{shown} +- {spread:.2g}"
