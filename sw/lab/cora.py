"""Cora out of the wheel of graphdatascience: two text files, edges and labels, without installing that package."""

import io
import zipfile
from pathlib import Path

import click
import pyarrow.parquet

from ..errors import InputError

__all__ = ["extract", "main"]

_FOLDER = "graphdatascience/resources/cora"


def extract(wheel: Path, stem: Path) -> None:
    """Write ``STEM.edges`` (``u v`` a line) and ``STEM.labels`` (``node class``).

    The wheel lists 5,429 citations among 2,708 papers; repeated and mutual ones are merged when the graph is read.
    Raises KeyError if the wheel has no Cora inside.
    """
    with zipfile.ZipFile(wheel) as archive:
        nodes, edges = (
            pyarrow.parquet.read_table(io.BytesIO(archive.read(f"{_FOLDER}/cora_{name}.parquet.gzip")))
            for name in ("nodes", "rels")
        )
    pairs = zip(edges["sourceNodeId"].to_pylist(), edges["targetNodeId"].to_pylist(), strict=True)
    labels = zip(nodes["nodeId"].to_pylist(), nodes["subject"].to_pylist(), strict=True)
    stem.with_suffix(".labels").write_text("".join(f"{node} {label}\n" for node, label in labels))
    stem.with_suffix(".edges").write_text("".join(f"{u} {v}\n" for u, v in pairs))


@click.command("cora")
@click.argument("wheel", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("stem", type=click.Path(path_type=Path))
def main(wheel: Path, stem: Path) -> None:
    """Write STEM.edges and STEM.labels, Cora's citations and subjects, out of the WHEEL of graphdatascience."""
    try:
        extract(wheel, stem)
    except (KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"has no Cora inside: {error}", path=wheel) from error
