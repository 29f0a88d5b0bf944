"""``results/verification.json``: each command writes its own part and leaves the others."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...results.report import Result, provenance, read_report, write_report

__all__ = ["counted", "write_mutants", "write_part"]


def write_part(path: Path, part: str, results: Sequence[Result], **details: Any) -> None:
    """Put ``results``, all named ``PART.*``, into the file; what it has of other parts stays, also of ``PART.OTHER``.

    ``details`` say where they come from, below ``parts`` of the provenance. Raises InputError if the file cannot be
    written.
    """
    entries, origin = read_report(path)
    parts = {**origin.get("parts", {}), part: provenance(**details)}
    kept = [entry for entry in entries if _part_of(entry.name, parts) != part]
    everything = sorted([*kept, *results], key=lambda r: r.name.partition(".")[0])
    write_report(path, everything, parts=dict(sorted(parts.items())))


def write_mutants(path: Path, kind: str, results: Sequence[Result], **details: Any) -> None:
    """Put ``results``, all named ``mutants.KIND.*``, into the file, and sums over all kinds as ``mutants.*``.

    ``details`` have the ``files`` that mutants were tried in. Raises as :func:`write_part`.
    """
    write_part(path, f"mutants.{kind}", results, **details)
    entries, origin = read_report(path)
    values: dict[str, Any] = {entry.name: entry.value for entry in entries}
    parts = origin["parts"]
    kinds = sorted(part.partition(".")[2] for part in parts if part.startswith("mutants."))

    files = {file for k in kinds for file in parts[f"mutants.{k}"]["files"]}
    sums = {what: sum(values[f"mutants.{k}.{what}"] for k in kinds) for what in ("tried", "equivalent", "killed")}
    reasoned = sum(values.get(f"mutants.{k}.reasoned", 0) for k in kinds)
    write_part(path, "mutants", counted("mutants", files=len(files), reasoned=reasoned, **sums), kinds=kinds)


def counted(
    part: str, *, tried: int, files: int, equivalent: int, killed: int, reasoned: int | None = None
) -> list[Result]:
    """Results ``PART.*`` of mutants: these counts, how many survived, and the share of those that are not equivalent,
    proven or by reasoning, that some test saw. ``reasoned`` is left out where nobody has looked for reasons."""
    judged = tried - equivalent - (reasoned or 0)
    by_reason = [] if reasoned is None else [Result(f"{part}.reasoned", reasoned, "mutants")]
    return [
        Result(f"{part}.tried", tried, "mutants"),
        Result(f"{part}.files", files, "files"),
        Result(f"{part}.equivalent", equivalent, "mutants"),
        *by_reason,
        Result(f"{part}.killed", killed, "mutants", "higher"),
        Result(f"{part}.survived", judged - killed, "mutants", "lower"),
        Result(f"{part}.killed_share", round(killed / judged if judged else 0.0, 4), "", "higher"),
    ]


def _part_of(name: str, parts: Iterable[str]) -> str:
    """The longest one that a name begins with."""
    return max((part for part in parts if name.startswith(f"{part}.")), key=len, default="")
