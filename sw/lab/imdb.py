"""Films of IMDB out of the wheel of graphdatascience, with who directed them and who acts in them: two text files."""

import io
import zipfile
from pathlib import Path

import click
import pyarrow.parquet

from ..errors import InputError

__all__ = ["extract", "main"]

_FILE = "graphdatascience/resources/imdb/imdb_{}.parquet.gzip"


def extract(wheel: Path, stem: Path) -> None:
    """Write ``STEM.edges`` (``person film`` a line) and ``STEM.labels`` (``film genre``, where the genre is known).

    4,661 films, of which 2,939 have one of 3 genres, 2,270 directors and 5,841 actors. Raises KeyError if the wheel has
    no such files inside.
    """
    with zipfile.ZipFile(wheel) as archive:

        def columns(name: str, *wanted: str) -> list[list]:
            table = pyarrow.parquet.read_table(io.BytesIO(archive.read(_FILE.format(name))), columns=list(wanted))
            return [table[column].to_pylist() for column in wanted]

        parts = [columns(name, "sourceNodeId", "targetNodeId") for name in ("directed_in", "acted_in")]
        films, genres = columns("movies_with_genre", "nodeId", "genre")
    pairs = [pair for sources, targets in parts for pair in zip(sources, targets, strict=True)]
    stem.with_suffix(".labels").write_text("".join(f"{u} {v}\n" for u, v in zip(films, genres, strict=True)))
    stem.with_suffix(".edges").write_text("".join(f"{u} {v}\n" for u, v in pairs))


@click.command("imdb")
@click.argument("wheel", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("stem", type=click.Path(path_type=Path))
def main(wheel: Path, stem: Path) -> None:
    """Write STEM.edges and STEM.labels, films with their people and genres, out of the WHEEL of graphdatascience."""
    try:
        extract(wheel, stem)
    except (KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"has no films inside: {error}", path=wheel) from error
