"""Graphs on which nothing was chosen: Amazon Photo, eight times as dense as Cora, and films of IMDB with their people.

One pass over the same 4 walks a node for all of them.

- ``sgns``: gensim, float32, 10 negatives for each positive, windows to both sides. ``sgns-5`` passes five times.
- ``oselm``: what the core does by default, on its golden model. ``oselm-float`` is its float formula.
- ``oselm-pool``: ``oselm``, its negatives from a pool, which keeps few rows in use (``negatives_from="pool"``).
- ``oselm-onward``: ``oselm`` on walks that seldom turn back (p = 4, q = 0.5).
- ``oselm-wide``: ``oselm`` with p0 = 6, for which P has two bits more before the point.
- ``constant-2.8``: ``oselm`` with a constant gain in place of P.

``full`` adds five passes at D = 64 and 96, and on IMDB all at these lengths.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Options, Outcome, Plan, Point
from .learners import NO_GENSIM, PUBLISHED, WIDE, gensim_version, learner

__all__ = ["EXPERIMENT"]

_DIMS = (32, 64, 96)
_WALKS = {"walks_per_node": 4}
_OSELM = "OS-ELM with inflation, 18 bit, streaming"
#: Name: parameters, seconds at D = 32 and for each element more, and for people.
_SETTINGS: dict[str, tuple[dict[str, Any], float, float, str]] = {
    "sgns": ({"learner": "sgns", **PUBLISHED}, 30, 0.3, "node2vec SGNS, gensim, float32"),
    "sgns-5": (
        {"learner": "sgns", **PUBLISHED, "epochs": 5},
        150,
        1.5,
        "node2vec SGNS, gensim, float32, five passes",
    ),
    "oselm": ({"learner": "fixed"}, 6, 0.1, _OSELM),
    "oselm-float": ({"learner": "float"}, 10, 0.5, "OS-ELM with inflation, float64"),
    "oselm-pool": ({"learner": "fixed", "negatives_from": "pool"}, 6, 0.1, f"{_OSELM}, negatives from a pool"),
    "oselm-onward": ({"learner": "fixed", "p": 4.0, "q": 0.5}, 6, 0.1, f"{_OSELM}, p = 4, q = 0.5"),
    "oselm-wide": ({"learner": "fixed", **WIDE}, 6, 0.1, f"{_OSELM}, p0 = 6"),
    "constant-2.8": ({"learner": "fixed", "constant": 2.8}, 6, 0.1, "constant gain 2.8, 18 bit, streaming"),
}


def _plan(options: Options) -> Plan:
    data, skipped = cora.with_others(options, "others")
    gensim, points = gensim_version(), []
    for graph, (name, (params, base, slope, label)) in product((g for g in data if g != "cora"), _SETTINGS.items()):
        of_gensim = params["learner"] == "sgns"
        if of_gensim and gensim is None:
            continue
        stamp = {"data": data[graph].digest, **({"gensim": gensim} if of_gensim else {})}
        short = name == "sgns-5" or graph == "imdb"
        for dim in _DIMS[:1] if short and not options.full else _DIMS:
            own = {"graph": graph, **params, **_WALKS, "dim": dim}
            label_here = f"{cora.TITLES[graph]}: {label}, D = {dim}"
            points.append(Point(f"{graph}.{name}.d{dim}", label_here, own, stamp, base + slope * (dim - _DIMS[0])))
    return Plan(points, data, skipped if gensim else {**skipped, "others.sgns": NO_GENSIM})


def _run(params: Mapping[str, Any], seed: int, data: Mapping[str, LabelledGraph]) -> Outcome:
    rest = dict(params)
    labelled = data[rest.pop("graph")].shuffled(seed)
    return Outcome(labelled.f1(learner(rest, seed).fit(labelled.graph).embedding_))


EXPERIMENT = Experiment(
    name="other-graphs",
    prefix="others",
    title="Graphs on which nothing was chosen, one pass over 4 walks a node",
    seeds=3,
    plan=_plan,
    run=_run,
    measures=cora.F1,
    curves={},
)
