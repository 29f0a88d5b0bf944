"""Cora as it is: node2vec by gensim, OS-ELM as published, and OS-ELM with covariance inflation, at three lengths.

One pass over the same 10 walks a node for all of them.

- ``sgns``: gensim, float32, 10 negatives for each positive, windows to both sides. ``sgns-5`` passes five times.
- ``published``: OS-ELM without inflation, 10 negatives for each positive (77 samples), one context after another, in
  float64.
- ``published-18bit``: the same on the golden model of the preset ``paper``.
- ``oselm``: what the core does by default, on its golden model: inflation, 24 negatives for the whole context,
  streaming, four walks in flight, 18 bits. ``oselm-float`` is its float formula.
- ``sgns-onward``, ``oselm-onward``: the same on walks that seldom turn back (p = 4, q = 0.5).
- ``oselm-wide``: ``oselm`` with p0 = 6, for which P has two bits more before the point.
- ``constant-1.4``: ``oselm`` with a constant gain in place of P.
"""

from collections.abc import Mapping
from typing import Any

from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Options, Outcome, Plan, Point
from .learners import NO_GENSIM, PUBLISHED, WIDE, gensim_version, learner

__all__ = ["EXPERIMENT"]

_DIMS = (32, 64, 96)

#: Name: parameters, seconds at D = 32 and for each element more, and for people.
_SETTINGS: dict[str, tuple[dict[str, Any], float, float, str]] = {
    "sgns": ({"learner": "sgns", **PUBLISHED}, 25, 0.15, "node2vec SGNS, gensim, float32"),
    "published": ({"learner": "float", **PUBLISHED}, 10, 0.3, "OS-ELM as published, float64"),
    "published-18bit": ({"learner": "fixed", **PUBLISHED}, 17, 0.15, "OS-ELM as published, 18 bit"),
    "oselm": ({"learner": "fixed"}, 8, 0.05, "OS-ELM with inflation, 18 bit, streaming"),
    "oselm-float": ({"learner": "float"}, 5, 0.1, "OS-ELM with inflation, float64"),
    "sgns-onward": (
        {"learner": "sgns", **PUBLISHED, "p": 4.0, "q": 0.5},
        25,
        0.15,
        "node2vec SGNS, gensim, float32, p = 4, q = 0.5",
    ),
    "oselm-onward": (
        {"learner": "fixed", "p": 4.0, "q": 0.5},
        8,
        0.05,
        "OS-ELM with inflation, 18 bit, streaming, p = 4, q = 0.5",
    ),
    "oselm-wide": ({"learner": "fixed", **WIDE}, 8, 0.05, "OS-ELM with inflation, 18 bit, streaming, p0 = 6"),
    "constant-1.4": ({"learner": "fixed", "constant": 1.4}, 8, 0.05, "constant gain 1.4, 18 bit, streaming"),
}
#: Only at D = 32, unless all points are asked for.
_SHORT = ("sgns-onward",)


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    gensim, points = gensim_version(), []
    for name, (params, base, slope, label) in _SETTINGS.items():
        of_gensim = params["learner"] == "sgns"
        if of_gensim and gensim is None:
            continue
        stamp = {"data": data.digest, **({"gensim": gensim} if of_gensim else {})}
        for dim in _DIMS[:1] if name in _SHORT and not options.full else _DIMS:
            cost = base + slope * (dim - _DIMS[0])
            points.append(Point(f"{name}.d{dim}", f"{label}, D = {dim}", {**params, "dim": dim}, stamp, cost))
        if name == "sgns" and options.full:
            five = {**params, "epochs": 5}
            for dim in _DIMS:
                points.append(
                    Point(f"sgns-5.d{dim}", f"{label}, five passes, D = {dim}", {**five, "dim": dim}, stamp, 5 * base)
                )
    return Plan(points, data, {} if gensim else {"cora.static.sgns": NO_GENSIM})


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    data = data.shuffled(seed)
    model = learner(params, seed).fit(data.graph)
    return Outcome(data.f1(model.embedding_))


EXPERIMENT = Experiment(
    name="cora-static",
    prefix="cora.static",
    title="Cora as it is, one pass over 10 walks a node",
    seeds=5,
    plan=_plan,
    run=_run,
    measures=cora.F1,
    curves={},
)
