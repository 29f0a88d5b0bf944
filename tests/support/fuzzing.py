"""How long and on what seeds to try at random, and where the counts go.

Environment: ``SKIPWALK_FUZZ_MINUTES`` (for each target; without it a single short round), ``SKIPWALK_FUZZ_SEED`` (the
first one), ``SKIPWALK_FUZZ_JSON`` (a file of results for the counts; ``make fuzz`` sets all three).
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from skipwalk.sw.lab.verification.parts import write_part
from skipwalk.sw.results.report import Result, read_report

__all__ = ["Guide", "keep", "seeds"]


def seeds(least: int) -> Iterator[int]:
    """Seeds one after another, ``least`` of them or as long as was asked for."""
    first, minutes = int(os.environ.get("SKIPWALK_FUZZ_SEED", "1")), os.environ.get("SKIPWALK_FUZZ_MINUTES")
    end = time.monotonic() + 60 * float(minutes or 0)
    seed = first
    while (time.monotonic() < end) if minutes else seed < first + least:
        yield seed
        seed += 1


def keep(target: str, **counts: float) -> None:
    """Put the counts of a target into the file of results, beside those of others and the sums over all."""
    name = os.environ.get("SKIPWALK_FUZZ_JSON")
    if not name:
        return
    path = Path(name)
    entries, _ = read_report(path)
    before = {e.name: e.value for e in entries if e.name.startswith("fuzz.") and e.name.count(".") == 2}
    before |= {f"fuzz.{target}.{what}": value for what, value in counts.items()}
    sums: dict[str, float] = {"executions": 0, "mismatches": 0, "hours": 0}
    for entry, value in before.items():
        if (what := entry.rpartition(".")[2]) in sums:
            sums[what] += value
    units = {"executions": "inputs", "hours": "h", "mismatches": "inputs", "words": "words", "lines": "lines"}
    found = [
        Result(entry, round(value, 3), units.get(entry.rpartition(".")[2], ""))
        for entry, value in {**{f"fuzz.{what}": value for what, value in sums.items()}, **before}.items()
    ]
    write_part(path, "fuzz", found, minutes=os.environ.get("SKIPWALK_FUZZ_MINUTES"))


class Guide:
    """Which lines of some files inputs have reached: what reaches a new one is worth keeping."""

    def __init__(self, *folders: Path):
        self._folders = tuple(str(folder) for folder in folders)
        self.lines: set[tuple[str, int]] = set()

    def run(self, work: Callable[[], Any]) -> bool:
        """Do ``work``; whether it reached a line that nothing before did. Whatever it raises comes through."""
        before = len(self.lines)

        def line(frame: FrameType, event: str, _: Any) -> Any:
            self.lines.add((frame.f_code.co_filename, frame.f_lineno))
            return line

        def call(frame: FrameType, event: str, _: Any) -> Any:
            return line if frame.f_code.co_filename.startswith(self._folders) else None

        traced = sys.gettrace()
        sys.settrace(call)
        try:
            work()
        finally:
            sys.settrace(traced)
        return len(self.lines) > before
