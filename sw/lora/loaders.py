"""Pre-trained networks from other libraries. Nothing heavy is imported unless a file needs it."""

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .network import Network
from .npz_network import from_npz
from .onnx_network import from_onnx
from .torch_network import from_torch, torch_module

__all__ = ["from_onnx", "from_sklearn", "from_torch", "load_network"]


def load_network(source: Any) -> Network:
    """A :class:`Network` from whatever it is.

    Parameters
    ----------
    source : Network, MLPClassifier, Pipeline that ends with one, torch.nn.Sequential, or path
        Paths: ``.npz`` (``weight_0``, ``bias_0``, ``weight_1``, ...; optionally ``mean_k``, ``var_k``, ``gamma_k``,
        ``beta_k`` of a batch normalisation behind layer k, and ``classes``; nothing else), ``.onnx``,
        ``.pt`` or ``.pth`` (a whole module).

    Raises
    ------
    InputError
        The file or the layers cannot be used; the message says which and why.
    """
    if isinstance(source, Network):
        return source
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise InputError("is no regular file" if path.exists() else "no such file", path=path)
        ending = path.suffix.lower()
        if ending == ".npz":
            return from_npz(path)
        if ending == ".onnx":
            return from_onnx(path)
        if ending in (".pt", ".pth"):
            return from_torch(torch_module(path))
        raise InputError(f"unknown kind of network {path.suffix!r}; use .npz, .onnx, .pt or .pth", path=path)
    if hasattr(source, "coefs_") or hasattr(source, "named_steps"):
        return from_sklearn(source)
    if hasattr(source, "named_children"):
        return from_torch(source)
    if type(source).__name__ == "MLPClassifier":
        raise InputError("this MLPClassifier has not been fitted; call its fit first")
    raise InputError(f"cannot make a network of a {type(source).__name__}")


def from_sklearn(model: Any) -> Network:
    """A fitted scikit-learn ``MLPClassifier`` with ReLU. Two classes get two outputs, one of them always 0.

    Of a ``Pipeline``, scalers before it go into the first layer, so that it takes the data as they are.

    Raises InputError for another model, another step of a pipeline, or one that has not been fitted.
    """
    steps = list(model.named_steps.values()) if hasattr(model, "named_steps") else [model]
    *scalers, model = steps
    if not hasattr(model, "coefs_"):
        raise InputError(f"a pipeline must end with a fitted MLPClassifier, not with {_said(model)}")
    if getattr(model, "activation", None) != "relu":
        raise InputError(f"the hidden layers must be relu, not {getattr(model, 'activation', None)}")
    if getattr(model, "out_activation_", None) not in ("softmax", "logistic") or isinstance(model.classes_, list):
        raise InputError("only a classifier with one label for each sample can be fine-tuned")
    weights, biases = list(model.coefs_), list(model.intercepts_)
    if model.out_activation_ == "logistic":
        if model.n_outputs_ != 1:
            raise InputError("only a classifier with one label for each sample can be fine-tuned")
        weights[-1] = np.hstack([np.zeros_like(weights[-1]), weights[-1]])
        biases[-1] = np.append(0.0, biases[-1])
    for scaler in reversed([step for step in scalers if step not in (None, "passthrough")]):
        factor, shift = _affine(scaler)
        biases[0] = biases[0] + shift @ weights[0]
        weights[0] = np.reshape(factor, (-1, 1)) * weights[0]
    return Network(weights, biases, model.classes_)


def _said(step: Any) -> str:
    return step if isinstance(step, str) else type(step).__name__


def _affine(scaler: Any) -> tuple[np.ndarray, np.ndarray]:
    """Factor and shift, (n,), of a step that scales each input by itself: ``x * factor + shift``.

    Raises InputError for any other step.
    """
    name, clips = type(scaler).__name__, getattr(scaler, "clip", False)
    known = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler")
    if name not in known or clips:
        raise InputError(
            f"the step {_said(scaler)}{' with clip=True' if clips else ''} cannot go into the first layer; these can: "
            f"{', '.join(known)}. Apply it to the samples, and give the classifier alone"
        )
    if not hasattr(scaler, "n_features_in_"):
        raise InputError(f"the step {name} has not been fitted")
    # All four are affine in each input, so two points tell what they do.
    n = scaler.n_features_in_
    zero, one = scaler.transform(np.stack([np.zeros(n), np.ones(n)]))
    return one - zero, zero
