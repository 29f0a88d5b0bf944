"""Records of finished runs: one small JSON file each, there whole or not at all."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...results.records import JsonRecords
from .experiment import Trial

__all__ = ["Record", "Records"]


@dataclass(frozen=True)
class Record:
    """What a trial measured; ``cpu_seconds`` of processor time, ``commit`` the checkout's."""

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
        self._folder = folder
        self._records = JsonRecords(folder)

    def load(self, trial: Trial) -> Record | None:
        """What is there for the trial; None if nothing is, or nothing that can be used."""
        fields = self._records.read(trial.key, trial.key)
        if fields is None:
            return None
        try:
            curves = {name: (x, y) for name, (x, y) in fields.pop("curves").items()}
            return Record(**fields, curves=curves)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def save(self, trial: Trial, record: Record) -> None:
        self._records.write(trial.key, asdict(record))
        self._error(trial).unlink(missing_ok=True)

    def save_error(self, trial: Trial, traceback: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._error(trial)
        path.write_text(traceback)
        return path

    def _error(self, trial: Trial) -> Path:
        return self._folder / f"{trial.key}.error"
