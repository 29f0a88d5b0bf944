"""``skipwalk lab rtl-coverage``: what tests reach of the gateware, as Verilator counts it.

The tests are those that faults in netlists have to pass (:data:`.netlist_campaign.TESTS`), and some more; each file of
them runs in a process of its own, on models that count. What has been counted stays below ``build/reached``, until the
gateware or the tests change.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ....sim.rtl.build import build_root
from ...commands.common import FILE
from ...errors import InputError
from ...results.records import JsonRecords, key_digest
from ...results.report import Result
from ..map import ROOT
from .netlist_campaign import TESTS
from .netlist_trials import run_tests
from .parts import write_part
from .points import POINTS
from .reached import BRANCH, CHANGE, FORMAT, Point, reached_in
from .trials import sources

__all__ = ["Counting", "functional", "holes", "main", "results"]

#: Tests beside those of the netlist: softmax with other numbers of classes and other formats, graphs that do not fit,
#: and rows outside with their graph on the chip.
MORE: Sequence[tuple[str, str]] = (
    ("tests/lora/test_softmax.py", r"test_softmax_error\[(2|4|10|16) classes\]"),
    ("tests/oselm/test_core_graph.py", r"test_a_graph_that_grows_until_it_is_full\[0\]"),
    ("tests/oselm/test_core_memory.py", r"test_any_commands_in_any_order\[graph-0\]"),
)
#: A process that runs them, with the file, the pattern and the checkout behind it.
_RUN = f"""
import sys
from pathlib import Path
from {run_tests.__module__} import run_tests
sys.exit(run_tests(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
"""


class Counting:
    """Runs of tests on models that count, each kept as soon as it is done.

    Parameters
    ----------
    root : Path
        The checkout.
    folder : Path
        For models and counts.
    """

    def __init__(self, root: Path, folder: Path):
        self._root, self._folder = root, folder
        self._key = key_digest([sources(root, "hw", "sim", "tests/support"), FORMAT])
        self._records = JsonRecords(folder / "counts")

    def run(self, file: str, pattern: str) -> Counter[Point]:
        """Counts of the points of all designs that these tests are about. Raises InputError if one fails."""
        key = key_digest([self._key, pattern, (self._root / file).read_text()])
        name = key[:20]
        kept = self._records.read(name, key)
        if kept is None:
            models = self._folder / "models"
            shutil.rmtree(models, ignore_errors=True)
            self._test(file, pattern, models)
            found: Counter[Point] = Counter()
            for model in sorted((models / "rtl").glob("*")):
                found.update(reached_in(model))
            points = [[p.file, p.line, p.signal, p.what, p.kind, count] for p, count in sorted(found.items())]
            kept = {"key": key, "points": points}
            self._records.write(name, kept)
            shutil.rmtree(models, ignore_errors=True)  # which are not there where no test has any
        return Counter({Point(*fields): count for *fields, count in kept["points"]})

    def _test(self, file: str, pattern: str, models: Path) -> None:
        settings = {"SKIPWALK_COVERAGE": "1", "SKIPWALK_COMPILED": "1", "SKIPWALK_BUILD": str(models)}
        done = subprocess.run(
            [sys.executable, "-c", _RUN, file, pattern, str(self._root)],
            cwd=self._root,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise InputError(f"tests of {file} end with code {done.returncode} on models that count:\n{done.stdout}")


def results(counts: Mapping[Point, int]) -> list[Result]:
    """How many branches and changes there are, and which share of them was reached."""
    found = []
    for kind, name in ((BRANCH, "branches"), (CHANGE, "changes")):
        seen = [count > 0 for point, count in counts.items() if point.kind == kind]
        share = round(sum(seen) / max(1, len(seen)), 4)
        found += [
            Result(f"coverage.rtl.{name}", len(seen), name),
            Result(f"coverage.rtl.{name}_share", share, "", "higher"),
        ]
    files = {point.file for point in counts}
    return [*found, Result("coverage.rtl.files", len(files), "files")]


def functional(counts: Mapping[Point, int]) -> dict[str, list[int]]:
    """Of each group of :data:`.points.POINTS` how many there are and how many were reached.

    Raises ValueError if the gateware has no signal of that name: the point would be empty.
    """
    found = {}
    for name, point in POINTS.items():
        seen = [count > 0 for p, count in counts.items() if point.has(p)]
        if not seen:
            raise ValueError(f"{name}: no signal of {point.file} matches {point.signal} with {point.what}")
        found[name] = [len(seen), sum(seen)]
    return found


def holes(counts: Mapping[Point, int]) -> dict[str, list[str]]:
    """What was not reached, by file: branches one by one; changes by signal, so many of so many."""
    found: dict[str, list[str]] = defaultdict(list)
    signals: dict[tuple[str, int, str], Counter[bool]] = defaultdict(Counter)
    for point, count in sorted(counts.items()):
        if point.kind == CHANGE:
            signals[point.file, point.line, point.signal][count > 0] += 1
        elif not count:
            found[point.file].append(f"{point.line}: {point.signal}, {point.what}")
    for (file, line, signal), seen in signals.items():
        if seen[False]:
            found[file].append(f"{line}: {signal}, {seen[False]} of {seen.total()} changes")
    return {file: sorted(texts, key=lambda text: int(text.partition(":")[0])) for file, texts in sorted(found.items())}


@click.command("rtl-coverage")
@click.option("--only", multiple=True, help="Files of tests that begin so, as tests/oselm; may be repeated.")
@click.option("--list", "listed", is_flag=True, help="Print what was not reached.")
@click.option("--json", "into", type=FILE, help="Put the results into this file.")
def main(only: tuple[str, ...], listed: bool, into: Path | None) -> None:
    """Run tests on models of the gateware that count which branches and which changes of each bit they reach.

    What has been counted is kept below build/reached.
    """
    counting = Counting(ROOT, build_root() / "reached")
    counts: Counter[Point] = Counter()
    tests = [*((file, pattern) for file, pattern, _ in TESTS), *MORE]
    chosen = [(file, pattern) for file, pattern in tests if file.startswith(only or "")]
    for n, (file, pattern) in enumerate(chosen, 1):
        of_file = counting.run(file, pattern)
        counts.update(of_file)
        click.echo(f"{n} of {len(chosen)}: {file} {pattern} {_seen(of_file.values())}")
    found = results(counts)
    points = {} if only else functional(counts)
    for name, (there, seen) in points.items():
        click.echo(f"{name:40} {seen} of {there}")
    total, reached = (sum(numbers) for numbers in zip(*points.values(), strict=True)) if points else (0, 0)
    found += [
        Result("coverage.rtl.points", total, "points"),
        Result("coverage.rtl.points_reached", reached, "points", "higher"),
    ]
    left = holes(counts)
    if listed:
        for file, texts in left.items():
            click.echo("\n".join(f"{file}:{text}" for text in texts))
    for result in found:
        click.echo(f"{result.name:34} {result.value:>10} {result.unit}")
    if into is not None:
        write_part(into, "coverage.rtl", found, points=points, folders=_folders(counts), holes=left)


def _seen(counts: Iterable[int]) -> str:
    seen = [count > 0 for count in counts]
    return f"reached {sum(seen)} of {len(seen)}"


def _folders(counts: Mapping[Point, int]) -> dict[str, dict[str, Any]]:
    """For each folder: branches and changes, how many there are and how many were reached."""
    found: dict[str, dict[str, Any]] = defaultdict(lambda: {BRANCH: [0, 0], CHANGE: [0, 0]})
    for point, count in counts.items():
        entry = found[point.file.rpartition("/")[0]][point.kind]
        entry[0] += 1
        entry[1] += count > 0
    return dict(sorted(found.items()))
