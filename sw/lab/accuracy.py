"""Fixed point against float on a labelled graph: F1 of both over several seeds, from the same contexts."""

from pathlib import Path

import click
import numpy as np

from ..graph.readers import read_graph, read_labels
from ..oselm.estimator import Node2Vec
from ..oselm.evaluation import evaluate
from ..results.report import Result, write_report
from .baseline import float_embedding

__all__ = ["main"]


@click.command("accuracy")
@click.argument("graph_file", metavar="GRAPH", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("labels", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--json", "report", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there.")
def main(graph_file: Path, labels: Path, seeds: int, report: Path | None) -> None:
    """Train GRAPH with every seed on the golden model and by the float formula; print micro-F1 of both."""
    results = run(graph_file, labels, seeds)
    for result in results:
        click.echo(f"{result.name:36} {result.value:.4f}")
    if report is not None:
        write_report(report, results, graph=graph_file.name, seeds=list(range(seeds)))


def run(graph_file: Path, labels: Path, seeds: int) -> list[Result]:
    graph = read_graph(graph_file)
    classes = read_labels(labels, graph)
    rows, names = np.array([graph.index(node) for node in classes]), list(classes.values())
    scores = []
    for seed in range(seeds):
        estimator = Node2Vec(random_state=seed, verbose=True).fit(graph)
        pair = estimator.embedding_, float_embedding(estimator)
        scores.append([evaluate(vectors[rows], names).micro.mean() for vectors in pair])
    fixed, exact = np.transpose(scores)
    return [
        *(Result(f"accuracy.f1_micro.fixed.seed{i}", float(x), "F1", "higher") for i, x in enumerate(fixed)),
        *(Result(f"accuracy.f1_micro.float.seed{i}", float(x), "F1", "higher") for i, x in enumerate(exact)),
        Result("accuracy.f1_micro.fixed", float(fixed.mean()), "F1", "higher"),
        Result("accuracy.f1_micro.float", float(exact.mean()), "F1", "higher"),
        Result("accuracy.loss", float(exact.mean() - fixed.mean()), "F1", "lower"),
    ]
