"""What the vectors lose where negatives come through a pool, as they have to with rows outside."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ....hw.boards.table import board
from ...graph.readers import read_graph, read_labels
from ...oselm.estimator import Node2Vec
from ...oselm.evaluation import evaluate
from ...results.report import Result

__all__ = ["quality"]


def quality(name: str, edges: Path, labels: Path, *, seeds: int, walks_per_node: int) -> Iterator[Result]:
    """Micro-F1 of the board's core on the golden model, which has all rows at hand: with its pool, and with negatives
    that are drawn for each context anew."""
    core, graph = board("ulx3s-85f-sdram").core, read_graph(edges)
    classes = read_labels(labels, graph)
    rows, names = np.array([graph.index(node) for node in classes]), list(classes.values())
    means = []
    for case, cfg, source in (
        (name, core, "pool"),
        (f"{name}_fresh", core.replace(slots=0, lists_outside=False), "graph"),
    ):
        scores = []
        for seed in range(seeds):
            how: dict[str, Any] = {"negatives_from": source, "walks_per_node": walks_per_node, "random_state": seed}
            estimator = Node2Vec(preset=cfg, **how).fit(graph)
            scores.append(float(evaluate(estimator.embedding_[rows], names).micro.mean()))
        yield Result(f"memory.f1_micro.{case}.runs", scores, "F1", "higher")
        means.append(float(np.mean(scores)))
        yield Result(f"memory.f1_micro.{case}", means[-1], "F1", "higher")
    yield Result(f"memory.f1_loss.{name}", means[1] - means[0], "F1", "lower")
    yield Result(f"memory.f1_walks.{name}", walks_per_node, "walks a node")
