"""``skipwalk build``."""

import json
from pathlib import Path

import click

from ...hw.boards.table import BOARDS
from ..build import bitstream
from ..build.summary import write_json
from ..build.tools import tool_errors
from ..results.files import check_place, make_folder
from .types import Numbers, Seconds

__all__ = ["build"]


@click.command()
@click.argument("board", type=click.Choice(list(BOARDS)))
@click.option("--seeds", type=Numbers(0), help="Of the placements.  [default: the board's]")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Placements at once.")
@click.option("--timeout", type=Seconds(), default=7200, show_default=True, help="Seconds for each run of a tool.")
@click.option("--synthesis-only", is_flag=True, help="Stop before placement.")
@click.option("--again", is_flag=True, help="Build once more, from nothing, and compare with what was built before.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Folder for the summary, BOARD.json.")
def build(
    board: str,
    seeds: list[int] | None,
    jobs: int,
    timeout: float,
    synthesis_only: bool,
    again: bool,
    results: Path | None,
) -> None:
    """Build the bitstream of a BOARD with open tools; it is that of the fastest placement.

    The summary goes to stdout. What was built before is taken up again if its inputs have not changed. It
    lies where `skipwalk program` finds it: in the user's cache, or in build/ of a checkout; $SKIPWALK_BUILD names
    another place.
    """
    row = BOARDS[board]
    if again and (seeds or synthesis_only or results):
        raise click.UsageError("--again repeats a build as it was, without --seeds, --synthesis-only and --results")
    if results is not None:
        make_folder(results)
        check_place(results / f"{board}.json")
    with tool_errors():
        if again:
            click.echo(f"the same bytes again: SHA-256 {bitstream.repeat(row, timeout=timeout)}")
            return
        summary = bitstream.build(row, seeds=seeds or (), jobs=jobs, timeout=timeout, synthesis_only=synthesis_only)
    if summary:
        click.echo(json.dumps(summary, indent=1))
        if results is not None:
            write_json(results / f"{board}.json", summary)
