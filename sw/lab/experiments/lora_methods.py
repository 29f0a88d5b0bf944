"""Eight ways to fine-tune a small network, in NumPy, and Skip2-LoRA on the golden model of the unit.

Every seed pre-trains a network of its own. The eight share batch (20), learning rate and epochs; the unit takes its own
defaults. Time is that of NumPy on one thread of the machine that ran the trial, meant for comparing the methods with
each other.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError
from ...lora.estimator import SkipLoRA
from ...lora.methods import METHODS, fine_tune
from ...lora.network import Network
from ...lora.pretrain import pretrain
from ...lora.tasks import RATE, Task, load_task
from .experiment import Curve, Experiment, Measure, Options, Outcome, Plan, Point

__all__ = ["EXPERIMENT", "pretrained", "task_digest"]

_EPOCHS = 100
_RATE = 0.125
_GOLDEN = "skip2-lora-8bit"
_NAMES = ("digits", "digits-faded", "fan")


def _plan(options: Options) -> Plan:
    points, skipped, found = [], {}, {}
    for name in _NAMES:
        try:
            found[name] = task = load_task(name)
        except InputError as error:
            skipped[f"lora.{name}"] = str(error)
            continue
        stamp = {"data": task_digest(task)}
        for method in METHODS:
            params = {"task": name, "method": method, "epochs": _EPOCHS, "rate": _RATE}
            points.append(Point(f"{name}.{method.lower()}", f"{name}: {method}", params, stamp, 2))
        params = {"task": name, "method": _GOLDEN, "epochs": _EPOCHS}
        points.append(Point(f"{name}.{_GOLDEN}", f"{name}: Skip2-LoRA on the unit", params, stamp, 6))
    # Digits come with scikit-learn and depend on the seed; recordings may lie on this machine alone.
    return Plan(points, {"fan": found.get("fan")}, skipped)


def task_digest(task: Task) -> str:
    h = hashlib.sha256()
    for part in (task.pretrain, task.finetune, task.test):
        for array in part:
            h.update(np.ascontiguousarray(array).tobytes())
    return h.hexdigest()[:16]


_TASKS: dict[tuple[str, int], tuple[Task, Network]] = {}


def pretrained(name: str, seed: int, data: Mapping[str, Task | None]) -> tuple[Task, Network]:
    """The task and the network before it, made once a process."""
    if (name, seed) not in _TASKS:
        task = data.get(name) or load_task(name, seed)
        _TASKS[name, seed] = task, pretrain(*task.pretrain, task.classes, seed=seed)
    return _TASKS[name, seed]


def _run(params: Mapping[str, Any], seed: int, data: Mapping[str, Task | None]) -> Outcome:
    task, network = pretrained(params["task"], seed, data)
    method, epochs = params["method"], params["epochs"]
    if method == _GOLDEN:
        return _on_the_unit(task, network, epochs, seed)
    curve: list[float] = []
    # A seed that diverges shows in the accuracy.
    with np.errstate(over="ignore", invalid="ignore"):
        outcome = fine_tune(
            method,
            network,
            task.finetune,
            task.test,
            epochs=epochs,
            rate=params["rate"],
            seed=seed,
            after_epoch=curve.append,
        )
    values = {"accuracy": outcome.after, "parameters": outcome.parameters, "time": outcome.total}
    return Outcome(values, {"accuracy_by_epoch": _by_epoch([outcome.before, *curve])})


def _on_the_unit(task: Task, network: Network, epochs: int, seed: int) -> Outcome:
    model = SkipLoRA(network, epochs=epochs, learning_rate=RATE, random_state=seed).calibrate(task.finetune[0])
    curve = [model.score(*task.test)]
    curve += [model.score(*task.test) for _ in model.iter_fit(*task.finetune)]
    model.close()
    return Outcome({"accuracy": curve[-1], "parameters": model.cfg.parameters}, {"accuracy_by_epoch": _by_epoch(curve)})


def _by_epoch(curve: list[float]) -> tuple[list[float], list[float]]:
    return list(range(len(curve))), curve


EXPERIMENT = Experiment(
    name="lora-methods",
    prefix="lora",
    title=f"Fine-tuning methods after {_EPOCHS} epochs, batch 20, rate {_RATE}",
    seeds=5,
    plan=_plan,
    run=_run,
    measures={
        "accuracy": Measure("", "higher"),
        "parameters": Measure("numbers", "lower"),
        "time": Measure("us/sample", "lower"),
    },
    curves={"accuracy_by_epoch": Curve("", "epochs", "higher")},
)
