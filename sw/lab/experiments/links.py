"""Edges that were hidden: how well vectors rank them before pairs that are none.

A quarter of Cora's edges is hidden, none of a spanning forest; the rest is learned as in ``cora-static``. Non-edges are
the ends of the hidden edges joined otherwise (``matched``), or pairs of any two nodes (``uniform``); see
:mod:`skipwalk.sw.oselm.link_prediction`. ``graph`` ranks without vectors, by the edges that were kept: by Adamic-Adar
and by preferential attachment. ``sgns-5`` (with ``full``) passes five times over its walks. What is hidden, non-edges
and walks follow from the seed, the same for all.
"""

from collections.abc import Mapping
from typing import Any

from ...oselm.link_prediction import BASELINES, NON_EDGES, SCORES, hide_links, rank_by_graph, rank_by_vectors
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Measure, Options, Outcome, Plan, Point
from .learners import NO_GENSIM, PUBLISHED, gensim_version, learner

__all__ = ["EXPERIMENT"]

_SETTINGS: dict[str, tuple[dict[str, Any] | None, float, str]] = {
    "graph": (None, 2, "the graph alone"),
    "sgns": ({"learner": "sgns", **PUBLISHED}, 20, "node2vec SGNS, gensim, float32"),
    "sgns-5": ({"learner": "sgns", "epochs": 5, **PUBLISHED}, 90, "node2vec SGNS, gensim, float32, five passes"),
    "oselm": ({"learner": "fixed"}, 6, "OS-ELM with inflation, 18 bit, streaming"),
}


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    gensim, points = gensim_version(), []
    for name, (params, cost, label) in _SETTINGS.items():
        of_gensim = name.startswith("sgns")
        if of_gensim and gensim is None:
            continue
        stamp = {"data": data.digest, **({"gensim": gensim} if of_gensim else {})}
        if name == "sgns-5" and not options.full:
            continue
        own = {} if params is None else {**params, "dim": 32}
        points.append(Point(name, label, own, stamp, cost))
    return Plan(points, data, {} if gensim else {"links.sgns": NO_GENSIM})


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    values: dict[str, float] = {}
    vectors = None
    for sort in NON_EDGES:
        links = hide_links(data.graph, non_edges=sort, seed=seed)
        if not params:
            ranked = rank_by_graph(links)
        else:
            # What is hidden, and so what is learned, does not depend on the sort.
            if vectors is None:
                vectors = learner(params, seed).fit(links.kept).embedding_
            ranked = rank_by_vectors(vectors, links)
        for name, ranking in ranked.items():
            values[f"{sort}.{name}.auc"] = ranking.auc
            values[f"{sort}.{name}.average_precision"] = ranking.average_precision
    return Outcome(values)


EXPERIMENT = Experiment(
    name="links",
    prefix="links",
    title="Hidden edges of Cora against pairs that are none",
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
