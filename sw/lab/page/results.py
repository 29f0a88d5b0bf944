"""The files that the page is made from, with a note of which of their values have been shown."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import InputError

__all__ = ["EXPECTED", "Entry", "ResultFile", "Results", "read_results"]

#: Files that the page has a place for, and the command that makes each.
EXPECTED = {
    "demo-board.json": "make demo-board",
    "demo-lora-board.json": "make demo-lora-board",
    "users.json": "make users",
    "demo.json": "make demo",
    "accuracy.json": "make accuracy",
    "bench.json": "make bench",
    "experiments.json": "make experiments",
    "lora-digits.json": "make demo-lora",
    "lora-fan.json": "skipwalk lab demo-lora --task fan",
    "embedding.json": "make embedding",
    "explore.json": "make explore",
    "blocks.json": "make blocks",
    "link.json": "make link",
    "fmax-history.json": "make fmax-history",
}


@dataclass(frozen=True)
class Entry:
    """A named value: a number, text, truth value or list; with ``x`` a curve."""

    name: str
    value: Any
    unit: str = ""
    better: str | None = None
    spread: list[float] | None = None
    x: list[float] | None = None
    x_unit: str = ""


@dataclass
class ResultFile:
    """One file: entries by name, and where they come from.

    Attributes
    ----------
    name : str
        Relative to the results, as ``boards/ulx3s-85f.json``.
    problem : str
        Why there are no entries; empty if there are.
    shown : set
        Names of entries that stand on the page.
    """

    name: str
    entries: dict[str, Entry] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    shown: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return not self.problem

    @property
    def anchor(self) -> str:
        """Of the file's row in the table of sources."""
        return "source-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower().removesuffix(".json"))

    def entry(self, name: str) -> Entry | None:
        """The entry, which counts as shown from now on; None if there is none."""
        if name in self.entries:
            self.shown.add(name)
        return self.entries.get(name)

    def value(self, name: str) -> Any:
        """Its value, or None."""
        found = self.entry(name)
        return None if found is None else found.value

    def number(self, name: str) -> float | None:
        """Its value if that is a number, or None."""
        value = self.value(name)
        return float(value) if isinstance(value, int | float) else None

    def matching(self, pattern: str) -> Iterator[tuple[re.Match, Entry]]:
        """All entries whose whole name matches, in their order; they count as shown."""
        for name in list(self.entries):
            if match := re.fullmatch(pattern, name):
                self.shown.add(name)
                yield match, self.entries[name]

    @property
    def hidden(self) -> list[Entry]:
        """What has not been shown."""
        return [entry for name, entry in self.entries.items() if name not in self.shown]


class Results:
    """All files below a folder, by name; one that is expected and missing is there, with the problem."""

    def __init__(self, files: dict[str, ResultFile]):
        self._files = files

    def __getitem__(self, name: str) -> ResultFile:
        if name not in self._files:
            self._files[name] = ResultFile(name, problem=_missing(name))
        return self._files[name]

    def __iter__(self) -> Iterator[ResultFile]:
        return iter(self._files.values())

    @property
    def boards(self) -> list[ResultFile]:
        return [file for name, file in self._files.items() if name.startswith("boards/") and file]


def read_results(folder: Path) -> Results:
    """Every ``*.json`` in ``folder`` and in ``folder/boards``.

    Raises InputError if there is no such folder or nothing in it. A file that cannot be read is kept with its problem.
    """
    if not folder.is_dir():
        raise InputError("no such folder; results are made by `make demo`, `make bench` and others", path=folder)
    paths = sorted(folder.glob("*.json")) + sorted(folder.glob("boards/*.json"))
    if not paths:
        raise InputError("no *.json files; results are made by `make demo`, `make bench` and others", path=folder)
    files = {name: ResultFile(name, problem=_missing(name)) for name in EXPECTED}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        files[name] = _read(name, path)
    return Results(files)


def _missing(name: str) -> str:
    how = f"; `{EXPECTED[name]}` makes it" if name in EXPECTED else ""
    return f"results/{name} is not there{how}"


def _read(name: str, path: Path) -> ResultFile:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        return ResultFile(name, problem=f"results/{name} cannot be read: {error}")
    if isinstance(content, dict) and isinstance(content.get("rows"), list):
        head = {key: value for key, value in content.items() if key != "rows"}
        content = [*content["rows"], {"name": "provenance", "value": head.pop("provenance", head)}]
    if isinstance(content, dict):
        content = [{"name": key, "value": value} for key, value in content.items()]
    if not isinstance(content, list) or not all(isinstance(item, dict) and "name" in item for item in content):
        return ResultFile(name, problem=f"results/{name} is no list of named values")
    file = ResultFile(name)
    for item in content:
        if item["name"] == "provenance" and isinstance(item.get("value"), dict):
            file.provenance = item["value"]
            continue
        known = {key: item[key] for key in ("unit", "better", "spread", "x", "x_unit") if item.get(key) is not None}
        for key, value in _flat(item["name"], item.get("value")):
            file.entries[key] = Entry(key, value, **known)
    return file


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Nested dictionaries as names with dots."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    else:
        yield name, value
