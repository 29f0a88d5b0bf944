"""Graphs that grow edge by edge: which walks should an update take?

A spanning forest, and all but ``_INSERTED`` of the other edges, are learned with the defaults; the rest is inserted one
at a time in random order. After each edge so many walks from each of its ends are learned, with a return parameter p of
their own (``update_p``): 0.5, that of all other walks, often turns back, 4 seldom does; q (``update_q``) is 1 unless a
point says otherwise. ``beside`` and ``anywhere`` let that many of the walks from each end start at neighbours of it, or
at any node, which rehearses old nodes; the walks of an edge are as many. ``constant`` is a gain in place of P,
``wide`` lets P grow to 6, ``onward`` takes walks with the p and q of the update from the start. Cora and blocks of
degree 16 begin as forests, denser graphs with most of their edges. ``whole`` is the graph at once.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...graph.forest import spanning_forest
from ...graph.graph import Graph
from ...oselm.estimator import Node2Vec
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Measure, Options, Outcome, Plan, Point
from .gain import BLOCK_MODELS, block_model
from .learners import WIDE, learner
from .walks_elsewhere import walks_elsewhere

__all__ = ["EXPERIMENT"]

_INSERTED = 20_000
#: Parameters, and for people.
_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "ends5-p0.5": ({"per_end": 5, "p": 0.5}, "5 walks an end, p = 0.5"),
    "ends5-p4": ({"per_end": 5, "p": 4.0}, "5 walks an end, p = 4"),
    "ends10-p0.5": ({"per_end": 10, "p": 0.5}, "10 walks an end, p = 0.5"),
    "ends10-p4": ({"per_end": 10, "p": 4.0}, "10 walks an end, p = 4"),
    "ends5-p4-q0.5": ({"per_end": 5, "p": 4.0, "q": 0.5}, "5 walks an end, p = 4, q = 0.5"),
    "ends10-p4-q0.5": ({"per_end": 10, "p": 4.0, "q": 0.5}, "10 walks an end, p = 4, q = 0.5"),
    "beside2-p4-q0.5": (
        {"per_end": 5, "p": 4.0, "q": 0.5, "beside": 2},
        "5 walks an end, 2 of them from its neighbours, p = 4, q = 0.5",
    ),
    "anywhere2-p4-q0.5": (
        {"per_end": 5, "p": 4.0, "q": 0.5, "anywhere": 2},
        "5 walks an end, 2 of them from anywhere, p = 4, q = 0.5",
    ),
    "onward-10": (
        {"per_end": 10, "p": 4.0, "q": 0.5, "onward": True},
        "10 walks an end, p = 4, q = 0.5 from the start",
    ),
    "wide": ({"per_end": 5, "p": 4.0, "wide": True}, "5 walks an end, p = 4, p0 = 6"),
    "constant-1.4": ({"per_end": 5, "p": 4.0, "constant": 1.4}, "5 walks an end, p = 4, constant gain 1.4"),
    "constant-2.8": ({"per_end": 5, "p": 4.0, "constant": 2.8}, "5 walks an end, p = 4, constant gain 2.8"),
}
#: On graphs other than Cora, unless ``full``.
_FEW = ("ends5-p0.5", "ends5-p4", "ends5-p4-q0.5", "constant-2.8")
_BLOCKS = ("blocks16", "blocks64")


def _plan(options: Options) -> Plan:
    data, skipped = cora.with_others(options, "updates")
    # Graph, its name for people, and seconds.
    where = [("cora", "Cora", 10.0), *((name, f"blocks, degree {BLOCK_MODELS[name][0]}", 30.0) for name in _BLOCKS)]
    where += [(name, cora.TITLES[name], 90.0) for name in ("photo", "imdb") if name in data]
    points = [
        Point(
            f"{graph}.{name}",
            f"{title}: {label}",
            {"graph": graph, **params},
            {"data": data[graph].digest} if graph in data else {},
            cost * params["per_end"] / 5,
        )
        for graph, title, cost in where
        for name, (params, label) in _SETTINGS.items()
        if options.full or graph == "cora" or name in _FEW
    ]
    return Plan(points, data, skipped)


def _run(params: Mapping[str, Any], seed: int, data: Mapping[str, LabelledGraph]) -> Outcome:
    name = params["graph"]
    labelled = data[name].shuffled(seed) if name in data else block_model(name, seed)
    graph = labelled.graph
    forest, rest = spanning_forest(graph, seed)
    # The forest's others come in the order in which they were drawn: the first of them from where the graph is dense.
    rest = np.random.default_rng((seed, 1)).permutation(rest)
    known, rest = np.concatenate([forest, rest[_INSERTED:]]), rest[:_INSERTED]
    model = _model(params, seed)
    whole = labelled.f1(model.fit(graph).embedding_)
    before = labelled.f1(model.fit(Graph.from_rows(known, None, list(graph.ids))).embedding_)
    walks = model.model_.walks
    model.set_params(update_p=params["p"], update_q=params.get("q"))
    model.partial_fit(graph.ids[rest], walks_per_end=params["per_end"])
    grown = labelled.f1(model.embedding_)
    stages = {"whole": whole, "before": before, "grown": grown}
    return Outcome(
        {
            **{f"{stage}.f1_micro": score["f1_micro"] for stage, score in stages.items()},
            "insertions": len(rest),
            "walks_per_edge": (model.model_.walks - walks) / len(rest),
        }
    )


def _model(params: Mapping[str, Any], seed: int) -> Node2Vec:
    """Untrained."""
    fit = {name: params[name] for name in ("p", "q") if "onward" in params}
    for where in ("beside", "anywhere"):
        if where in params:
            return walks_elsewhere(params[where], where == "beside", **fit, random_state=seed)
    gain = {"constant": params["constant"]} if "constant" in params else WIDE if "wide" in params else {}
    return learner({"learner": "fixed", **fit, **gain}, seed)


EXPERIMENT = Experiment(
    name="updates",
    prefix="updates",
    title="Graphs growing edge by edge: the walks of an update",
    seeds=3,
    plan=_plan,
    run=_run,
    measures={
        "whole.f1_micro": Measure("F1", "higher"),
        "before.f1_micro": Measure("F1", "higher"),
        "grown.f1_micro": Measure("F1", "higher"),
        "insertions": Measure("edges", None),
        "walks_per_edge": Measure("walks", "lower"),
    },
    curves={},
)
