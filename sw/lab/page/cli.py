"""``skipwalk lab report``."""

from pathlib import Path

import click

from ...commands.common import FILE, check_outputs
from ...results.files import atomic_write
from .page import render
from .results import read_results

__all__ = ["report"]


@click.command()
@click.argument("results", type=click.Path(path_type=Path), default=Path("results"))
@click.option("--output", "-o", type=FILE, default=Path("build/report/index.html"), show_default=True)
def report(results: Path, output: Path) -> None:
    """Make one HTML page of the JSON files in the folder RESULTS (and in its folder boards).

    The page needs nothing but itself: no network, no JavaScript. A file that is missing leaves a note in its place.
    """
    found = read_results(results)
    output.parent.mkdir(parents=True, exist_ok=True)
    check_outputs(output)
    page = render(found)
    with atomic_write(output) as file:
        file.write(page.encode())
    missing = [file.name for file in found if not file]
    click.echo(
        f"{output}: {len(page) / 1e3:,.0f} kB" + (f"; missing: {', '.join(missing)}" if missing else ""), err=True
    )
