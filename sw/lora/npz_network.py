"""Networks from NumPy's ``.npz``."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..graph.packed import read_bytes, reading, unpack_npz
from .network import BatchNorm, Network, real_numbers

__all__ = ["from_npz", "npz_arrays"]

#: Arrays of a layer: of the layer itself, and of a batch normalisation behind it.
_LAYER, _NORM = ("weight", "bias"), ("mean", "var", "gamma", "beta")
_NAME = re.compile(rf"({'|'.join((*_LAYER, *_NORM))})_(0|[1-9][0-9]*)")


def from_npz(path: Path) -> Network:
    """A network of ``weight_0``, ``bias_0``, ``weight_1``, ...: see :func:`.loaders.load_network`.

    A layer without ``bias_k`` has none. Raises InputError for a file that cannot be read, and for an array that has no
    place in such a network, or is of the wrong shape or not of real numbers.
    """
    with reading(path):
        data = read_bytes(path)
    arrays = npz_arrays(path, data)
    with reading(path):
        return _network(arrays)


def npz_arrays(path: Path, data: bytes) -> dict[str, np.ndarray]:
    """The arrays in a file's bytes. Raises InputError that says what kind of file was expected."""
    try:
        with reading(path):
            return unpack_npz(data)
    except InputError as error:
        raise InputError(f"not a readable .npz file: {error}") from error


def _network(arrays: Mapping[str, np.ndarray]) -> Network:
    if "weight_0" not in arrays:
        raise InputError(f"no weight_0 in it; there is: {', '.join(arrays) or 'nothing'}")
    n_layers = sum(name.startswith("weight_") for name in arrays)
    for name in arrays:
        match = _NAME.fullmatch(name)
        if name != "classes" and match is None:
            raise InputError(f"{name} is none of weight_k, bias_k, {', '.join(f'{n}_k' for n in _NORM)} and classes")
        if match is not None and f"weight_{match[2]}" not in arrays:
            raise InputError(f"{name} without weight_{match[2]}")
        if match is not None and int(match[2]) >= n_layers:
            missing = next(k for k in range(n_layers) if f"weight_{k}" not in arrays)
            raise InputError(f"{name} without weight_{missing}: layers are numbered from 0 on, without a gap")
    weights, biases = zip(*(_layer(arrays, k) for k in range(n_layers)), strict=True)
    return Network(weights, biases, arrays.get("classes"))


def _layer(arrays: Mapping[str, np.ndarray], k: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n, o) and biases (o,), a batch normalisation within them."""
    named = {n: real_numbers(arrays[f"{n}_{k}"], f"{n}_{k}") for n in (*_LAYER, *_NORM) if f"{n}_{k}" in arrays}
    w = named["weight"]
    if w.ndim != 2:
        raise InputError(f"weight_{k} must be (inputs, outputs), not {w.shape}")
    b = named.get("bias", np.zeros(w.shape[1]))
    if given := [n for n in _NORM if n in named]:
        if missing := [n for n in ("mean", "var") if n not in named]:
            raise InputError(f"{given[0]}_{k} without {missing[0]}_{k}")
        return BatchNorm(named["mean"], named["var"], named.get("gamma"), named.get("beta")).fold(w, b)
    return w, b
