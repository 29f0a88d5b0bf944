"""``results/verification.json``: each command writes its own part and leaves the others."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...results.report import Result, provenance, write_report

__all__ = ["write_part"]


def write_part(path: Path, part: str, results: Sequence[Result], **details: Any) -> None:
    """Put ``results``, all named ``PART.*``, into the file; what it has of other parts stays.

    ``details`` say where they come from, below ``parts`` of the provenance. Raises InputError if the file cannot be
    written.
    """
    entries = json.loads(path.read_text()) if path.exists() else []
    kept = [entry for entry in entries if entry["name"] != "provenance" and not entry["name"].startswith(f"{part}.")]
    before: dict[str, Any] = next((entry["value"] for entry in entries if entry["name"] == "provenance"), {})
    parts = {**before.get("parts", {}), part: provenance(**details)}
    everything = sorted([*(Result(**entry) for entry in kept), *results], key=lambda r: r.name.partition(".")[0])
    write_report(path, everything, parts=dict(sorted(parts.items())))
