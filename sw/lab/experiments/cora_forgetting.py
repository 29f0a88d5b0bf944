"""Cora losing edges and getting them back: are old links forgotten, and what is learned again?

A fifth of the edges, none of a spanning forest, is removed one after another, then inserted again, with walks from both
ends of each (``Node2Vec.remove_edges`` and ``partial_fit``). Whether a link is remembered is the AUC of the removed
edges against as many others, which stayed and are none of the forest either, by cosine: 0.5 while both are edges, and
less the better the removed ones are forgotten. Edges and walks follow from the seed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from ...graph.forest import spanning_forest
from ...oselm.estimator import Node2Vec
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Measure, Options, Outcome, Plan, Point

__all__ = ["EXPERIMENT", "auc"]

#: Of all edges, those that go.
_SHARE = 0.2

_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "oselm": ({"per_end": 5}, "5 walks an end"),
    "oselm-1": ({"per_end": 1}, "1 walk an end"),
    "oselm-onward": ({"per_end": 5, "p": 4.0, "q": 0.5}, "5 walks an end, p = 4, q = 0.5"),
}


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    stamp = {"data": data.digest}
    points = [Point(name, f"OS-ELM, {label}, D = 32", params, stamp, 20) for name, (params, label) in _SETTINGS.items()]
    return Plan(points, data)


def auc(vectors: np.ndarray, removed: np.ndarray, stayed: np.ndarray) -> float:
    """Of pairs of rows (n, 2) against others (m, 2), ranked by the cosine of their vectors."""
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    pairs = np.concatenate([removed, stayed])
    truth = np.repeat([1, 0], [len(removed), len(stayed)])
    return float(roc_auc_score(truth, (units[pairs[:, 0]] * units[pairs[:, 1]]).sum(1)))


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    data = data.shuffled(seed)
    rest = dict(params)
    per_end = rest.pop("per_end")
    _, loose = spanning_forest(data.graph, seed)
    n = min(round(_SHARE * data.graph.n_edges), len(loose) // 2)
    removed, stayed = loose[:n], loose[n : 2 * n]
    edges = data.graph.ids[removed]
    model = Node2Vec(**rest, random_state=seed).fit(data.graph)
    values: dict[str, float] = {"removals": n}

    def take(when: str) -> None:
        values[f"{when}.auc"] = auc(model.embedding_, removed, stayed)
        values[f"{when}.f1_micro"] = data.f1(model.embedding_)["f1_micro"]

    take("before")
    model.remove_edges(edges, walks_per_end=per_end)
    take("removed")
    model.partial_fit(edges, walks_per_end=per_end)
    take("back")
    return Outcome(values)


EXPERIMENT = Experiment(
    name="cora-forgetting",
    prefix="cora.forgetting",
    title="Cora losing a fifth of its edges, and getting them back",
    seeds=3,
    plan=_plan,
    run=_run,
    measures={
        "before.auc": Measure("AUC"),
        "removed.auc": Measure("AUC", "lower"),
        "back.auc": Measure("AUC", "higher"),
        "before.f1_micro": Measure("F1", "higher"),
        "removed.f1_micro": Measure("F1", "higher"),
        "back.f1_micro": Measure("F1", "higher"),
        "removals": Measure("edges"),
    },
    curves={},
)
