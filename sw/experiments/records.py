"""Records of finished runs: one small JSON file each, there whole or not at all."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..export import atomic_write
from .experiment import Unit

__all__ = ["Record", "Records"]


@dataclass(frozen=True)
class Record:
    """What a unit measured; ``cpu_seconds`` of processor time, ``commit`` the checkout's."""

    key: str
    experiment: str
    params: Mapping[str, Any]
    seed: int
    values: Mapping[str, float]
    curves: Mapping[str, tuple[list[float], list[float]]]
    cpu_seconds: float
    commit: str | None


class Records:
    """The folder ``runs``: ``KEY.json`` of a finished run, ``KEY.error`` of one that failed."""

    def __init__(self, folder: Path):
        self.folder = folder

    def load(self, unit: Unit) -> Record | None:
        """What is there for the unit; None if nothing is, or nothing that can be used."""
        try:
            fields = json.loads(self._path(unit).read_text())
            curves = {name: (x, y) for name, (x, y) in fields.pop("curves").items()}
            record = Record(**fields, curves=curves)
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return record if record.key == unit.key else None

    def save(self, unit: Unit, record: Record) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path(unit)) as file:
            file.write(json.dumps(asdict(record), indent=1).encode() + b"\n")
        self._path(unit, "error").unlink(missing_ok=True)

    def save_error(self, unit: Unit, traceback: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(unit, "error")
        path.write_text(traceback)
        return path

    def _path(self, unit: Unit, suffix: str = "json") -> Path:
        return self.folder / f"{unit.key}.{suffix}"
