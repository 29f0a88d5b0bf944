"""Edges that were hidden: how well vectors rank them before pairs that are none.

A quarter of the edges is hidden, none of a spanning forest; the rest is learned as in ``cora-static``, others than
Cora as in ``other-graphs``. ``constant-G`` is OS-ELM's default with a constant gain G in place of P. Non-edges are
the ends of the hidden edges joined otherwise (``matched``), or pairs of any two nodes (``uniform``); see
:mod:`skipwalk.sw.oselm.link_prediction`. ``graph`` ranks without vectors, by the edges that were kept: by Adamic-Adar
and by preferential attachment. ``sgns-5`` (with ``full``) passes five times over its walks. What is hidden, non-edges
and walks follow from the seed, the same for all.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

from ...oselm.link_prediction import BASELINES, NON_EDGES, SCORES, hide_links, rank_by_graph, rank_by_vectors
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Measure, Options, Outcome, Plan, Point
from .learners import NO_GENSIM, PUBLISHED, gensim_version, learner

__all__ = ["EXPERIMENT"]

_SETTINGS: dict[str, tuple[dict[str, Any], float, str]] = {
    "graph": ({}, 2, "the graph alone"),
    "sgns": ({"learner": "sgns", **PUBLISHED}, 20, "node2vec SGNS, gensim, float32"),
    "sgns-5": ({"learner": "sgns", "epochs": 5, **PUBLISHED}, 90, "node2vec SGNS, gensim, float32, five passes"),
    "oselm": ({"learner": "fixed"}, 6, "OS-ELM with inflation, 18 bit, streaming"),
    "constant-0.7": ({"learner": "fixed", "constant": 0.7}, 6, "constant gain 0.7, 18 bit, streaming"),
    "constant-1.4": ({"learner": "fixed", "constant": 1.4}, 6, "constant gain 1.4, 18 bit, streaming"),
    "constant-2.8": ({"learner": "fixed", "constant": 2.8}, 6, "constant gain 2.8, 18 bit, streaming"),
}
#: Walks a node of each, and how many times as long as Cora it takes.
_GRAPHS = {"cora": (10, 1), "photo": (4, 5), "imdb": (4, 4)}


def _plan(options: Options) -> Plan:
    data, skipped = cora.with_others(options, "links")
    gensim, points = gensim_version(), []
    for (graph, labelled), (name, (params, cost, label)) in product(data.items(), _SETTINGS.items()):
        of_gensim = name.startswith("sgns")
        if (of_gensim and gensim is None) or (name == "sgns-5" and not options.full):
            continue
        walks, times = _GRAPHS[graph]
        stamp = {"data": labelled.digest, **({"gensim": gensim} if of_gensim else {})}
        own = {**params, "dim": 32, "walks_per_node": walks} if params else {}
        points.append(
            Point(f"{graph}.{name}", f"{cora.TITLES[graph]}: {label}", {"graph": graph, **own}, stamp, cost * times)
        )
    return Plan(points, data, skipped if gensim else {**skipped, "links.sgns": NO_GENSIM})


def _run(params: Mapping[str, Any], seed: int, data: Mapping[str, LabelledGraph]) -> Outcome:
    rest = dict(params)
    graph = data[rest.pop("graph")].shuffled(seed).graph
    values: dict[str, float] = {}
    vectors = None
    for sort in NON_EDGES:
        links = hide_links(graph, non_edges=sort, seed=seed)
        if not rest:
            ranked = rank_by_graph(links)
        else:
            # What is hidden, and so what is learned, does not depend on the sort.
            if vectors is None:
                vectors = learner(rest, seed).fit(links.kept).embedding_
            ranked = rank_by_vectors(vectors, links)
        for name, ranking in ranked.items():
            values[f"{sort}.{name}.auc"] = ranking.auc
            values[f"{sort}.{name}.average_precision"] = ranking.average_precision
    return Outcome(values)


EXPERIMENT = Experiment(
    name="links",
    prefix="links",
    title="Hidden edges against pairs that are none",
    seeds=3,
    plan=_plan,
    run=_run,
    measures={
        f"{sort}.{name}.{measure}": Measure(measure.upper() if measure == "auc" else "average precision", "higher")
        for sort in NON_EDGES
        for name in (*SCORES, *BASELINES)
        for measure in ("auc", "average_precision")
    },
    curves={},
)
