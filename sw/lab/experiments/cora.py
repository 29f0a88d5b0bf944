"""The labelled graph that the OS-ELM experiments learn, and how well vectors know its classes."""

import hashlib
from dataclasses import dataclass

import numpy as np

from ...graph.graph import Graph
from ...graph.readers import read_graph, read_labels
from ...oselm.evaluation import evaluate
from .experiment import Measure, Options

__all__ = ["F1", "LabelledGraph", "load"]

#: What each of them measures.
F1 = {"f1_micro": Measure("F1", "higher"), "f1_macro": Measure("F1", "higher")}


@dataclass(frozen=True)
class LabelledGraph:
    """A graph, the rows of its labelled nodes (m,), and their classes (m,)."""

    graph: Graph
    rows: np.ndarray
    classes: np.ndarray

    @property
    def digest(self) -> str:
        """16 hex digits over the graph and its labels."""
        h = hashlib.sha256(self.graph.digest.encode())
        h.update("\0".join(f"{row} {name}" for row, name in zip(self.rows, self.classes, strict=True)).encode())
        return h.hexdigest()[:16]

    def f1(self, vectors: np.ndarray) -> dict[str, float]:
        """Mean micro- and macro-F1 over 10 splits, 90 % to train and 10 % to test; the same splits for every seed."""
        scores = evaluate(vectors[self.rows], self.classes)
        return {"f1_micro": float(scores.micro.mean()), "f1_macro": float(scores.macro.mean())}


def load(options: Options) -> LabelledGraph:
    """Read graph and labels. Raises InputError if one of them cannot be read."""
    graph = read_graph(options.graph)
    labels = read_labels(options.labels, graph)
    return LabelledGraph(graph, np.array([graph.index(node) for node in labels]), np.array(list(labels.values())))
