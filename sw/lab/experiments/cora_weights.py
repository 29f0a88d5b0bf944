"""Cora's edges with other weights than before: do vectors follow?

All edges have weight 1 when the graph is learned. Then a fifth of them, none of a spanning forest, becomes ten times as
heavy, and as many others a tenth as heavy, in turns, one edge at a time (``Node2Vec.partial_fit`` with weights), with
walks from both ends of each. Whether vectors follow is the AUC of the heavier edges against the lighter ones, by
cosine: 0.5 while they look alike. ``anew`` is a model that has learned the new weights from the start.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...graph.forest import spanning_forest
from ...graph.graph import Graph
from ...oselm.estimator import Node2Vec
from . import cora
from .cora import LabelledGraph
from .cora_forgetting import auc
from .experiment import Experiment, Measure, Options, Outcome, Plan, Point

__all__ = ["EXPERIMENT"]

#: Of all edges, those that become heavier, and as many lighter.
_SHARE = 0.2
_TIMES = 10.0
_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "oselm": ({"per_end": 5}, "5 walks an end"),
    "oselm-10": ({"per_end": 10}, "10 walks an end"),
}


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    stamp = {"data": data.digest}
    points = [Point(name, f"OS-ELM, {label}, D = 32", params, stamp, 20) for name, (params, label) in _SETTINGS.items()]
    return Plan(points, data)


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    data = data.shuffled(seed)
    graph, rest = data.graph, dict(params)
    per_end = rest.pop("per_end")
    forest, loose = spanning_forest(graph, seed)
    n = min(round(_SHARE * graph.n_edges), len(loose) // 2)
    heavier, lighter = loose[:n], loose[n : 2 * n]
    changed = np.stack([heavier, lighter], 1).reshape(-1, 2)
    weights = np.tile([_TIMES, 1 / _TIMES], n)
    edges = np.concatenate([changed, loose[2 * n :], forest])
    model = Node2Vec(**rest, random_state=seed).fit(Graph.from_rows(edges, None, list(graph.ids)))
    values: dict[str, float] = {"changes": 2 * n}

    def take(when: str, vectors: np.ndarray) -> None:
        values[f"{when}.auc"] = auc(vectors, heavier, lighter)
        values[f"{when}.f1_micro"] = data.f1(vectors)["f1_micro"]

    take("before", model.embedding_)
    model.partial_fit(graph.ids[changed], weights, walks_per_end=per_end)
    take("changed", model.embedding_)
    after = Graph.from_rows(edges, np.concatenate([weights, np.ones(len(edges) - 2 * n)]), list(graph.ids))
    take("anew", Node2Vec(**rest, random_state=seed).fit(after).embedding_)
    return Outcome(values)


EXPERIMENT = Experiment(
    name="cora-weights",
    prefix="cora.weights",
    title="Cora's edges with other weights than before",
    seeds=3,
    plan=_plan,
    run=_run,
    measures={
        **{f"{when}.auc": Measure("AUC", "higher") for when in ("before", "changed", "anew")},
        **{f"{when}.f1_micro": Measure("F1", "higher") for when in ("before", "changed", "anew")},
        "changes": Measure("edges"),
    },
    curves={},
)
