"""Eight ways to fine-tune the same network on a CPU, in NumPy: what each trains, how well it does and what it costs.

Names and variants follow the literature on on-device LoRA: ``FT-`` trains the network's own weights (all of them, the
last layer's, or the biases only), ``LoRA-`` adds adapters to layers, ``Skip-LoRA`` adds them from every layer's input
to the last output, and ``Skip2-LoRA`` caches the activations besides.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .network import Network

__all__ = ["METHODS", "Outcome", "fine_tune", "shuffled_epochs", "trained_parameters"]

METHODS = ("FT-All", "FT-Last", "FT-Bias", "FT-All-LoRA", "LoRA-All", "LoRA-Last", "Skip-LoRA", "Skip2-LoRA")


def shuffled_epochs(n: int, epochs: int, rng: np.random.Generator) -> np.ndarray:
    """Every sample once an epoch, each time in another random order: (epochs * n,)."""
    return np.concatenate([np.empty(0, np.int64), *(rng.permutation(n) for _ in range(epochs))])


@dataclass(frozen=True)
class Outcome:
    """What a method came to.

    Attributes
    ----------
    method : str
    parameters : int
        Trained numbers.
    before, after : float
        Accuracy on the test samples.
    forward, backward, update : float
        Microseconds a training sample.
    """

    method: str
    parameters: int
    before: float
    after: float
    forward: float
    backward: float
    update: float

    @property
    def total(self) -> float:
        """Microseconds a training sample."""
        return self.forward + self.backward + self.update


def trained_parameters(method: str, network: Network, rank: int = 4) -> int:
    """How many numbers a method trains. Raises ValueError for another name."""
    own = _own(method, network)
    count = sum(w.size for w, trained in zip(network.weights, own[0], strict=True) if trained)
    count += sum(b.size for b, trained in zip(network.biases, own[1], strict=True) if trained)
    return count + sum(rank * (n + o) for n, o in _adapter_shapes(method, network) if o)


def _own(method: str, network: Network) -> tuple[list[bool], list[bool]]:
    """Which of the network's own weights and biases are trained."""
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; there are: {', '.join(METHODS)}")
    n = len(network.weights)
    everything, last = [True] * n, [k == n - 1 for k in range(n)]
    nothing = [False] * n
    return {
        "FT-All": (everything, everything),
        "FT-All-LoRA": (everything, everything),
        "FT-Last": (last, last),
        "FT-Bias": (nothing, everything),
    }.get(method, (nothing, nothing))


def _adapter_shapes(method: str, network: Network) -> list[tuple[int, int]]:
    """Inputs and outputs of each layer's adapter; no outputs where there is none."""
    n = len(network.weights)
    outputs = [w.shape[1] for w in network.weights]
    if method.startswith("Skip"):
        outputs = [network.outputs] * n
    elif method == "LoRA-Last":
        outputs = [0] * (n - 1) + outputs[-1:]
    elif method not in ("LoRA-All", "FT-All-LoRA"):
        outputs = [0] * n
    return list(zip(network.widths, outputs, strict=True))


class _Model:
    """Parameters of one method, and its three steps on a mini-batch."""

    def __init__(self, method: str, network: Network, rank: int, seed: int):
        rng = np.random.default_rng(seed)
        self.skip = method.startswith("Skip")
        self.train_w, self.train_b = _own(method, network)
        self.w = [w.astype(np.float32) for w in network.weights]
        self.b = [b.astype(np.float32) for b in network.biases]
        shapes = _adapter_shapes(method, network)
        self.adapted = [o > 0 for _, o in shapes]
        self.a = [(rng.normal(0, 1, (n, rank)) / np.sqrt(n)).astype(np.float32) for n, _ in shapes]
        self.d = [np.zeros((rank, o), np.float32) for _, o in shapes]
        # Below the lowest layer with something to train, nothing has to be propagated.
        layers = range(len(self.w))
        inside = [self.train_w[k] or self.train_b[k] or (self.adapted[k] and not self.skip) for k in layers]
        self.lowest = inside.index(True) if any(inside) else len(self.w)

    def backbone(self, x):
        """Inputs of every layer, what goes into the adapters' middle, and the last outputs."""
        h: list[np.ndarray] = [x]
        z: list[Any] = [None] * len(self.w)
        for k, (w, b) in enumerate(zip(self.w, self.b, strict=True)):
            u = h[k] @ w + b
            if self.adapted[k] and not self.skip:
                z[k] = h[k] @ self.a[k]
                u += z[k] @ self.d[k]
            if k < len(self.w) - 1:
                h.append(np.maximum(u, 0))
        return h, z, u

    def skipped(self, h, u):
        """The skipping adapters, on top of the backbone."""
        z = [x @ a for x, a in zip(h, self.a, strict=True)]
        return z, u + sum(zk @ dk for zk, dk in zip(z, self.d, strict=True))

    def forward(self, x):
        h, z, u = self.backbone(x)
        if self.skip:
            z, u = self.skipped(h, u)
        return h, z, u

    def backward(self, h, z, g):
        """Pairs of a parameter and its gradient; ``g`` is the gradient of the outputs."""
        out = []
        for k in range(len(self.w) - 1, -1, -1):
            if self.skip:
                out += [(self.d[k], z[k].T @ g), (self.a[k], h[k].T @ (g @ self.d[k].T))]
                continue
            if k < self.lowest:
                break
            gx = g @ self.w[k].T if k > self.lowest else None
            if self.train_w[k]:
                out.append((self.w[k], h[k].T @ g))
            if self.train_b[k]:
                out.append((self.b[k], g.sum(axis=0)))
            if self.adapted[k]:
                gz = g @ self.d[k].T
                out += [(self.d[k], z[k].T @ g), (self.a[k], h[k].T @ gz)]
                if gx is not None:
                    gx += gz @ self.a[k].T
            if gx is not None:
                g = gx * (h[k] > 0)
        return out


def fine_tune(
    method: str,
    network: Network,
    finetune: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int = 30,
    rate: float = 0.125,
    batch: int = 20,
    rank: int = 4,
    seed: int = 0,
    after_epoch: Callable[[float], None] | None = None,
) -> Outcome:
    """Fine-tune a copy of ``network`` with samples (n, n_1) and labels (n,), by SGD on the mean cross entropy.

    Parameters
    ----------
    method : str
        One of :data:`METHODS`.
    rate : float
        Learning rate for the mean over a mini-batch of ``batch`` samples.
    after_epoch : callable, optional
        Is told the accuracy on the test samples after every epoch; what that takes is not counted.

    Raises
    ------
    ValueError
        Another method.
    """
    x, y = np.asarray(finetune[0], np.float32), np.asarray(finetune[1])
    x_test = np.asarray(test[0], np.float32)
    model = _Model(method, network, rank, seed)

    def accuracy() -> float:
        return float((model.forward(x_test)[2].argmax(axis=1) == test[1]).mean())

    before = accuracy()
    caches = [np.zeros((len(x), n), np.float32) for n in network.widths]
    outputs = np.zeros((len(x), network.outputs), np.float32)
    order = shuffled_epochs(len(x), epochs, np.random.default_rng(seed))
    spent = np.zeros((epochs, 3))
    for epoch in range(epochs):
        part = order[epoch * len(x) : (epoch + 1) * len(x)]
        for start in range(0, len(x), batch):
            rows = part[start : start + batch]
            t0 = time.perf_counter()
            if method == "Skip2-LoRA":
                if epoch == 0:
                    h, _, u = model.backbone(x[rows])
                    for cache, hk in zip(caches, h, strict=True):
                        cache[rows] = hk
                    outputs[rows] = u
                else:
                    h, u = [cache[rows] for cache in caches], outputs[rows]
                z, u = model.skipped(h, u)
            else:
                h, z, u = model.forward(x[rows])
            t1 = time.perf_counter()
            g = np.exp(u - u.max(axis=1, keepdims=True))
            g /= g.sum(axis=1, keepdims=True)
            g[np.arange(len(rows)), y[rows]] -= 1
            g *= np.float32(rate / len(rows))
            gradients = model.backward(h, z, g)
            t2 = time.perf_counter()
            for parameter, gradient in gradients:
                parameter -= gradient
            spent[epoch] += t1 - t0, t2 - t1, time.perf_counter() - t2
        if after_epoch is not None:
            after_epoch(accuracy())
    # The first epoch, which may fill a cache, and for each of the others their median: other load disturbs it less.
    typical = spent[:1].sum(axis=0)
    if epochs > 1:
        typical = (typical + (epochs - 1) * np.median(spent[1:], axis=0)) / epochs
    forward, backward, update = typical / len(x) * 1e6
    count = trained_parameters(method, network, rank)
    return Outcome(method, count, before, accuracy(), float(forward), float(backward), float(update))
