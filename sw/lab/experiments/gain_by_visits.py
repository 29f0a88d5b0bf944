"""A gain that falls with visits, in place of P or over it, in float64, one context after another.

``p`` is OS-ELM, ``constant-G`` is G in P's place: what ``gain`` measures in 18 bits. The others multiply what stands
for P by s(n) = ``rest`` + ``first`` / (1 + n / T):

- ``centre-T``: in place of P, by how many contexts the centre has had;
- ``row-T``: in place of P, each sample by how often its row has been updated;
- ``p-centre-T``, ``p-row-T``: over P, which itself is swept as ever. A factor that starts above 1 and ends below it.

The table chooses T and G on the even seeds, and reports on the odd ones.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numba as nb
import numpy as np

from ....sim.oselm.golden import Contexts
from ...oselm.model import Model
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Options, Outcome, Plan, Point
from .gain import BLOCK_MODELS, block_model
from .learners import FloatNode2Vec, Floats, learner

__all__ = ["EXPERIMENT", "fading"]

#: Of a scalar in place of P, and of a factor over P: at rest, and what the first visit adds.
_SCALAR, _FACTOR = {"rest": 0.3, "first": 1.6}, {"rest": 0.5, "first": 1.5}
_CENTRE, _ROW = (30, 100, 300), (300, 1000, 3000)


@nb.njit(cache=False, fastmath=False)
def _train(beta, p, mu, q, p0, with_p, by_row, rest, first, tau, visits, centres, indptr, samples, labels):
    dim = beta.shape[1]
    h, u = np.zeros(dim), np.zeros(dim)
    errors = np.zeros(max(1, np.max(np.diff(indptr)))) if len(centres) else np.zeros(1)
    for i in range(len(centres)):
        centre = centres[i]
        hu = 0.0
        for a in range(dim):
            h[a] = mu * beta[centre, a]
        for a in range(dim):
            u[a] = h[a]
            if with_p:
                u[a] = 0.0
                for b in range(dim):
                    u[a] += p[a, b] * h[b]
        for a in range(dim):
            hu += h[a] * u[a]
        if with_p:
            for a in range(dim):
                grow = q if p[a, a] < p0 else 0.0
                for b in range(dim):
                    p[a, b] -= u[a] * u[b] / (1.0 + hu)
                p[a, a] += grow
        for n in range(indptr[i], indptr[i + 1]):
            e = float(labels[n])
            for a in range(dim):
                e -= h[a] * beta[samples[n], a]
            errors[n - indptr[i]] = e
        s = rest + first / (1.0 + visits[centre] / tau)
        for n in range(indptr[i], indptr[i + 1]):
            row = samples[n]
            if by_row:
                s = rest + first / (1.0 + visits[row] / tau)
                visits[row] += 1
            step = errors[n - indptr[i]] * s / (1.0 + s * hu)
            for a in range(dim):
                beta[row, a] += step * u[a]
        if not by_row:
            visits[centre] += 1


class _Fading(Floats):
    """The float formula with a gain that falls with visits."""

    #: As the points say.
    gain: Mapping[str, Any]

    def __init__(self, model: Model, learned: "tuple[np.ndarray, np.ndarray] | None"):
        super().__init__(model, learned)
        self._visits = np.zeros(len(self.beta), np.int64)

    def learn(self, contexts: Contexts) -> None:
        gain, params = self.gain, self.how
        numbers = (contexts.centres, contexts.indptr, contexts.samples, contexts.labels)
        _train(
            self.beta,
            self.p,
            params["mu"],
            params["q"],
            params["p0"],
            gain["with_p"],
            gain["by"] == "row",
            gain["rest"],
            gain["first"],
            float(gain["tau"]),
            self._visits,
            *(np.asarray(part, np.int64) for part in numbers),
        )


def fading(gain: Mapping[str, Any], **params: Any) -> FloatNode2Vec:
    """Learns a graph once, with a gain that falls with visits: ``with_p`` or in place of P, ``by`` visits of ``centre``
    or ``row``, ``rest + first / (1 + visits / tau)``. The others are parameters of Node2Vec."""
    model = FloatNode2Vec(**params)
    model.floats_of = type("Fading", (_Fading,), {"gain": gain})
    return model


def _settings() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"p": {}, **{f"constant-{g}": {"constant": g} for g in (0.7, 1.4, 2.8)}}
    for with_p, (by, taus) in product((False, True), (("centre", _CENTRE), ("row", _ROW))):
        shape = _FACTOR if with_p else _SCALAR
        for tau in taus:
            gain = {"with_p": with_p, "by": by, "tau": tau, **shape}
            found[f"{'p-' if with_p else ''}{by}-{tau}"] = {"gain": gain}
    return found


def _plan(options: Options) -> Plan:
    data, skipped = cora.with_others(options, "fading")
    # Graph, its name for people, walks a node, and seconds.
    where = [("cora", "Cora", 2, 2.0), ("cora", "Cora", 10, 6.0)]
    where += [(name, f"blocks, degree {BLOCK_MODELS[name][0]}", 10, 5.0) for name in ("blocks16", "blocks64")]
    where += [("photo", "Amazon Photo", 2, 6.0)] if "photo" in data else []
    points = [
        Point(
            f"{graph}.w{walks}.{name}",
            f"{title}, D = 32, {walks} walks a node: {name}",
            {"graph": graph, "walks_per_node": walks, **own},
            {"data": data[graph].digest} if graph in data else {},
            cost,
        )
        for graph, title, walks, cost in where
        for name, own in _settings().items()
    ]
    return Plan(points, data, skipped)


def _run(params: Mapping[str, Any], seed: int, data: Mapping[str, LabelledGraph]) -> Outcome:
    rest = dict(params)
    name, gain = rest.pop("graph"), rest.pop("gain", None)
    labelled = data[name].shuffled(seed) if name in data else block_model(name, seed)
    model = learner({"learner": "float", **rest}, seed) if gain is None else fading(gain, **rest, random_state=seed)
    return Outcome(labelled.f1(model.fit(labelled.graph).embedding_))


EXPERIMENT = Experiment(
    name="gain-by-visits",
    prefix="fading",
    title="A gain that falls with visits, in place of P and over it, float64",
    seeds=4,
    plan=_plan,
    run=_run,
    measures=cora.F1,
    curves={},
)
