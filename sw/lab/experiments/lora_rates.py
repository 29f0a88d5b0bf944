"""Skip2-LoRA at the defaults, learning rate by trial, against the float formula at every rate that is tried.

Every seed pre-trains a network of its own. ``kept`` is the accuracy on what the network was trained on.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError
from ...lora.estimator import SkipLoRA
from ...lora.evaluation import float_accuracy
from ...lora.rate import RATES
from ...lora.tasks import TASKS, Task, load_task
from .experiment import Experiment, Measure, Options, Outcome, Plan, Point
from .lora_methods import pretrained, task_digest

__all__ = ["EXPERIMENT"]


def _plan(options: Options) -> Plan:
    points, skipped, found = [], {}, {}
    for name in TASKS:
        try:
            found[name] = task = load_task(name)
        except InputError as error:
            skipped[f"rates.{name}"] = str(error)
            continue
        stamp = {"data": task_digest(task)}
        points.append(Point(f"{name}.auto", f"{name}: the unit, rate by trial", {"task": name, "rate": None}, stamp, 5))
        for rate in RATES:
            label = f"{name}: float, rate 2^{int(np.log2(rate))}"
            points.append(Point(f"{name}.float{int(-np.log2(rate))}", label, {"task": name, "rate": rate}, stamp, 1))
    return Plan(points, {"fan": found.get("fan")}, skipped)


def _run(params: Mapping[str, Any], seed: int, data: Mapping[str, Task | None]) -> Outcome:
    task, network = pretrained(params["task"], seed, data)
    model = SkipLoRA(network, random_state=seed, cache_samples=1024)
    if params["rate"] is None:
        model.calibrate(task.finetune[0])
        before, old = model.score(*task.test), model.score(*task.pretrain)
        model.fit(*task.finetune)
        assert model.learning_rate_ is not None
        values = {
            "accuracy": model.score(*task.test),
            "before": before,
            "kept": model.score(*task.pretrain),
            "kept_before": old,
            "log2_rate": float(np.log2(model.learning_rate_)),
            "clamped": float(sum(model.clamped_.values())),
        }
        model.close()
        return Outcome(values)
    model.calibrate(task.finetune[0])
    model.learning_rate_ = params["rate"]
    # A rate that diverges shows in the accuracy.
    with np.errstate(over="ignore", invalid="ignore"):
        return Outcome({"accuracy": float_accuracy(model, task)})


EXPERIMENT = Experiment(
    name="lora-rates",
    prefix="rates",
    title="Fine-tuning at the defaults, learning rate by trial, against float at each rate",
    seeds=5,
    plan=_plan,
    run=_run,
    measures={
        "accuracy": Measure("", "higher"),
        "before": Measure("", "higher"),
        "kept": Measure("", "higher"),
        "kept_before": Measure("", "higher"),
        "log2_rate": Measure(""),
        "clamped": Measure("results", "lower"),
    },
    curves={},
)
