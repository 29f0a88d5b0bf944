"""Fmax from build to build: keeps what ``results/boards`` says now beside what it said before.

    skipwalk lab fmax-history results

A build is known by the time in its provenance, so running this twice adds nothing.
"""

from datetime import datetime
from pathlib import Path

import click

from ...results.report import Series, write_report
from .results import ResultFile, read_results

__all__ = ["FILE", "history", "main"]

FILE = "fmax-history.json"


def history(boards: list[ResultFile], before: ResultFile) -> dict[str, dict[float, float]]:
    """MHz by seconds since 1970 and by board: of the file, and of boards that it does not have yet."""
    found: dict[str, dict[float, float]] = {}
    if before:
        for match, entry in before.matching(r"fmax\.(.+)"):
            if entry.x and len(entry.x) == len(entry.value):
                found[match[1]] = dict(zip(map(float, entry.x), map(float, entry.value), strict=True))
    for board in boards:
        time, fmax = board.provenance.get("time"), board.number("fmax_mhz")
        if time and fmax is not None:
            mine = found.setdefault(str(board.value("board")), {})
            mine.setdefault(datetime.fromisoformat(str(time)).timestamp(), fmax)
    return found


@click.command("fmax-history")
@click.argument("results", type=click.Path(path_type=Path), default=Path("results"))
def main(results: Path) -> None:
    """Add the builds in RESULTS/boards to RESULTS/fmax-history.json."""
    files = read_results(results)
    series = []
    for board, mine in sorted(history(files.boards, files[FILE]).items()):
        times = sorted(mine)
        values = [mine[time] for time in times]
        series.append(Series(f"fmax.{board}", values, None, times, "MHz", "s since 1970", "higher"))
    write_report(results / FILE, series)
