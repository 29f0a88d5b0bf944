"""Graphs out of the wheel of graphdatascience, without installing that package: tables in, two text files out."""

import contextlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet

from ..errors import InputError

__all__ = ["STEM", "WHEEL", "columns", "looking_for", "write_graph"]

#: Arguments of a command that takes a graph out of it.
WHEEL = click.argument("wheel", type=click.Path(exists=True, dir_okay=False, path_type=Path))
STEM = click.argument("stem", type=click.Path(path_type=Path))


def columns(archive: zipfile.ZipFile, table: str, *names: str) -> list[list[Any]]:
    """Columns of a table, as ``cora/cora_nodes``. Raises KeyError if the wheel has none of that name inside."""
    packed = archive.read(f"graphdatascience/resources/{table}.parquet.gzip")
    found = pyarrow.parquet.read_table(io.BytesIO(packed), columns=list(names))
    return [found[name].to_pylist() for name in names]


def write_graph(stem: Path, edges: Iterable[tuple[Any, Any]], labels: Iterable[tuple[Any, Any]]) -> None:
    """``STEM.edges`` (``u v`` a line) and ``STEM.labels`` (``node class``)."""
    for suffix, pairs in ((".labels", labels), (".edges", edges)):
        stem.with_suffix(suffix).write_text("".join(f"{u} {v}\n" for u, v in pairs))


@contextlib.contextmanager
def looking_for(what: str, wheel: Path) -> Iterator[None]:
    """Raises InputError, which names what is not inside, for a file that is no such wheel."""
    try:
        yield
    except (KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"has no {what} inside: {error}", path=wheel) from error
