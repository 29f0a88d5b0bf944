"""Cora growing: a spanning forest is learned, then every other edge is inserted, one at a time, in random order.

After each edge, 5 walks from both of its ends (or as many as a point says), on the graph as it is by then, are learned
at once, and nothing else: to ``Node2Vec.partial_fit`` a list is its edges one after another. F1 is taken on the forest
and after every tenth of the insertions, on the way over 3 tenths of the nodes. Forest, order and
walks follow from the seed and are the same for all learners.

In the points ``nodes-...`` nodes come instead: half of them, with the edges among them, are learned first, then the
others one at a time, each with all its edges to those that are there.
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
#: Tenths of the nodes that F1 is taken on, on the way.
_FOLDS = 3

#: Walks that seldom turn back, and rather leave than stay near.
_ONWARD = {"p": 4.0, "q": 0.5}
_OSELM = "OS-ELM with inflation, 18 bit, streaming"
_SETTINGS: dict[str, tuple[dict[str, Any], float, str]] = {
    "sgns": ({"learner": "sgns", **PUBLISHED}, 90, "SGNS trained on, gensim, float32"),
    "sgns-onward": (
        {"learner": "sgns", **PUBLISHED, **_ONWARD},
        90,
        "SGNS trained on, gensim, float32, p = 4, q = 0.5",
    ),
    "published": ({"learner": "float", **PUBLISHED}, 40, "OS-ELM as published, float64"),
    "oselm-no-inflation": (
        {"learner": "float", "inflation": 0.0, "update_p": None},
        35,
        "OS-ELM without inflation, 24 negatives a context, float64",
    ),
    "oselm": ({"learner": "fixed"}, 15, _OSELM),
    "constant-1.4": ({"learner": "fixed", "constant": 1.4}, 15, "constant gain 1.4, 18 bit, streaming"),
    "oselm-turning": ({"learner": "fixed", "update_p": None}, 15, f"{_OSELM}, walks around an edge as all others"),
    "oselm-onward": ({"learner": "fixed", **_ONWARD}, 15, f"{_OSELM}, p = 4, q = 0.5"),
    "oselm-onward-10": (
        {"learner": "fixed", "per_end": 10, **_ONWARD},
        20,
        f"{_OSELM}, p = 4, q = 0.5, 10 walks an end",
    ),
}
#: Only at D = 32.
_BY_NODES: dict[str, tuple[dict[str, Any], float, str]] = {
    f"nodes-{name}": ({**_SETTINGS[name][0], "arrival": "nodes"}, cost, f"{label}, nodes come")
    for name, (_, cost, label) in _SETTINGS.items()
    if name in ("oselm", "oselm-onward")
}


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    gensim, points = gensim_version(), []
    for name, (params, cost, label) in _SETTINGS.items():
        of_gensim = params["learner"] == "sgns"
        if of_gensim and gensim is None:
            continue
        stamp = {"data": data.digest, **({"gensim": gensim} if of_gensim else {})}
        for dim in (32, 64, 96) if options.full else (32,):
            points.append(
                Point(f"{name}.d{dim}", f"{label}, D = {dim}", {**params, "dim": dim}, stamp, cost * dim / 32)
            )
    for name, (params, cost, label) in _BY_NODES.items():
        points.append(Point(name, f"{label}, D = 32", {**params, "dim": 32}, {"data": data.digest}, cost))
    return Plan(points, data, {} if gensim else {"cora.growing.sgns": NO_GENSIM})


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    rest, data = dict(params), data.shuffled(seed)
    per_end, arrival = rest.pop("per_end", 5), rest.pop("arrival", "edges")
    if arrival == "nodes":
        return _by_nodes(rest, seed, data, per_end)
    return _by_edges(rest, seed, data, per_end)


def _by_nodes(params: Mapping[str, Any], seed: int, data: LabelledGraph, per_end: int) -> Outcome:
    """Nodes come in random order, the second half of them one at a time."""
    graph = data.graph
    order = np.random.default_rng(seed).permutation(graph.n_nodes)
    place = np.argsort(order)
    pairs = graph.edges()[0]
    arrives = place[pairs].max(1)
    half = graph.n_nodes // 2
    ids = graph.ids.tolist()
    first = [(ids[u], ids[v]) for u, v in pairs[arrives < half].tolist()]
    model = learner(params, seed).fit(Graph.from_edges(first, nodes=[ids[row] for row in order[:half].tolist()]))
    before = model.model_.walks
    later = pairs[arrives >= half][np.argsort(arrives[arrives >= half], kind="stable")]
    model.partial_fit([(ids[u], ids[v]) for u, v in later.tolist()], walks_per_end=per_end)
    score = data.f1(model.transform(ids))
    walks = (model.model_.walks - before) / len(later)
    grown = {f"grown.{name}": score[name] for name in cora.F1}
    return Outcome({**grown, "insertions": len(later), "walks_per_edge": walks})


def _by_edges(params: Mapping[str, Any], seed: int, data: LabelledGraph, per_end: int) -> Outcome:
    forest, rest = spanning_forest(data.graph, seed)
    start = Graph.from_rows(forest, None, list(data.graph.ids))
    model = learner(params, seed).fit(start)
    scores = [data.f1(model.embedding_)]
    before = model.model_.walks
    marks = np.linspace(0, len(rest), _STEPS + 1).round().astype(int)
    pairs = data.graph.ids[rest]
    for begin, end in pairwise(marks):
        model.partial_fit(pairs[begin:end], walks_per_end=per_end)
        scores.append(data.f1(model.embedding_, _FOLDS if end < len(rest) else cora.FOLDS))
    values = {
        "forest.f1_micro": scores[0]["f1_micro"],
        "grown.f1_micro": scores[-1]["f1_micro"],
        "grown.f1_macro": scores[-1]["f1_macro"],
        "insertions": len(rest),
        "walks_per_edge": (model.model_.walks - before) / len(rest),
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
        "walks_per_edge": Measure("walks", "lower"),
    },
    curves={name: Curve("F1", "edges inserted", "higher") for name in cora.F1},
)
