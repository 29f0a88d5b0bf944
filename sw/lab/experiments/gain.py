"""What P is worth: OS-ELM, whose gain is P h / (1 + h.P h), against a constant in P's place (normalised LMS).

Half of the core's multipliers sweep P. On the golden model, in 18 bits, streaming, with four walks in flight: OS-ELM
with three inflations, and five constants; on Cora (sparse), block models of three densities, Amazon Photo (dense) and
IMDB (sparse, without triangles), with few walks and with many. ``wide`` are inflations with p0 = 6, not 1.9: P may be
as large as it would become on dense graphs, in as many bits (Q4.14). ``oselm-onward`` is the default on walks that
seldom turn back (p = 4, q = 0.5). The table chooses on the even seeds, and reports on the odd ones. A block model and
its seed are one: every seed draws another graph.

``full`` adds D = 64, 1 and 5 walks a node on Cora, and input weights and first P's other than the default.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

import networkx as nx
import numpy as np

from ...graph.graph import Graph
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Options, Outcome, Plan, Point
from .learners import WIDE, learner

__all__ = ["BLOCK_MODELS", "EXPERIMENT", "block_model"]

_BLOCKS, _BLOCK = 8, 250
#: Mean degree, and how many times as often an edge joins two nodes of a block as two of different blocks.
BLOCK_MODELS = {"blocks4": (4, 20), "blocks16": (16, 5), "blocks64": (64, 3)}

_INFLATIONS = {"oselm-1e-5": 1e-5, "oselm-1e-4": 1e-4, "oselm-1e-3": 1e-3}
_CONSTANTS = {f"constant-{g:g}": g for g in (0.35, 0.7, 1.4, 2.8, 5.6)}
_WIDE = {"wide-1e-4": 1e-4, "wide-3e-4": 3e-4, "wide-1e-3": 1e-3}
#: With inflation 1e-4.
_OTHERS: dict[str, dict[str, Any]] = {
    "oselm-mu5": {"mu_shift": 5},
    "oselm-mu9": {"mu_shift": 9},
    "oselm-p0-0.5": {"p0": 0.5},
}


def block_model(name: str, seed: int) -> LabelledGraph:
    """One of :data:`BLOCK_MODELS`: 8 blocks of 250 nodes."""
    degree, times = BLOCK_MODELS[name]
    across = degree / (_BLOCK * (times + _BLOCKS - 1))
    drawn = nx.planted_partition_graph(_BLOCKS, _BLOCK, times * across, across, seed=seed)
    graph = Graph.from_edges(list(drawn.edges), nodes=range(_BLOCKS * _BLOCK))
    return LabelledGraph(graph, np.arange(graph.n_nodes), np.array([str(n // _BLOCK) for n in range(graph.n_nodes)]))


def _plan(options: Options) -> Plan:
    data, skipped = cora.with_others(options, "gain")
    # Graph, its name for people, D, walks a node, and seconds at D = 32.
    where: list[tuple[str, str, int, int, float]] = [
        ("cora", "Cora", dim, walks, 0.3 * walks + 1)
        for dim in ((32, 64, 96) if options.full else (32, 96))
        for walks in ((1, 2, 5, 10) if options.full else (2, 10))
    ]
    where += [(name, f"blocks, degree {d}", 32, 10, 4) for name, (d, _) in BLOCK_MODELS.items()]
    if "photo" in data:
        where += [("photo", "Amazon Photo", dim, 2, 6) for dim in (32, 96)]
    if "imdb" in data:
        where += [("imdb", "IMDB", 32, 4, 6)]
    settings: dict[str, dict[str, Any]] = {name: {"inflation": q} for name, q in _INFLATIONS.items()}
    settings |= {name: {"constant": g} for name, g in _CONSTANTS.items()}
    settings |= {name: {"inflation": q, **WIDE} for name, q in _WIDE.items()}
    settings["oselm-onward"] = {"inflation": 1e-4, "p": 4.0, "q": 0.5}
    settings |= _OTHERS if options.full else {}
    points = []
    for (graph, title, dim, walks, cost), (name, own) in product(where, settings.items()):
        stamp = {"data": data[graph].digest} if graph in data else {}
        params = {"graph": graph, "dim": dim, "walks_per_node": walks, **own}
        label = f"{title}, D = {dim}, {walks} walks a node: {name}"
        points.append(Point(f"{graph}.d{dim}.w{walks}.{name}", label, params, stamp, cost * dim / 32))
    return Plan(points, data, skipped)


def _run(params: Mapping[str, Any], seed: int, data: Mapping[str, LabelledGraph]) -> Outcome:
    rest = dict(params)
    name = rest.pop("graph")
    labelled = data[name].shuffled(seed) if name in data else block_model(name, seed)
    return Outcome(labelled.f1(learner({"learner": "fixed", **rest}, seed).fit(labelled.graph).embedding_))


EXPERIMENT = Experiment(
    name="gain",
    prefix="gain",
    title="What P is worth: OS-ELM against a constant gain",
    seeds=4,
    plan=_plan,
    run=_run,
    measures=cora.F1,
    curves={},
)
