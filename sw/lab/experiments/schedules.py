"""What throughput costs: the sequential schedule against streaming ones, by walks in flight and lookahead.

On Cora, D = 32, 18 bits, with inflation, on the golden model. The lag of P is the lookahead plus one.
"""

from collections.abc import Mapping
from typing import Any

from ....hw.oselm.config import Schedule, preset
from . import cora
from .cora import LabelledGraph
from .experiment import Experiment, Options, Outcome, Plan, Point
from .learners import learner

__all__ = ["EXPERIMENT"]

_WALKS = (1, 2, 4, 8)
_LOOKAHEADS = (1, 3, 6)


def _plan(options: Options) -> Plan:
    data = cora.load(options)
    stamp = {"data": data.digest}
    points = [
        Point(f"sequential.walks{n}", f"sequential, {n} in flight", {"lookahead": 0, "walks_in_flight": n}, stamp, 9)
        for n in _WALKS
    ]
    for ahead in _LOOKAHEADS:
        for n in _WALKS:
            # The preset's lookahead with every number of walks; the others where they matter most.
            if options.full or ahead == preset("ecp5-85f").lookahead or n in (1, 4):
                label = f"streaming, lookahead {ahead}, {n} in flight"
                params = {"lookahead": ahead, "walks_in_flight": n}
                points.append(Point(f"streaming.ahead{ahead}.walks{n}", label, params, stamp, 9))
    return Plan(points, data)


def _run(params: Mapping[str, Any], seed: int, data: LabelledGraph) -> Outcome:
    data = data.shuffled(seed)
    ahead = params["lookahead"]
    schedule = Schedule.STREAMING if ahead else Schedule.SEQUENTIAL
    config = preset("ecp5-85f").replace(schedule=schedule, lookahead=ahead)
    # A block is a segment: 256 walks are whole groups of any number in flight.
    model = learner({"learner": "fixed", "preset": config, "walks_in_flight": params["walks_in_flight"]}, seed)
    return Outcome(data.f1(model.fit(data.graph).embedding_))


EXPERIMENT = Experiment(
    name="schedules",
    prefix="schedules",
    title="Schedule, lookahead and walks in flight on Cora, D = 32",
    seeds=3,
    plan=_plan,
    run=_run,
    measures=cora.F1,
    curves={},
)
