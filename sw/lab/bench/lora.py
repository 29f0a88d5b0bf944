"""Skip2-LoRA and LoRA-All on the CPU: in NumPy and C, on the same network, samples and mini-batches.

In PyTorch: :mod:`.lora_torch`.
"""

import ctypes
from dataclasses import dataclass

import numpy as np

from ...lora.methods import fine_tune, shuffled_epochs
from ...lora.network import Network
from ...lora.tasks import Task
from .native import ALIGNMENT, Compiler, aligned, load

__all__ = ["METHODS", "CFineTuning", "numpy_seconds"]

#: Without and with the cache, and what both are held against.
METHODS = ("Skip2-LoRA", "Skip-LoRA", "LoRA-All")
RANK, BATCH, RATE = 4, 20, 0.125
#: Floats of a vector in the kernels.
LANES = ALIGNMENT // 4


def numpy_seconds(method: str, network: Network, task: Task, epochs: int) -> float:
    """Seconds of the training loop of :func:`skipwalk.sw.lora.methods.fine_tune`."""
    outcome = fine_tune(method, network, task.finetune, task.test, epochs=epochs, rate=RATE, batch=BATCH, rank=RANK)
    return outcome.total * 1e-6 * len(task.finetune[1]) * epochs


def _wide(values: np.ndarray) -> np.ndarray:
    """Zeros behind the last column up to a multiple of :data:`LANES`, aligned."""
    return aligned(np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, -values.shape[-1] % LANES)]))


@dataclass
class CFineTuning:
    """A network, its samples and adapters as the C kernel takes them.

    Raises ValueError for a network that is not of three layers with widths that are multiples of 16.

    Attributes
    ----------
    a : list of (4, n_k) float32
        A_k transposed.
    b : list of (4, 16 or more) float32
        B_k, filled up with zeros.
    """

    network: Network
    task: Task
    method: str
    compiler: Compiler
    seed: int = 0

    def __post_init__(self) -> None:
        widths, classes = self.network.widths, self.network.outputs
        if len(widths) != 3 or any(n % LANES for n in widths) or classes > LANES:
            raise ValueError(f"the C kernel takes 3 layers of multiples of {LANES} inputs, not {widths} -> {classes}")
        shape = {"N0": widths[0], "N1": widths[1], "N2": widths[2], "M": classes}
        library = load("lora.c", self.compiler, **shape)
        self._skip, self._lora_all = library.skip, library.lora_all
        x, labels = self.task.finetune
        n = len(labels)
        self._x = [aligned(x), aligned(np.zeros((n, widths[1]))), aligned(np.zeros((n, widths[2])))]
        self._c, self._known = aligned(np.zeros((n, LANES))), np.zeros(n, np.uint8)
        self._labels = np.asarray(labels, np.int32)
        self._w = [_wide(w) for w in self.network.weights]
        self._wt = [aligned(w.T) for w in self.network.weights]
        self._bias = [_wide(b) for b in self.network.biases]
        self.reset()

    def reset(self) -> None:
        """Adapters as at the start, as those of ``methods``; an empty cache."""
        rng = np.random.default_rng(self.seed)
        widths, classes = self.network.widths, self.network.outputs
        outputs = (*widths[1:], classes) if self.method == "LoRA-All" else (classes,) * 3
        self.a = [aligned((rng.normal(0, 1, (n, RANK)) / np.sqrt(n)).T) for n in widths]
        self.b = [_wide(np.zeros((RANK, o))) for o in outputs]
        self._known[:] = 0

    def arrays(self, order: np.ndarray) -> list[np.ndarray]:
        """What the method's function of lora.c takes for the samples ``order``, in its order, numbers as arrays of one:
        the same memory as this object's."""
        order = np.ascontiguousarray(order, np.int32)
        end = [self._labels, order, np.array([len(order)], np.int64), np.array([RATE], np.float32)]
        if self.method == "LoRA-All":
            return [self._x[0], *self._w, *self._wt, *self._bias, *self.a, *self.b, *end]
        network = [*self._w, *self._bias, *self.a, *self.b]
        return [*self._x, self._c, self._known, *network, *end, np.array([self.method == "Skip2-LoRA"], np.int32)]

    def run(self, order: np.ndarray) -> None:
        """Train the samples ``order``, mini-batch by mini-batch."""
        order = np.ascontiguousarray(order, np.int32)
        rate, n = ctypes.c_float(RATE), ctypes.c_int64(len(order))
        labels, ids = _pointer(self._labels), _pointer(order)
        if self.method == "LoRA-All":
            tables = (_pointers(part) for part in (self._w, self._wt, self._bias, self.a, self.b))
            self._lora_all(_pointer(self._x[0]), *tables, labels, ids, n, rate)
            return
        tables = (_pointers(part) for part in (self._w, self._bias, self.a, self.b))
        cache = [*map(_pointer, self._x), _pointer(self._c), _pointer(self._known)]
        self._skip(*cache, *tables, labels, ids, n, rate, ctypes.c_int(self.method == "Skip2-LoRA"))

    def fine_tune(self, epochs: int) -> None:
        """From the start, ``epochs`` passes in the order that ``methods.fine_tune`` has."""
        self.reset()
        self.run(shuffled_epochs(len(self._labels), epochs, np.random.default_rng(self.seed)))

    def accuracy(self) -> float:
        """On the test samples."""
        x, y = self.task.test
        h = np.asarray(x, np.float64)
        total = np.zeros((len(y), self.network.outputs))
        last = len(self.a) - 1
        for k, (w, bias) in enumerate(zip(self.network.weights, self.network.biases, strict=True)):
            adapted = h @ self.a[k].T @ self.b[k]
            u = h @ w + bias
            if self.method == "LoRA-All":
                u = u + adapted[:, : u.shape[1]]
            else:
                total += adapted[:, : self.network.outputs]
            h = np.maximum(u, 0) if k < last else u
        return float(((h + total).argmax(axis=1) == y).mean())


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _pointers(arrays: list[np.ndarray]) -> ctypes.Array:
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
