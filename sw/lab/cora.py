"""Cora out of the wheel of graphdatascience: two text files, edges and labels."""

import zipfile
from pathlib import Path

import click

from .wheel import STEM, WHEEL, columns, looking_for, write_graph

__all__ = ["extract", "main"]


def extract(wheel: Path, stem: Path) -> None:
    """Write ``STEM.edges`` (``u v`` a line) and ``STEM.labels`` (``node class``).

    The wheel lists 5,429 citations among 2,708 papers; repeated and mutual ones are merged when the graph is read.
    Raises KeyError if the wheel has no Cora inside.
    """
    with zipfile.ZipFile(wheel) as archive:
        papers, subjects = columns(archive, "cora/cora_nodes", "nodeId", "subject")
        sources, targets = columns(archive, "cora/cora_rels", "sourceNodeId", "targetNodeId")
    write_graph(stem, zip(sources, targets, strict=True), zip(papers, subjects, strict=True))


@click.command("cora")
@WHEEL
@STEM
def main(wheel: Path, stem: Path) -> None:
    """Write STEM.edges and STEM.labels, Cora's citations and subjects, out of the WHEEL of graphdatascience."""
    with looking_for("Cora", wheel):
        extract(wheel, stem)
