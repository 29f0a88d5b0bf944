"""An experiment of no cost, which other processes can import: trials that end, fail, die or take their time."""

import os
import time
from pathlib import Path

from skipwalk.sw.lab.experiments.experiment import Curve, Experiment, Measure, Options, Outcome, Plan, Point


def run(params, seed, data):
    """``params["act"]`` says what to do; every run leaves a line in the file ``data``."""
    with Path(data).open("a") as file:
        file.write(f"{params['x']} {seed}\n")
    match params["act"]:
        case "fail":
            raise ValueError(f"no {params['x']} today")
        case "die":
            os._exit(7)
        case "wait":
            time.sleep(60)
    y = float(params["x"] * 10 + seed)
    return Outcome({"y": y}, {"line": ([0.0, 1.0], [0.0, y])})


def toy(log, *acts, stamp=None):
    """The experiment, and its plan with one point for each of ``acts``."""
    points = [Point(f"x{i}", f"x = {i}", {"x": i, "act": act}, stamp or {}) for i, act in enumerate(acts)]
    plan = Plan(points, str(log), {"toy.other": "it is not there"})
    experiment = Experiment(
        name="toy",
        prefix="toy",
        title="a toy",
        seeds=2,
        plan=of_names,
        run=run,
        measures={"y": Measure("m", "higher")},
        curves={"line": Curve("m", "s", "higher")},
    )
    return experiment, plan


def of_names(options: Options) -> Plan:
    """Of the graph's file name, ``ACT-ACT``: what a command line can say. The labels' is that of the log."""
    return toy(options.labels, *options.graph.name.split("-"))[1]
