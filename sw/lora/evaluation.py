"""Fixed point against floating point: the same network, start, order and schedule in both."""

from dataclasses import dataclass

import numpy as np

from ...sim.arith.fixed import from_raw
from ...sim.lora import formula
from .estimator import SkipLoRA
from .network import Network
from .order import epoch_order
from .pretrain import pretrain
from .quantize import start_adapters
from .tasks import Task, load_task

__all__ = ["Accuracy", "compare", "float_accuracy"]


@dataclass(frozen=True)
class Accuracy:
    """Accuracies on the test samples: the network alone, after fine-tuning in fixed point, and in float."""

    before: float
    fixed: float
    float: float


def float_accuracy(model: SkipLoRA, task: Task) -> float:
    """Accuracy of the float formula on the float network, with what the fitted ``model`` started from and did."""
    cfg, network, quantized = model.cfg, model.network_, model.quantized_
    if quantized is None or model.learning_rate_ is None:
        raise ValueError("the model has not been fitted")
    order = epoch_order(len(task.finetune[1]), model.epochs, model.random_state)
    # What the adapters of the unit take for 1.
    scales = [unit * cfg.x_format(k).step for k, unit in enumerate(quantized.units)]

    def inputs(x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        hidden, outputs = network.forward(x)
        hidden[0] = hidden[0] - quantized.offset
        return [h * scale for h, scale in zip(hidden, scales, strict=True)], outputs

    x, c = inputs(task.finetune[0])
    last = np.arange(1, len(order) + 1) % model.batch_size == 0
    last[-1] = True
    a, b = (
        [from_raw(v, fmt) for v in part]
        for part, fmt in zip(start_adapters(cfg, model.random_state), (cfg.a, cfg.b), strict=True)
    )
    a, b = formula.fine_tune(
        a,
        b,
        [xk[order] for xk in x],
        c[order],
        task.finetune[1][order],
        last,
        rate=model.learning_rate_,
        lag=cfg.lag,
    )
    x, c = inputs(task.test[0])
    return float((formula.logits(a, b, x, c).argmax(axis=1) == task.test[1]).mean())


def compare(task_name: str, seed: int, **options) -> Accuracy:
    """Pre-train, fine-tune in fixed point (golden) and in float; ``options`` are those of :class:`SkipLoRA`."""
    task = load_task(task_name, seed)
    network: Network = pretrain(*task.pretrain, task.classes, seed=seed)
    before = float((network.forward(task.test[0])[1].argmax(axis=1) == task.test[1]).mean())
    model = SkipLoRA(network, random_state=seed, **options).fit(*task.finetune)
    return Accuracy(before, model.score(*task.test), float_accuracy(model, task))
