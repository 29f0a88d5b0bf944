"""A frozen network put together step by step, and compared with the one that it was made of."""

from collections.abc import Callable

import numpy as np

from ..errors import InputError
from .network import BatchNorm, Network

__all__ = ["Chain"]


class Chain:
    """Steps in the order in which the numbers pass them; says at once what cannot follow what.

    Factors and summands (numbers, or one for each column) are folded into the dense layer before them, or, at the
    beginning and behind a ReLU, into the one after them.
    """

    def __init__(self):
        self._weights: list[np.ndarray] = []
        self._biases: list[np.ndarray] = []
        self._open = False  # the last layer has not been through its ReLU
        self._closed: str | None = None  # the softmax at the end
        self._scale, self._shift = np.ones(1), np.zeros(1)  # what waits for the next dense layer

    def _after_dense(self, what: str) -> None:
        if not self._open or self._closed:
            raise InputError(f"{what} must directly follow a dense layer")

    def dense(self, weights: np.ndarray, biases: np.ndarray) -> None:
        if self._open or self._closed:
            raise InputError("between two dense layers there must be a ReLU")
        if weights.ndim != 2:
            raise InputError(f"a dense layer's weights have shape {weights.shape}; they have to be (inputs, outputs)")
        if (self._scale != 1).any() or self._shift.any():
            for values in (self._scale, self._shift):
                if len(values) not in (1, len(weights)):
                    raise InputError(f"{len(values)} factors or summands before a dense layer of {len(weights)} inputs")
            biases = biases + np.broadcast_to(self._shift, len(weights)) @ weights
            weights = np.broadcast_to(self._scale, len(weights))[:, None] * weights
        self._scale, self._shift = np.ones(1), np.zeros(1)
        self._weights.append(weights)
        self._biases.append(biases)
        self._open = True

    def norm(self, norm: BatchNorm) -> None:
        self._after_dense("a batch normalisation")
        self._weights[-1], self._biases[-1] = norm.fold(self._weights[-1], self._biases[-1])

    def affine(self, scale: np.ndarray, shift: np.ndarray) -> None:
        """``x scale + shift``; each a number or one value for each column."""
        if self._closed:
            raise InputError(f"nothing may follow the {self._closed}")
        scale, shift = (_row(values) for values in (scale, shift))
        if not self._open:
            try:
                self._scale, self._shift = self._scale * scale, self._shift * scale + shift
            except ValueError as error:
                raise InputError(f"factors and summands do not fit each other: {error}") from None
            return
        outputs = len(self._biases[-1])
        for values in (scale, shift):
            if len(values) not in (1, outputs):
                raise InputError(f"{len(values)} factors or summands behind a dense layer of {outputs} outputs")
        self._weights[-1] = self._weights[-1] * scale
        self._biases[-1] = self._biases[-1] * scale + shift

    def relu(self) -> None:
        self._after_dense("a ReLU")
        self._open = False

    def softmax(self, kind: str) -> None:
        self._after_dense(f"a {kind}")
        self._closed = kind

    def network(self, original: Callable[[np.ndarray], np.ndarray] | None = None) -> Network:
        """The network. ``original`` computes outputs (n, m) of inputs (n, n_1) float32 in the library that it is of;
        raises InputError if they differ on random inputs."""
        if self._weights and not self._open:
            raise InputError("the last dense layer must not be followed by a ReLU")
        network = Network(self._weights, self._biases)
        if original is not None:
            rng = np.random.default_rng(0)
            for size in (1.0, 30.0):
                x = (size * rng.normal(size=(8, network.widths[0]))).astype(np.float32)
                self._compare(self._outputs(network, x), np.asarray(original(x), np.float64))
        return network

    def _outputs(self, network: Network, x: np.ndarray) -> np.ndarray:
        y = network.forward(x)[1]
        if self._closed is None:
            return y
        y = y - y.max(1, keepdims=True)
        y = y - np.log(np.exp(y).sum(1, keepdims=True))
        return y if self._closed == "LogSoftmax" else np.exp(y)

    @staticmethod
    def _compare(ours: np.ndarray, theirs: np.ndarray) -> None:
        if ours.shape != theirs.shape:
            raise InputError(f"its outputs have shape {theirs.shape}; a chain of its layers gives {ours.shape}")
        apart = np.abs(ours - theirs).max()
        if not apart <= 1e-3 * max(1.0, np.abs(theirs).max()):
            raise InputError(
                f"its outputs on random inputs differ by {apart:.3g} from those of a chain of its layers; export the "
                "dense layers, batch normalisations and ReLUs alone"
            )


def _row(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim and values.size != values.shape[-1]:
        raise InputError(f"a factor or summand of shape {values.shape}; it has to be one value for each column")
    return values.reshape(-1)
