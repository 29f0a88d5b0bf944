"""The labelled graphs that the OS-ELM experiments learn, and how well vectors know their classes."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...graph.graph import Graph
from ...graph.readers import read_graph, read_labels
from ...oselm.evaluation import evaluate
from .experiment import Measure, Options

__all__ = ["F1", "FOLDS", "TITLES", "LabelledGraph", "imdb", "load", "photo", "with_others"]

#: For people.
TITLES = {"cora": "Cora", "photo": "Amazon Photo", "imdb": "IMDB"}
#: Tenths that F1 is a mean over.
FOLDS = 10
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

    def f1(self, vectors: np.ndarray, folds: int = FOLDS) -> dict[str, float]:
        """Mean micro- and macro-F1 over ``folds`` tenths of the labelled nodes, each tested on what the others taught.
        Which node is in which follows from the order of ``rows``."""
        scores = evaluate(vectors[self.rows], self.classes, repeats=folds, folds=True)
        return {"f1_micro": float(scores.micro.mean()), "f1_macro": float(scores.macro.mean())}

    def shuffled(self, seed: int) -> "LabelledGraph":
        """The same graph as another file would list it: edges in another order, either end first, and labels too.

        So a mean over seeds is one over such orders, which draw other walks, and over ways to cut nodes into tenths.
        """
        rng, ids = np.random.default_rng(seed), self.graph.ids
        pairs, weights = self.graph.edges()
        order = rng.permutation(len(pairs))
        listed = ids[rng.permuted(pairs[order], axis=1)].tolist()
        graph = Graph.from_edges(
            listed, None if weights is None else weights[order], nodes=rng.permutation(ids).tolist()
        )
        labels = rng.permutation(len(self.rows))
        rows = np.array([graph.index(node) for node in ids[self.rows[labels]].tolist()])
        return LabelledGraph(graph, rows, self.classes[labels])


def load(options: Options) -> LabelledGraph:
    """Cora, or the graph that the user names. Raises InputError if graph or labels cannot be read."""
    graph = read_graph(options.graph)
    labels = read_labels(options.labels, graph)
    return LabelledGraph(graph, np.array([graph.index(node) for node in labels]), np.array(list(labels.values())))


def with_others(options: Options, prefix: str) -> tuple[dict[str, LabelledGraph], dict[str, str]]:
    """Cora, and Amazon Photo and IMDB where they are; and what is left out, as ``PREFIX.photo``, and why."""
    data, skipped = {"cora": load(options)}, {}
    for name, read in (("photo", photo), ("imdb", lambda: imdb(options))):
        try:
            data[name] = read()
        except InputError as error:
            skipped[f"{prefix}.{name}"] = str(error)
    return data, skipped


def imdb(options: Options) -> LabelledGraph:
    """4,661 films, their directors and actors, and in which of 3 genres 2,939 of the films are.

    ``imdb.edges`` and ``imdb.labels`` in the folder of the user's graph, where ``make experiments`` puts both. Raises
    InputError if they are not there.
    """
    edges = options.graph.parent / "imdb.edges"
    if not edges.is_file():
        raise InputError("no films there; `skipwalk lab imdb` writes them, out of the wheel with Cora", path=edges)
    return load(Options(edges, edges.with_suffix(".labels")))


def photo() -> LabelledGraph:
    """Amazon Photo: which of 7,650 photo articles are bought together, and in which of 8 categories they are.

    ``edges.txt`` and ``labels.txt`` in the folder ``amazon_photo`` of $SKIPWALK_DATA, or of ``../shared/data`` beside a
    checkout. The 115 nodes without an edge are left out. Raises InputError if the files are not there.
    """
    root = Path(os.environ.get("SKIPWALK_DATA") or Path(__file__).resolve().parents[3] / ".." / "shared" / "data")
    folder = root / "amazon_photo"
    if not folder.is_dir():
        raise InputError("no Amazon Photo there; set SKIPWALK_DATA to the folder above amazon_photo", path=folder)
    graph = read_graph(folder / "edges.txt")
    known = set(graph.ids)
    labels = np.loadtxt(folder / "labels.txt", int).tolist()
    rows = {graph.index(node): str(category) for node, category in labels if node in known}
    return LabelledGraph(graph, np.array(list(rows)), np.array(list(rows.values())))
