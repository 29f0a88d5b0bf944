"""Skip2-LoRA, Skip-LoRA and LoRA-All on the CPU in PyTorch, as :mod:`.lora` has them in NumPy and C."""

import time
from collections.abc import Callable

import numpy as np

from ...lora.methods import shuffled_epochs
from ...lora.network import Network
from ...lora.tasks import Task
from .lora import BATCH, RANK, RATE

__all__ = ["torch_runner"]


def torch_runner(method: str, network: Network, task: Task, epochs: int) -> Callable[[], float]:
    """A function that fine-tunes once in PyTorch on one thread, and returns the seconds of its training loop.

    Raises ImportError without PyTorch.
    """
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    w = [torch.tensor(v, dtype=torch.float32) for v in network.weights]
    bias = [torch.tensor(v, dtype=torch.float32) for v in network.biases]
    samples = torch.tensor(task.finetune[0], dtype=torch.float32)
    labels = torch.tensor(task.finetune[1], dtype=torch.long)
    skipping, caching = method.startswith("Skip"), method == "Skip2-LoRA"
    outputs = [network.outputs] * len(w) if skipping else [v.shape[1] for v in w]
    last = len(w) - 1

    def forward(x, a, b):
        """Inputs of every layer, and the outputs; with adapters in the layers if they are given."""
        inputs = [x]
        for k in range(len(w)):
            u = torch.addmm(bias[k], inputs[k], w[k])
            if a is not None:
                u = u + inputs[k] @ a[k] @ b[k]
            if k < last:
                inputs.append(functional.relu(u))
        return inputs, u

    def run() -> float:
        generator = torch.Generator().manual_seed(0)
        a = [torch.randn(len(v), RANK, generator=generator) / len(v) ** 0.5 for v in w]
        b = [torch.zeros(RANK, o) for o in outputs]
        parameters = [p.requires_grad_() for p in (*a, *b)]
        optimizer = torch.optim.SGD(parameters, lr=RATE)
        order = torch.from_numpy(shuffled_epochs(len(labels), epochs, np.random.default_rng(0)))
        caches = [torch.empty(len(labels), len(v)) for v in w]
        frozen = torch.empty(len(labels), network.outputs)
        began = time.perf_counter()
        for epoch in range(epochs):
            for rows in order[epoch * len(labels) : (epoch + 1) * len(labels)].split(BATCH):
                if not skipping:
                    _, y = forward(samples[rows], a, b)
                else:
                    if caching and epoch:
                        inputs, y = [cache[rows] for cache in caches], frozen[rows]
                    else:
                        with torch.no_grad():
                            inputs, y = forward(samples[rows], None, None)
                            if caching:
                                for cache, h in zip(caches, inputs, strict=True):
                                    cache[rows] = h
                                frozen[rows] = y
                    for x, ak, bk in zip(inputs, a, b, strict=True):
                        y = y + x @ ak @ bk
                optimizer.zero_grad()
                functional.cross_entropy(y, labels[rows]).backward()
                optimizer.step()
        return time.perf_counter() - began

    return run
