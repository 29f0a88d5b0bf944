"""The embedding before, at the beginning of and after training, in two dimensions: data for the report's pictures.

    skipwalk lab embedding build/demo/cora.edges build/demo/cora.labels --json results/embedding.json

A fixed share of every class is shown. Each stage is laid out by t-SNE with the same settings and the same start, so
that what differs is the vectors.
"""

from pathlib import Path

import click
import numpy as np

from ...sim.oselm.front_end.threefry import STREAM_ROWS, seed_key
from ...sim.oselm.graph.rows import first_values
from ..errors import InputError
from ..graph.readers import read_graph, read_labels
from ..oselm.estimator import Node2Vec
from ..oselm.evaluation import evaluate
from ..results.report import Result, write_report

__all__ = ["layout", "main", "run", "sample"]


@click.command("embedding")
@click.argument("graph_file", metavar="GRAPH", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("labels", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--nodes", type=click.IntRange(min=10), default=400, show_default=True, help="How many are shown.")
@click.option("--rounds", type=click.IntRange(min=1), default=10, show_default=True, help="Walks from each node.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--json", "report", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(graph_file: Path, labels: Path, nodes: int, rounds: int, seed: int, report: Path) -> None:
    """Train GRAPH on the golden model and write where its nodes lie before, after one round of walks, and after all."""
    results = run(graph_file, labels, nodes=nodes, rounds=rounds, seed=seed)
    write_report(report, results, graph=graph_file.name, seed=seed)


def run(graph_file: Path, labels: Path, *, nodes: int, rounds: int, seed: int) -> list[Result]:
    """Coordinates of the shown nodes and F1 of all, at every stage. Raises InputError for files that cannot be used.

    Coordinates are one text ``x,y x,y ...`` a stage, rounded to whole thousandths of the picture; classes are one text
    of numbers, in the same order.
    """
    graph = read_graph(graph_file)
    known = read_labels(labels, graph)
    rows = np.array([graph.index(node) for node in known])
    names, classes = np.unique([str(name) for name in known.values()], return_inverse=True)
    if len(rows) < nodes:
        raise InputError(f"{labels}: {len(rows)} nodes have a class, fewer than the {nodes} to be shown")
    shown = sample(classes, nodes, seed)
    results = [
        Result("embedding.classes", " ".join(map(str, classes[shown])), "number of the class"),
        Result("embedding.class_names", " | ".join(names), "classes, by number"),
    ]
    for stage in (0, 1, rounds):
        model = Node2Vec(random_state=seed, walks_per_node=max(1, stage), verbose=True)
        if not stage:
            core = model.core_config()
            scale = round(model.init_scale / core.beta.step)
            vectors = first_values(int(seed_key(seed, STREAM_ROWS)), 0, graph.n_nodes, core.dim, scale) * core.beta.step
        else:
            vectors = model.fit(graph).embedding_
        score = float(evaluate(vectors[rows], names[classes]).micro.mean())
        places = " ".join(f"{x},{y}" for x, y in layout(vectors[rows][shown]))
        results += [
            Result(f"embedding.walks_{stage}.points", places, "thousandths"),
            Result(f"embedding.walks_{stage}.f1_micro", score, "F1", "higher"),
        ]
    return results


def sample(classes: np.ndarray, n: int, seed: int) -> np.ndarray:
    """(n,) indices, of each class its share (largest remainders), in random order."""
    counts = np.bincount(classes)
    exact = n * counts / counts.sum()
    take = np.floor(exact).astype(int)
    take[np.argsort(take - exact, kind="stable")[: n - take.sum()]] += 1
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.flatnonzero(classes == c))[:k] for c, k in enumerate(take)]
    return rng.permutation(np.concatenate(chosen))


def layout(vectors: np.ndarray) -> np.ndarray:
    """(n, 2) integers 0 ... 1000: t-SNE of the vectors' directions, from a start by PCA."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    with threadpool_limits(1):
        perplexity = min(30.0, (len(unit) - 1) / 3)
        places = TSNE(init="pca", perplexity=perplexity, random_state=0).fit_transform(unit)
    low, high = places.min(axis=0), places.max(axis=0)
    span = max(float((high - low).max()), 1e-9)
    return np.rint(500 + (places - (low + high) / 2) / span * 1000).astype(int)
