"""Pre-training of the small networks that the demonstration fine-tunes: dense, batch-norm, ReLU, by Adam."""

from itertools import pairwise

import numpy as np

from .network import BatchNorm, Network

__all__ = ["pretrain"]

_EPS = 1e-5


def pretrain(
    x: np.ndarray,
    y: np.ndarray,
    classes: int,
    *,
    hidden: tuple[int, ...] = (96, 96),
    epochs: int = 30,
    seed: int = 0,
    rate: float = 2e-3,
    batch: int = 20,
) -> Network:
    """A network of ``hidden`` layers for samples x (n, n_1) and labels y (n,), its batch normalisations folded."""
    rng = np.random.default_rng(seed)
    sizes = (x.shape[1], *hidden, classes)
    n_layers = len(sizes) - 1
    weights = [rng.normal(0, np.sqrt(2 / a), (a, b)) for a, b in pairwise(sizes)]
    parameters = {("w", k): w for k, w in enumerate(weights)}
    parameters |= {("b", k): np.zeros(sizes[k + 1]) for k in range(n_layers)}
    for k in range(n_layers - 1):
        parameters["gamma", k], parameters["beta", k] = np.ones(sizes[k + 1]), np.zeros(sizes[k + 1])
    mean = [np.zeros(n) for n in hidden]
    var = [np.ones(n) for n in hidden]
    first = {key: np.zeros_like(v) for key, v in parameters.items()}
    second = {key: np.zeros_like(v) for key, v in parameters.items()}
    step = 0
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for start in range(0, len(y) - batch + 1, batch):
            rows = order[start : start + batch]
            inputs, kept = [x[rows]], []
            for k in range(n_layers):
                u = inputs[k] @ parameters["w", k] + parameters["b", k]
                if k < n_layers - 1:
                    m, v = u.mean(axis=0), u.var(axis=0)
                    mean[k], var[k] = 0.95 * mean[k] + 0.05 * m, 0.95 * var[k] + 0.05 * v
                    deviation = np.sqrt(v + _EPS)
                    normal = (u - m) / deviation
                    kept.append((normal, deviation))
                    inputs.append(np.maximum(normal * parameters["gamma", k] + parameters["beta", k], 0))
            g = np.exp(u - u.max(axis=1, keepdims=True))
            g /= g.sum(axis=1, keepdims=True)
            g[np.arange(batch), y[rows]] -= 1
            g /= batch
            gradients = {}
            for k in reversed(range(n_layers)):
                if k < n_layers - 1:
                    normal, deviation = kept[k]
                    g = g * (inputs[k + 1] > 0)
                    gradients["gamma", k], gradients["beta", k] = (g * normal).sum(axis=0), g.sum(axis=0)
                    g = g * parameters["gamma", k]
                    g = (g - g.mean(axis=0) - normal * (g * normal).mean(axis=0)) / deviation
                gradients["w", k], gradients["b", k] = inputs[k].T @ g, g.sum(axis=0)
                g = g @ parameters["w", k].T
            step += 1
            for key, gradient in gradients.items():
                first[key] = 0.9 * first[key] + 0.1 * gradient
                second[key] = 0.999 * second[key] + 0.001 * gradient**2
                size = first[key] / (1 - 0.9**step) / (np.sqrt(second[key] / (1 - 0.999**step)) + 1e-8)
                parameters[key] = parameters[key] - rate * size
    w = [parameters["w", k] for k in range(n_layers)]
    b = [parameters["b", k] for k in range(n_layers)]
    for k in range(n_layers - 1):
        norm = BatchNorm(mean[k], var[k], parameters["gamma", k], parameters["beta", k], _EPS)
        w[k], b[k] = norm.fold(w[k], b[k])
    return Network(w, b)
