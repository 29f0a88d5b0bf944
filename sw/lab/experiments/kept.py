"""What an earlier report has of points that were not run this time, to stand beside the new ones with its commit."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...results.report import Result, Series

__all__ = ["with_kept"]

Entries = list[Result | Series]


def with_kept(
    report: Path, points: Collection[str], entries: Entries, details: dict[str, Any]
) -> tuple[Entries, dict[str, Any]]:
    """Entries and details with those of ``report`` beside them, of such of the ``points`` (dotted names, in order) as
    ``details`` has no label for. ``kept`` in the details says which commit each of these points is of.

    Raises InputError for a file that is no report of experiments.
    """
    try:
        *old, last = json.loads(report.read_text())
        origin = last["value"]
        kept = {
            point: origin.get("kept", {}).get(point, origin["commit"])
            for point in points
            if point in origin["labels"] and point not in details["labels"]
        }
        # No name of a point ends where another one goes on after a dot: the longest that fits is its own.
        for entry in old:
            owners = [point for point in origin["labels"] if entry["name"].startswith(f"{point}.")]
            if owners and max(owners, key=len) in kept:
                entries = [*entries, Series(**entry) if "x" in entry else Result(**entry)]
        labels = {**origin["labels"], **details["labels"]}
        # Of an experiment of which nothing was run, there are no seeds and no seconds.
        merged = {
            name: {**origin[name], **{key: value for key, value in details[name].items() if value}}
            for name in ("titles", "seeds", "cpu_seconds")
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"holds no experiments to keep: {error}", path=report) from error
    labels = {point: labels[point] for point in points if point in labels}
    return entries, {**details, **merged, "labels": labels, "kept": kept}
