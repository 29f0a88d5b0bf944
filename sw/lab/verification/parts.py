"""``results/verification.json``: each command writes its own part and leaves the others."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...results.report import Result, provenance, write_report

__all__ = ["write_mutants", "write_part"]


def write_part(path: Path, part: str, results: Sequence[Result], **details: Any) -> None:
    """Put ``results``, all named ``PART.*``, into the file; what it has of other parts stays, also of ``PART.OTHER``.

    ``details`` say where they come from, below ``parts`` of the provenance. Raises InputError if the file cannot be
    written.
    """
    entries, before = _read(path)
    parts = {**before, part: provenance(**details)}
    kept = [entry for entry in entries if _part_of(entry["name"], parts) != part]
    everything = sorted([*(Result(**entry) for entry in kept), *results], key=lambda r: r.name.partition(".")[0])
    write_report(path, everything, parts=dict(sorted(parts.items())))


def write_mutants(path: Path, kind: str, results: Sequence[Result], **details: Any) -> None:
    """Put ``results``, all named ``mutants.KIND.*``, into the file, and sums over all kinds as ``mutants.*``.

    ``details`` have the ``files`` that mutants were tried in. Raises as :func:`write_part`.
    """
    write_part(path, f"mutants.{kind}", results, **details)
    entries, parts = _read(path)
    values = {entry["name"]: entry["value"] for entry in entries}
    kinds = sorted(part.partition(".")[2] for part in parts if part.startswith("mutants."))
    sums = {what: sum(values[f"mutants.{k}.{what}"] for k in kinds) for what in ("tried", "equivalent", "killed")}
    sums["reasoned"] = sum(values.get(f"mutants.{k}.reasoned", 0) for k in kinds)
    judged = sums["tried"] - sums["equivalent"] - sums["reasoned"]
    files = {file for k in kinds for file in parts[f"mutants.{k}"]["files"]}
    totals = [
        *(Result(f"mutants.{what}", n, "mutants") for what, n in sums.items()),
        Result("mutants.survived", judged - sums["killed"], "mutants", "lower"),
        Result("mutants.files", len(files), "files"),
        Result("mutants.killed_share", round(sums["killed"] / judged if judged else 0.0, 4), "", "higher"),
    ]
    write_part(path, "mutants", totals, kinds=kinds)


def _read(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Entries of results, and the provenance of each part."""
    entries = json.loads(path.read_text()) if path.exists() else []
    value: dict[str, Any] = next((entry["value"] for entry in entries if entry["name"] == "provenance"), {})
    return [entry for entry in entries if entry["name"] != "provenance"], value.get("parts", {})


def _part_of(name: str, parts: Iterable[str]) -> str:
    """The longest one that a name begins with."""
    return max((part for part in parts if name.startswith(f"{part}.")), key=len, default="")
