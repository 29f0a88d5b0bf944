"""Cora growing as in ``cora-growing``, edge by edge out of a forest: which walks should an update take?

The forest is learned with the defaults. Updates take so many walks from each end, with a return parameter p of their
own (``set_params`` before ``partial_fit``): the default of 0.5 often turns back, 4 seldom does.
"""

from collections.abc import Mapping
from typing import Any

from ...graph.forest import spanning_forest
from ...graph.graph import Graph
from ...oselm.estimator import Node2Vec
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Measure, Options, Outcome, Plan, Point

__all__ = ["EXPERIMENT"]

#: Walks an end, and p.
_SETTINGS = {"ends5-p4": (5, 4.0), "ends10-p4": (10, 4.0), "ends10": (10, 0.5), "ends5-p1": (5, 1.0)}
_FULL_ONLY = ("ends5-p1",)


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    points = [
        Point(
            name,
            f"updates of {per_end} walks an end, p = {p:g}",
            {"per_end": per_end, "p": p},
            {"data": data.digest},
            10,
        )
        for name, (per_end, p) in _SETTINGS.items()
        if options.full or name not in _FULL_ONLY
    ]
    return Plan(points, data)


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    forest, rest = spanning_forest(data.graph, seed)
    model = Node2Vec(random_state=seed).fit(Graph.from_rows(forest, None, list(data.graph.ids)))
    before = model.model_.walks
    model.set_params(p=params["p"])
    model.partial_fit(data.graph.ids[rest], walks_per_end=params["per_end"])
    score = data.f1(model.embedding_)
    walks = (model.model_.walks - before) / len(rest)
    return Outcome({**{f"grown.{name}": score[name] for name in cora.F1}, "walks_per_edge": walks})


EXPERIMENT = Experiment(
    name="cora-updates",
    prefix="cora.updates",
    title="Cora growing edge by edge: the walks of an update",
    seeds=3,
    plan=_plan,
    run=_run,
    measures={
        "grown.f1_micro": Measure("F1", "higher"),
        "grown.f1_macro": Measure("F1", "higher"),
        "walks_per_edge": Measure("walks", "lower"),
    },
    curves={},
)
