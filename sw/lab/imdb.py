"""Films of IMDB out of the wheel of graphdatascience, with who directed them and who acts in them: two text files."""

import zipfile
from pathlib import Path

import click

from .wheel import STEM, WHEEL, columns, looking_for, write_graph

__all__ = ["extract", "main"]


def extract(wheel: Path, stem: Path) -> None:
    """Write ``STEM.edges`` (``person film`` a line) and ``STEM.labels`` (``film genre``, where the genre is known).

    4,661 films, of which 2,939 have one of 3 genres, 2,270 directors and 5,841 actors. Raises KeyError if the wheel has
    no such files inside.
    """
    with zipfile.ZipFile(wheel) as archive:
        tables = ("imdb/imdb_directed_in", "imdb/imdb_acted_in")
        parts = [columns(archive, table, "sourceNodeId", "targetNodeId") for table in tables]
        films, genres = columns(archive, "imdb/imdb_movies_with_genre", "nodeId", "genre")
    pairs = [pair for sources, targets in parts for pair in zip(sources, targets, strict=True)]
    write_graph(stem, pairs, zip(films, genres, strict=True))


@click.command("imdb")
@WHEEL
@STEM
def main(wheel: Path, stem: Path) -> None:
    """Write STEM.edges and STEM.labels, films with their people and genres, out of the WHEEL of graphdatascience."""
    with looking_for("films", wheel):
        extract(wheel, stem)
