"""Amazon Photo as it is: a graph four times as large as Cora and eight times as dense, at three lengths.

One pass over the same 4 walks a node for all of them, about as many walks as Cora's 10.

- ``sgns``: gensim, float32, 10 negatives for each positive, windows to both sides. ``sgns-5`` passes five times.
- ``oselm``: what the core does by default, on its golden model. ``oselm-float`` is its float formula.
- ``oselm-pool``: ``oselm``, its negatives from a pool, which keeps few rows in use (``negatives_from="pool"``).
- ``constant-2.8``: ``oselm`` with a constant gain in place of P.

``full`` adds five passes at D = 64 and 96.
"""

from collections.abc import Mapping
from typing import Any

from ...errors import InputError
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Options, Outcome, Plan, Point
from .learners import NO_GENSIM, PUBLISHED, gensim_version, learner

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
    "constant-2.8": ({"learner": "fixed", "constant": 2.8}, 6, 0.1, "constant gain 2.8, 18 bit, streaming"),
}


def _plan(options: Options) -> Plan:
    try:
        data = cora.photo()
    except InputError as error:
        return Plan([], skipped={"photo.static": str(error)})
    gensim, points = gensim_version(), []
    for name, (params, base, slope, label) in _SETTINGS.items():
        of_gensim = params["learner"] == "sgns"
        if of_gensim and gensim is None:
            continue
        stamp = {"data": data.digest, **({"gensim": gensim} if of_gensim else {})}
        for dim in _DIMS[:1] if name == "sgns-5" and not options.full else _DIMS:
            cost = base + slope * (dim - _DIMS[0])
            own = {**params, **_WALKS, "dim": dim}
            points.append(Point(f"{name}.d{dim}", f"{label}, D = {dim}", own, stamp, cost))
    return Plan(points, data, {} if gensim else {"photo.static.sgns": NO_GENSIM})


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    data = data.shuffled(seed)
    return Outcome(data.f1(learner(params, seed).fit(data.graph).embedding_))


EXPERIMENT = Experiment(
    name="photo-static",
    prefix="photo.static",
    title="Amazon Photo as it is, one pass over 4 walks a node",
    seeds=3,
    plan=_plan,
    run=_run,
    measures=cora.F1,
    curves={},
)
