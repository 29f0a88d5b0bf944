"""The frozen network: dense layers with ReLU between them, whatever library they come from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..results.files import atomic_write

__all__ = ["BatchNorm", "Network", "real_numbers"]


def real_numbers(values: Any, name: str) -> np.ndarray:
    """An array of float64. Raises InputError for what is none, or would lose something on the way, as complex numbers
    and masked ones do."""
    if hasattr(values, "toarray"):
        raise InputError(f"{name}: a sparse matrix; give its toarray()")
    if np.ma.is_masked(values):
        raise InputError(f"{name}: some values are masked; fill them, or leave their samples out")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name}: no array of real numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name}: an array of {array.dtype}, not of real numbers")
    with np.errstate(over="ignore"):  # what is too large is not finite, and refused where it counts
        return array.astype(np.float64, copy=False)


class BatchNorm:
    """A trained batch normalisation behind a dense layer: ``gamma (u - mean) / sqrt(var + eps) + beta``."""

    def __init__(self, mean, var, gamma=None, beta=None, eps: float = 1e-5):
        self.mean = real_numbers(mean, "mean")
        self.var = real_numbers(var, "var")
        self.gamma = np.ones_like(self.mean) if gamma is None else real_numbers(gamma, "gamma")
        self.beta = np.zeros_like(self.mean) if beta is None else real_numbers(beta, "beta")
        self.eps = float(eps)

    def fold(self, weights: np.ndarray, biases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights (n, o) and biases (o,) of the one layer that does what the layer and this did.

        Raises InputError if sizes differ, or a variance is negative.
        """
        for name in ("mean", "var", "gamma", "beta"):
            if getattr(self, name).shape != biases.shape:
                raise InputError(
                    f"the batch normalisation's {name} has shape {getattr(self, name).shape}, the layer before it has "
                    f"{len(biases)} outputs"
                )
        if (self.var < 0).any():
            raise InputError(f"the batch normalisation has a negative variance, {self.var.min()}")
        scale = self.gamma / np.sqrt(self.var + self.eps)
        return weights * scale, (biases - self.mean) * scale + self.beta


class Network:
    """``x_{k+1} = relu(x_k W_k + b_k)``, the last layer without ReLU.

    Parameters
    ----------
    weights : sequence of arrays (n_k, n_{k+1})
    biases : sequence of arrays (n_{k+1},)
    classes : sequence, optional
        What the outputs stand for; 0, 1, ... if not given.

    Raises
    ------
    InputError
        No or more than 4 layers, shapes that do not fit each other, a number that is not finite, or one class twice.
    """

    def __init__(self, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], classes=None):
        self.weights = [real_numbers(w, f"layer {k}: weights") for k, w in enumerate(weights, 1)]
        self.biases = [real_numbers(b, f"layer {k}: biases") for k, b in enumerate(biases, 1)]
        if not 1 <= len(self.weights) <= 4 or len(self.weights) != len(self.biases):
            raise InputError(
                f"a network has 1 to 4 dense layers, each with weights and biases; here are {len(self.weights)} and "
                f"{len(self.biases)}"
            )
        before = None
        for k, (w, b) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            if w.ndim != 2 or b.shape != w.shape[1:]:
                raise InputError(f"layer {k}: weights of shape {w.shape} and biases of shape {b.shape} do not fit")
            if before is not None and w.shape[0] != before:
                raise InputError(f"layer {k} has {w.shape[0]} inputs, the layer before it has {before} outputs")
            if not (np.isfinite(w).all() and np.isfinite(b).all()):
                raise InputError(f"layer {k} has a weight or bias that is not finite; the network was not trained well")
            before = w.shape[1]
        self.classes = np.arange(self.outputs) if classes is None else np.asarray(classes)
        if self.classes.shape != (self.outputs,):
            n = "x".join(map(str, self.classes.shape))
            raise InputError(f"{n} classes for a network of {self.outputs} outputs")
        names = self.classes.tolist()
        if len({str(name) for name in names}) < len(names) or any(name != name for name in names):
            raise InputError(f"the classes {names} have to be different names or numbers")

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs of each layer."""
        return tuple(w.shape[0] for w in self.weights)

    @property
    def outputs(self) -> int:
        return self.weights[-1].shape[1]

    def forward(self, x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Inputs (n, n_k) of every layer and the outputs (n, m) for inputs (n, n_1)."""
        inputs = [np.asarray(x, np.float64)]
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs.append(np.maximum(inputs[-1] @ w + b, 0))
        return inputs, inputs[-1] @ self.weights[-1] + self.biases[-1]

    def save(self, path) -> None:
        """As ``.npz`` that :func:`.loaders.load_network` reads."""
        arrays: dict[str, Any] = {f"weight_{k}": w for k, w in enumerate(self.weights)}
        arrays |= {f"bias_{k}": b for k, b in enumerate(self.biases)}
        with atomic_write(path) as file:
            np.savez_compressed(file, classes=self.classes, **arrays)
