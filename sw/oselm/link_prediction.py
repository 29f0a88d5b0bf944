"""How well vectors tell edges that they have not seen from pairs that are none.

A share of the edges is hidden, none of a spanning forest, so that the rest is as connected as the whole graph. What is
learned from the rest then ranks the hidden edges against as many *non-edges*:

- ``uniform``: pairs of any two nodes. Hidden edges join busier nodes than these, so that counting neighbours alone is a
  good guess.
- ``matched``: the ends of the hidden edges, joined otherwise. Every node is in as many non-edges as hidden edges, and
  what is ranked is who belongs together.

AUC and average precision are scikit-learn's, Adamic-Adar and preferential attachment networkx's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import networkx as nx
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from ..errors import InputError
from ..graph.forest import spanning_forest
from ..graph.graph import Graph

__all__ = [
    "BASELINES",
    "NON_EDGES",
    "SCORES",
    "HiddenLinks",
    "Ranking",
    "hide_links",
    "rank_by_graph",
    "rank_by_vectors",
]

#: Sorts of non-edges.
NON_EDGES = ("matched", "uniform")
#: How two vectors become a score: logistic regression on their Hadamard product, or their product or cosine as it is.
SCORES = ("hadamard", "dot", "cosine")
#: What the graph itself says, without vectors.
BASELINES = ("adamic-adar", "preferential-attachment")

#: Rounds in which pairs are drawn until all are non-edges.
_ROUNDS = 200


class Ranking(NamedTuple):
    """How well hidden edges rank before non-edges; 0.5 is chance for both."""

    auc: float
    average_precision: float


@dataclass(frozen=True)
class HiddenLinks:
    """What a ranking is trained on and tested with; pairs of rows, (n, 2) int64.

    Attributes
    ----------
    kept : Graph
        Without the hidden edges; rows and ids are those of the whole graph.
    hidden, non_edges : ndarray
        As many of one as of the other. No non-edge is an edge of the whole graph.
    train_edges, train_non_edges : ndarray
        For a classifier: the edges of ``kept``, and as many pairs that are none of its edges.
    """

    kept: Graph
    hidden: np.ndarray
    non_edges: np.ndarray
    train_edges: np.ndarray
    train_non_edges: np.ndarray


def hide_links(graph: Graph, *, share: float = 0.25, non_edges: str = "matched", seed: int = 0) -> HiddenLinks:
    """Hide a ``share`` of the edges, and draw non-edges of one of the sorts :data:`NON_EDGES`.

    Raises InputError if a spanning forest leaves fewer edges to hide, or the graph has too few non-edges, and
    ValueError for a share or sort that is none.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share of hidden edges must be between 0 and 1, not {share}")
    if non_edges not in NON_EDGES:
        raise ValueError(f"non-edges must be one of {', '.join(NON_EDGES)}, not {non_edges!r}")
    rng = np.random.default_rng([seed, 1])
    forest, rest = spanning_forest(graph, seed)
    n = max(1, round(share * graph.n_edges))
    if n > len(rest):
        raise InputError(
            f"{n} of {graph.n_edges} edges cannot be hidden: a spanning forest needs {len(forest)} of them; "
            f"hide at most {len(rest)}"
        )
    hidden = rest[:n].astype(np.int64)
    pairs, weights = graph.edges()
    stays = ~np.isin(_keys(pairs, graph.n_nodes), _keys(hidden, graph.n_nodes))
    kept = Graph.from_rows(pairs[stays], None if weights is None else weights[stays], list(graph.ids))
    edges = pairs[stays].astype(np.int64)
    draw = _matched if non_edges == "matched" else _uniform
    return HiddenLinks(kept, hidden, draw(graph, hidden, rng), edges, draw(kept, edges, rng))


def rank_by_vectors(vectors: np.ndarray, links: HiddenLinks) -> dict[str, Ranking]:
    """Rank by vectors (n_nodes, dim), in the order of the graph's rows: one :class:`Ranking` for each of
    :data:`SCORES`."""
    vectors = np.asarray(vectors, np.float64)
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    train = np.concatenate([links.train_edges, links.train_non_edges])
    labels = np.repeat([1, 0], [len(links.train_edges), len(links.train_non_edges)])
    with threadpool_limits(1):
        model.fit(_products(vectors, train), labels)
    scores: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "hadamard": lambda pairs: model.decision_function(_products(vectors, pairs)),
        "dot": lambda pairs: _products(vectors, pairs).sum(1),
        "cosine": lambda pairs: _products(units, pairs).sum(1),
    }
    return {name: _ranking(scores[name](links.hidden), scores[name](links.non_edges)) for name in SCORES}


def rank_by_graph(links: HiddenLinks) -> dict[str, Ranking]:
    """Rank by the edges that were kept, without vectors: one :class:`Ranking` for each of :data:`BASELINES`."""
    g = nx.Graph()
    g.add_nodes_from(range(links.kept.n_nodes))
    g.add_edges_from(links.train_edges.tolist())
    indices = {"adamic-adar": nx.adamic_adar_index, "preferential-attachment": nx.preferential_attachment}

    def scores(name: str, pairs: np.ndarray) -> np.ndarray:
        return np.array([score for _, _, score in indices[name](g, pairs.tolist())])

    return {name: _ranking(scores(name, links.hidden), scores(name, links.non_edges)) for name in BASELINES}


def _ranking(hidden: np.ndarray, others: np.ndarray) -> Ranking:
    truth = np.repeat([1, 0], [len(hidden), len(others)])
    scores = np.concatenate([hidden, others])
    return Ranking(float(roc_auc_score(truth, scores)), float(average_precision_score(truth, scores)))


def _products(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return vectors[pairs[:, 0]] * vectors[pairs[:, 1]]


# ---- non-edges
def _keys(pairs: np.ndarray, n_nodes: int) -> np.ndarray:
    """A number for each pair, whichever way round."""
    low, high = pairs.min(1).astype(np.int64), pairs.max(1).astype(np.int64)
    return low * n_nodes + high


def _unfit(pairs: np.ndarray, taken: np.ndarray, n_nodes: int) -> np.ndarray:
    """Which pairs are a node with itself, an edge, or as an earlier one."""
    keys = _keys(pairs, n_nodes)
    again = np.ones(len(keys), bool)
    again[np.unique(keys, return_index=True)[1]] = False
    return (pairs[:, 0] == pairs[:, 1]) | np.isin(keys, taken) | again


def _uniform(graph: Graph, like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many different non-edges as ``like`` has pairs, of any two nodes."""
    taken = _keys(graph.edges()[0], graph.n_nodes)
    pairs = rng.integers(0, graph.n_nodes, (len(like), 2))
    for _ in range(_ROUNDS):
        bad = np.flatnonzero(_unfit(pairs, taken, graph.n_nodes))
        if not len(bad):
            return pairs
        pairs[bad] = rng.integers(0, graph.n_nodes, (len(bad), 2))
    raise InputError(f"the graph has too few pairs that are no edges for {len(like)} of them; hide fewer edges")


def _matched(graph: Graph, like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many different non-edges as ``like`` has pairs, of the same ends joined otherwise: unfit pairs swap an end
    with any other pair until none is unfit."""
    taken = _keys(graph.edges()[0], graph.n_nodes)
    pairs = np.stack([like[:, 0], rng.permutation(like[:, 1])], 1)
    flip = rng.random(len(pairs)) < 0.5
    pairs[flip] = pairs[flip, ::-1]
    for _ in range(_ROUNDS):
        bad = np.flatnonzero(_unfit(pairs, taken, graph.n_nodes))
        if not len(bad):
            return pairs
        for one, other in zip(bad.tolist(), rng.integers(0, len(pairs), len(bad)).tolist(), strict=True):
            pairs[[one, other], 1] = pairs[[other, one], 1]
    raise InputError(f"the ends of {len(like)} edges cannot be joined to non-edges; choose uniform ones")
