"""Cora growing: a spanning forest is learned, then every other edge is inserted, one at a time, in random order.

After each edge, 5 walks from both of its ends, on the graph as it is by then, are learned at once, and nothing else
(``Node2Vec.partial_fit``). F1 is taken on the forest and after every tenth of the insertions. Forest, order and walks
follow from the seed and are the same for all learners.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from ...graph.forest import spanning_forest
from ...graph.graph import Graph
from . import cora
from .cora import LabelledGraph
from .experiment import Curve, Experiment, Measure, Options, Outcome, Plan, Point
from .learners import NO_GENSIM, PUBLISHED, gensim_version, learner

__all__ = ["EXPERIMENT"]

#: Points of the curve, the forest not counted.
_STEPS = 10

_SETTINGS: dict[str, tuple[dict[str, Any], float, str]] = {
    "sgns": ({"learner": "sgns", **PUBLISHED}, 90, "SGNS trained on, gensim, float32"),
    "published": ({"learner": "float", **PUBLISHED}, 40, "OS-ELM as published, float64"),
    "oselm-no-inflation": (
        {"learner": "float", "inflation": 0.0},
        35,
        "OS-ELM without inflation, 24 negatives a context, float64",
    ),
    "oselm": ({"learner": "fixed"}, 45, "OS-ELM with inflation, 18 bit, streaming"),
}


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    gensim, points = gensim_version(), []
    for name, (params, cost, label) in _SETTINGS.items():
        if name == "sgns" and gensim is None:
            continue
        stamp = {"data": data.digest, **({"gensim": gensim} if name == "sgns" else {})}
        for dim in (32, 64, 96) if options.full else (32,):
            points.append(
                Point(f"{name}.d{dim}", f"{label}, D = {dim}", {**params, "dim": dim}, stamp, cost * dim / 32)
            )
    return Plan(points, data, {} if gensim else {"cora.growing.sgns": NO_GENSIM})


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    forest, rest = spanning_forest(data.graph, seed)
    start = Graph.from_rows(forest, None, list(data.graph.ids))
    model = learner(params, seed).fit(start)
    scores = [data.f1(model.embedding_)]
    marks = np.linspace(0, len(rest), _STEPS + 1).round().astype(int)
    pairs = data.graph.ids[rest]
    for begin, end in pairwise(marks):
        for pair in pairs[begin:end]:
            model.partial_fit([tuple(pair)])
        scores.append(data.f1(model.embedding_))
    values = {
        "forest.f1_micro": scores[0]["f1_micro"],
        "grown.f1_micro": scores[-1]["f1_micro"],
        "grown.f1_macro": scores[-1]["f1_macro"],
        "insertions": len(rest),
    }
    x = marks.tolist()
    return Outcome(values, {name: (x, [score[name] for score in scores]) for name in cora.F1})


EXPERIMENT = Experiment(
    name="cora-growing",
    prefix="cora.growing",
    title="Cora growing edge by edge from a spanning forest",
    seeds=3,
    plan=_plan,
    run=_run,
    measures={
        "forest.f1_micro": Measure("F1", "higher"),
        "grown.f1_micro": Measure("F1", "higher"),
        "grown.f1_macro": Measure("F1", "higher"),
        "insertions": Measure("edges"),
    },
    curves={name: Curve("F1", "edges inserted", "higher") for name in cora.F1},
)
