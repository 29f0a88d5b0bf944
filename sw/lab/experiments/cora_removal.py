"""Cora with false edges, learned and then removed: does the model forget them?

A quarter as many edges as Cora has, between random nodes, are learned with it; then they are removed one after another,
with a walk from both ends of each (``Node2Vec.remove_edges``), and then come as many walks over the whole graph as
``fit`` makes (``Node2Vec.refresh``). F1 after each step is held against a model that has never seen them. False edges
and walks follow from the seed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...oselm.estimator import Node2Vec
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Measure, Options, Outcome, Plan, Point

__all__ = ["EXPERIMENT", "false_edges"]

#: False edges for each true one.
_SHARE = 0.25
#: Walks from both ends of a removed edge, and from each node afterwards.
_PER_END, _PER_NODE = 1, 10

_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "oselm": ({"negatives_from": "graph"}, "negatives from the graph"),
    "oselm-visits": ({"negatives_from": "visits"}, "negatives from visits^0.75"),
}


def false_edges(graph: Graph, n: int, seed: int) -> np.ndarray:
    """(n, 2) rows of different edges between random nodes that the graph does not have."""
    rng = np.random.default_rng(seed)
    known = {(u, v) for u, v in graph.edges()[0].tolist()}
    found: dict[tuple[int, int], None] = {}
    while len(found) < n:
        u, v = sorted(rng.integers(0, graph.n_nodes, 2).tolist())
        if u != v and (u, v) not in known:
            found[u, v] = None
    return np.array(list(found))


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    points = [
        Point(name, f"OS-ELM, {label}, D = 32", params, {"data": data.digest}, 60)
        for name, (params, label) in _SETTINGS.items()
        if name == "oselm" or options.full
    ]
    return Plan(points, data)


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    data = data.shuffled(seed)
    pairs, _ = data.graph.edges()
    false = false_edges(data.graph, round(_SHARE * len(pairs)), seed)
    ids = data.graph.ids
    clean = Node2Vec(**params, random_state=seed).fit(data.graph)
    muddled = Graph.from_rows(np.concatenate([pairs, false]), None, list(ids))
    model = Node2Vec(**params, random_state=seed).fit(muddled)
    with_false = data.f1(model.embedding_)
    removed = data.f1(model.remove_edges(ids[false], walks_per_end=_PER_END).embedding_)
    refreshed = data.f1(model.refresh(_PER_NODE).embedding_)
    return Outcome(
        {
            "clean.f1_micro": data.f1(clean.embedding_)["f1_micro"],
            "muddled.f1_micro": with_false["f1_micro"],
            "removed.f1_micro": removed["f1_micro"],
            "refreshed.f1_micro": refreshed["f1_micro"],
            "refreshed.f1_macro": refreshed["f1_macro"],
            "removals": len(false),
        }
    )


EXPERIMENT = Experiment(
    name="cora-removal",
    prefix="cora.removal",
    title="Cora with false edges that are learned and removed",
    seeds=3,
    plan=_plan,
    run=_run,
    measures={
        "clean.f1_micro": Measure("F1", "higher"),
        "muddled.f1_micro": Measure("F1", "higher"),
        "removed.f1_micro": Measure("F1", "higher"),
        "refreshed.f1_micro": Measure("F1", "higher"),
        "refreshed.f1_macro": Measure("F1", "higher"),
        "removals": Measure("edges"),
    },
    curves={},
)
